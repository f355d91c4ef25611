// SRTP policies: the parameters of an SP payload (RFC 3830 section 6.10.1, RFC 7714 section 14.3) and the suites they describe.

import { ok } from "../runtime/result.js";
import type { SrtpSuiteName } from "../srtp/keys.js";
import { type MikeyResult, refuse } from "./errors.js";
import { SrtpParameter as Parameter, SecurityProtocol, SrtpAuthentication, SrtpCipher } from "./numbers.js";
import type { PolicyPayload } from "./payloads/index.js";

/** Suites that MIKEY can describe: all of SRTP's. Which of them an agent runs is in its options. */
export type MikeySuite = SrtpSuiteName;

/** The suite everybody has. */
export const DEFAULT_SUITE = "AES_CM_128_HMAC_SHA1_80";

/** How a suite is run; every field has SRTP's default when it is left out. The words are those of `SrtpKeys`. */
export interface SrtpTerms {
  /** Packets per key; a power of two up to 2^24. 0 (default): keys are derived once. */
  readonly kdr?: number;
  /** RTP is not encrypted. Default false. */
  readonly unencryptedRtp?: boolean;
  /** RTCP is not encrypted. Default false. */
  readonly unencryptedRtcp?: boolean;
  /** RTP has no tag (RTCP always has). Default false. */
  readonly unauthenticatedRtp?: boolean;
}

/** What a policy asks of SRTP. */
export interface SrtpUse extends SrtpTerms {
  readonly suite: MikeySuite;
}

/** Every parameter of table 6.10.1.a, with RFC 7714's. Lengths in bytes. */
export interface SrtpPolicy {
  /** {@link SrtpCipher}. */
  readonly encryption: number;
  /** Of the session key and of the master key. */
  readonly encryptionKeyLength: number;
  /** {@link SrtpAuthentication}. */
  readonly authentication: number;
  readonly authenticationKeyLength: number;
  readonly saltLength: number;
  /** 0: AES-CM. */
  readonly prf: number;
  /** Packets per key; 0: keys are derived once. */
  readonly keyDerivationRate: number;
  readonly srtpEncryption: boolean;
  readonly srtcpEncryption: boolean;
  /** 0: first FEC, then SRTP. */
  readonly fecOrder: number;
  readonly srtpAuthentication: boolean;
  /** Of SRTP; SRTCP's is never shorter than 10 (RFC 3711 section 3.4). */
  readonly tagLength: number;
  readonly prefixLength: number;
  /** Of an AEAD cipher. */
  readonly aeadTagLength: number;
}

/** What SRTP takes when a parameter is not said (RFC 3711 section 8.2, RFC 7714 section 14.3). */
function defaults(encryption: number): SrtpPolicy {
  const isAead = encryption === SrtpCipher.aesGcm;
  return {
    encryption,
    encryptionKeyLength: 16,
    authentication: isAead ? SrtpAuthentication.null : SrtpAuthentication.hmacSha1,
    authenticationKeyLength: isAead ? 0 : 20,
    saltLength: isAead ? 12 : 14,
    prf: 0,
    keyDerivationRate: 0,
    srtpEncryption: true,
    srtcpEncryption: true,
    fecOrder: 0,
    srtpAuthentication: !isAead,
    tagLength: isAead ? 0 : 10,
    prefixLength: 0,
    aeadTagLength: isAead ? 16 : 0,
  };
}

/** Fields by parameter number. */
const fields: ReadonlyMap<number, keyof SrtpPolicy> = new Map(
  Object.entries(Parameter).map(([name, number]) => [number, name as keyof SrtpPolicy]),
);
const names: (keyof SrtpPolicy | undefined)[] = [];
for (const [number, name] of fields) names[number] = name;

function shape(encryption: number, key: number, tag: number): SrtpPolicy {
  const base = defaults(encryption);
  return { ...base, encryptionKeyLength: key, ...(encryption === SrtpCipher.aesGcm ? {} : { tagLength: tag }) };
}

