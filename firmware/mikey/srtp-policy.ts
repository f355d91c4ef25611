// Which SRTP policies are offered and accepted (RFC 3830 section 6.10.1).

import { ok } from "../runtime/result.js";
import type { SrtpSuiteName } from "../srtp/keys.js";
import { type MikeyResult, refuse } from "./errors.js";
import type { Header } from "./header.js";
import { SrtpParameter as Parameter, SecurityProtocol } from "./numbers.js";
import type { PolicyPayload } from "./payloads/index.js";

/** A suite as SP parameters: each value is also SRTP's default (RFC 3711 section 8.2), which a missing parameter stands for. */
const suites: ReadonlyMap<SrtpSuiteName, ReadonlyMap<number, number>> = new Map([
  [
    "AES_CM_128_HMAC_SHA1_80",
    new Map<number, number>([
      [Parameter.encryption, 1],
      [Parameter.encryptionKeyLength, 16],
      [Parameter.authentication, 1],
      [Parameter.authenticationKeyLength, 20],
      [Parameter.saltLength, 14],
      [Parameter.prf, 0],
      [Parameter.keyDerivationRate, 0],
      [Parameter.srtpEncryption, 1],
      [Parameter.srtcpEncryption, 1],
      [Parameter.fecOrder, 0],
      [Parameter.srtpAuthentication, 1],
      [Parameter.tagLength, 10],
      [Parameter.prefixLength, 0],
    ]),
  ],
]);

/** Bytes of master key and salt per suite. */
export const suiteKeyLengths: Readonly<Record<SrtpSuiteName, { readonly key: number; readonly salt: number }>> = {
  AES_CM_128_HMAC_SHA1_80: { key: 16, salt: 14 },
};

/** The SP payload that asks for a suite, every parameter said aloud. */
export function policyFor(suite: SrtpSuiteName, number: number): PolicyPayload {
  const parameters = [...(suites.get(suite) ?? [])].map(([type, value]) => ({ type, value: Uint8Array.of(value) }));
  return { kind: "policy", number, protocol: SecurityProtocol.srtp, parameters };
}

/** The policies we support, for an error message (section 5.1.1). */
export function supportedPolicies(): PolicyPayload[] {
  return [...suites.keys()].map((suite, i) => policyFor(suite, i));
}

function numberOf(value: Uint8Array): number {
  return value.length === 0 ? Number.NaN : value.reduce((sum, byte) => sum * 256 + byte, 0);
}

function suiteOf(policy: PolicyPayload): MikeyResult<SrtpSuiteName> {
  if (policy.protocol !== SecurityProtocol.srtp)
    return refuse("unsupported-protocol", `security protocol ${policy.protocol} is not SRTP`);
  const types = new Set(policy.parameters.map((parameter) => parameter.type));
  if (types.size !== policy.parameters.length)
    return refuse("unsupported-policy", `policy ${policy.number} says something twice`);
  for (const [suite, wanted] of suites)
    if (policy.parameters.every(({ type, value }) => wanted.get(type) === numberOf(value))) return ok(suite);
  return refuse(
    "unsupported-policy",
    `policy ${policy.number} asks for something other than ${[...suites.keys()].join(", ")}`,
  );
}

/** The suite of each crypto session of an offer, in the order of its CS ID map. */
export function acceptPolicies(
  header: Header,
  policies: readonly PolicyPayload[],
): MikeyResult<readonly SrtpSuiteName[]> {
  const byNumber = new Map<number, SrtpSuiteName>();
  for (const policy of policies) {
    if (byNumber.has(policy.number)) return refuse("malformed-message", `two policies are numbered ${policy.number}`);
    const suite = suiteOf(policy);
    if (!suite.ok) return suite;
    byNumber.set(policy.number, suite.value);
  }
  const chosen: SrtpSuiteName[] = [];
  for (const session of header.sessions) {
    const suite = byNumber.get(session.policy);
    if (!suite) return refuse("unsupported-policy", `no policy numbered ${session.policy} is in the message`);
    chosen.push(suite);
  }
  return ok(chosen);
}