/** Each suite as a policy. Their order is no preference. */
const suites: ReadonlyMap<MikeySuite, SrtpPolicy> = new Map<MikeySuite, SrtpPolicy>([
  ["AES_CM_128_HMAC_SHA1_80", shape(SrtpCipher.aesCm, 16, 10)],
  ["AES_CM_128_HMAC_SHA1_32", shape(SrtpCipher.aesCm, 16, 4)],
  ["AES_192_CM_HMAC_SHA1_80", shape(SrtpCipher.aesCm, 24, 10)],
  ["AES_192_CM_HMAC_SHA1_32", shape(SrtpCipher.aesCm, 24, 4)],
  ["AES_256_CM_HMAC_SHA1_80", shape(SrtpCipher.aesCm, 32, 10)],
  ["AES_256_CM_HMAC_SHA1_32", shape(SrtpCipher.aesCm, 32, 4)],
  ["F8_128_HMAC_SHA1_80", shape(SrtpCipher.aesF8, 16, 10)],
  ["AEAD_AES_128_GCM", shape(SrtpCipher.aesGcm, 16, 0)],
  ["AEAD_AES_256_GCM", shape(SrtpCipher.aesGcm, 32, 0)],
  ["NULL_HMAC_SHA1_80", shape(SrtpCipher.null, 16, 10)],
  ["NULL_HMAC_SHA1_32", shape(SrtpCipher.null, 16, 4)],
]);

/** Every suite that MIKEY can describe. */
export const mikeySuites: readonly MikeySuite[] = [...suites.keys()];

/** The policy of a suite. Throws RangeError for a name that MIKEY cannot describe. */
export function suitePolicy(suite: MikeySuite): SrtpPolicy {
  const policy = suites.get(suite);
  if (!policy) throw new RangeError(`MIKEY has no parameters for the suite ${suite}`);
  return policy;
}

/** Bytes of a suite's master key and salt. */
export function suiteKeyLengths(suite: MikeySuite): { readonly key: number; readonly salt: number } {
  const { encryptionKeyLength, saltLength } = suitePolicy(suite);
  return { key: encryptionKeyLength, salt: saltLength };
}

function numberBytes(value: number): Uint8Array {
  const bytes = [value & 0xff];
  for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 0xff);
  return Uint8Array.from(bytes);
}

/** Writes a policy, every parameter said aloud: table 6.10.1.a's 13, or for an AEAD cipher those that mean something to it. */
export function writePolicy(policy: SrtpPolicy, number: number): PolicyPayload {
  const isAead = policy.encryption === SrtpCipher.aesGcm;
  const left = new Set<number>(
    isAead
      ? [Parameter.authentication, Parameter.authenticationKeyLength, Parameter.srtpAuthentication, Parameter.tagLength]
      : [Parameter.aeadTagLength],
  );
  const parameters = [...fields]
    .filter(([type]) => !left.has(type))
    .map(([type, name]) => ({ type, value: numberBytes(Number(policy[name])) }));
  return { kind: "policy", number, protocol: SecurityProtocol.srtp, parameters };
}

/** What a policy says without what SRTP takes for granted: shorter, for who is known to read it as we do. Other protocols' come back as they are. */
export function briefPolicy(policy: PolicyPayload): PolicyPayload {
  const known = briefs.get(policy);
  if (known) return known;
  const read = readPolicy(policy);
  if (!read.ok) return policy;
  const granted: SrtpPolicy = { ...defaults(read.value.encryption), encryption: SrtpCipher.aesCm };
  const parameters = policy.parameters.filter(({ type }) => {
    const name = names[type];
    return name === undefined || read.value[name] !== granted[name];
  });
  const brief = { ...policy, parameters };
  briefs.set(policy, brief);
  return brief;
}

/** A phone's offers ask for the same each time. */
const briefs = new WeakMap<PolicyPayload, PolicyPayload>();

/** The SP payload that asks for a suite, run as `terms` say. Throws RangeError for terms that SRTP has no meaning for. */
export function policyFor(suite: MikeySuite, number: number, terms: SrtpTerms = {}): PolicyPayload {
  const { kdr = 0, unencryptedRtp, unencryptedRtcp, unauthenticatedRtp } = terms;
  if (!isRate(kdr)) throw new RangeError(`a key derivation rate is 0 or a power of two up to 2^24, not ${kdr}`);
  const policy = suitePolicy(suite);
  if (unauthenticatedRtp && policy.encryption === SrtpCipher.aesGcm)
    throw new RangeError(`${suite} cannot go without authentication`);
  const changes = {
    keyDerivationRate: kdr,
    ...(unencryptedRtp ? { srtpEncryption: false } : {}),
    ...(unencryptedRtcp ? { srtcpEncryption: false } : {}),
    ...(unauthenticatedRtp ? { srtpAuthentication: false } : {}),
  };
  return writePolicy({ ...policy, ...changes }, number);
}

/** RFC 3711 section 4.3.1: 0, or a power of two up to 2^24. */
function isRate(kdr: number): boolean {
  return Number.isInteger(kdr) && kdr >= 0 && kdr <= 2 ** 24 && (kdr & (kdr - 1)) === 0;
}

/** The policies of these suites, for an error message (section 5.1.1). */
export function supportedPolicies(allowed: readonly MikeySuite[] = [DEFAULT_SUITE]): PolicyPayload[] {
  return allowed.map((suite, i) => policyFor(suite, i));
}

/** NaN for a value that is no number. */
function numberOf(value: Uint8Array): number {
  if (value.length === 0 || value.length > 6) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < value.length; i++) sum = sum * 256 + value[i];
  return sum;
}

/**
 * Reads a policy; what it leaves out has SRTP's default. `unsupported-protocol`: not SRTP; `unsupported-policy`: a parameter
 * twice, unknown, or with no number for a value.
 */
export function readPolicy(policy: PolicyPayload): MikeyResult<SrtpPolicy> {
  if (policy.protocol !== SecurityProtocol.srtp)
    return refuse("unsupported-protocol", `security protocol ${policy.protocol} is not SRTP`);
  const { number, parameters } = policy;
  const cipher = parameters.find(({ type }) => type === Parameter.encryption);
  const result: { -readonly [K in keyof SrtpPolicy]: number | boolean } = defaults(
    cipher ? numberOf(cipher.value) : SrtpCipher.aesCm,
  );
  // A bit for each of those that were said; their numbers are small.
  let said = 0;
  for (let i = 0; i < parameters.length; i++) {
    const { type } = parameters[i];
    const value = numberOf(parameters[i].value);
    const name = names[type];
    if (name === undefined || Number.isNaN(value))
      return refuse("unsupported-policy", `parameter ${type} of policy ${number} is not known`);
    if ((said & (1 << type)) !== 0) return refuse("unsupported-policy", `policy ${number} says something twice`);
    said |= 1 << type;
    const isFlag = name === "srtpEncryption" || name === "srtcpEncryption" || name === "srtpAuthentication";
    if (isFlag && value > 1)
      return refuse("unsupported-policy", `parameter ${type} of policy ${number} is neither off nor on`);
    result[name] = isFlag ? value === 1 : value;
  }
  return ok(result as SrtpPolicy);
}

/** Parameters that name a suite. */
const naming: readonly (keyof SrtpPolicy)[] = [
  "encryption",
  "encryptionKeyLength",
  "saltLength",
  "prf",
  "fecOrder",
  "prefixLength",
  "aeadTagLength",
];
/** Those that name it too where the cipher does not authenticate by itself. */
const namingMac: readonly (keyof SrtpPolicy)[] = ["authentication", "authenticationKeyLength", "tagLength"];

/** What a policy asks of SRTP, or undefined when nothing of ours is that. */
export function useOf(policy: SrtpPolicy): SrtpUse | undefined {
  const isAead = policy.encryption === SrtpCipher.aesGcm;
  const kdr = policy.keyDerivationRate;
  if (!isRate(kdr)) return undefined;
  for (const [suite, wanted] of suites) {
    if (!naming.every((name) => wanted[name] === policy[name])) continue;
    if (!isAead && !namingMac.every((name) => wanted[name] === policy[name])) continue;
    return {
      suite,
      ...(kdr > 0 ? { kdr } : {}),
      ...(policy.srtpEncryption ? {} : { unencryptedRtp: true }),
      ...(policy.srtcpEncryption ? {} : { unencryptedRtcp: true }),
      ...(isAead || policy.srtpAuthentication ? {} : { unauthenticatedRtp: true }),
    };
  }
  return undefined;
}

/** The suite that a policy describes with everything protected and keys derived once, or undefined. */
export function suiteOf(policy: SrtpPolicy): MikeySuite | undefined {
  const use = useOf(policy);
  return use && Object.keys(use).length === 1 ? use.suite : undefined;
}
