// `sotto mikey vectors`: complete exchanges of every method from fixed inputs, for other implementations to test against.

import { createHmac } from "node:crypto";
import { TrustStore } from "../../crypto/certificates.js";
import { type DhGroupName, dhKeyPairFrom } from "../../crypto/dh.js";
import {
  CertificateDirectory,
  createDhHmacMethod,
  createDhMethod,
  createPkeMethod,
  createPskMethod,
  createRsaRMethod,
  deriveFromTgk,
  MemoryReplayCache,
  type MethodName,
  MikeyAgent,
  type MikeyMethod,
  type MikeySuite,
  type RandomSource,
  type SignaturePolicy,
} from "../../mikey/index.js";
import { type VectorIdentity, vectorAuthorityPem, vectorIdentities } from "./vector-keys.js";

/** One exchange. All values of bytes are hexadecimal. */
export interface MikeyVector {
  readonly name: string;
  readonly method: MethodName;
  readonly notes: string;
  readonly initiator: string;
  readonly responder: string;
  /** Wall-clock time, ISO 8601: the offer's T. */
  readonly time: string;
  readonly psk?: string;
  /** PEM. */
  readonly certificates?: {
    readonly authority: string;
    readonly initiator: VectorIdentity;
    readonly responder: VectorIdentity;
  };
  readonly dh?: { readonly group: DhGroupName; readonly initiatorPrivate: string; readonly responderPrivate: string };
  readonly csbId: string;
  readonly rand: string;
  readonly suite: MikeySuite;
  readonly offer: string;
  readonly answer: string;
  readonly tgk: string;
  readonly sessions: readonly {
    readonly csId: number;
    readonly ssrc: number;
    readonly tek: string;
    readonly salt: string;
    /** The keys of section 4.1.3 for protocols that derive none themselves. */
    readonly encryptionKey: string;
    readonly authenticationKey: string;
  }[];
}

interface Plan {
  readonly name: string;
  readonly notes: string;
  readonly method: MethodName;
  readonly group?: DhGroupName;
  readonly identity?: keyof typeof vectorIdentities;
  readonly signatures?: SignaturePolicy;
  readonly suite?: MikeySuite;
  readonly keyWrap?: boolean;
}

const plans: readonly Plan[] = [
  { name: "psk", method: "psk", notes: "RFC 3830 section 3.1" },
  { name: "psk-aead", method: "psk", suite: "AEAD_AES_256_GCM", notes: "SRTP policy of RFC 7714" },
  { name: "psk-key-wrap", method: "psk", keyWrap: true, notes: "AES key wrap, RFC 3394, IV of section 4.2.3" },
  { name: "dhhmac", method: "dhhmac", notes: "RFC 4650, OAKLEY 5" },
  { name: "dhhmac-modp2048", method: "dhhmac", group: "modp2048", notes: "private-use DH group 241" },
  { name: "dhhmac-modp3072", method: "dhhmac", group: "modp3072", notes: "private-use DH group 242" },
  { name: "dhhmac-x25519", method: "dhhmac", group: "x25519", notes: "private-use DH group 243" },
  { name: "dh", method: "dh", notes: "RFC 3830 section 3.3, OAKLEY 5, RSA PKCS#1 v1.5 with SHA-1" },
  { name: "dh-sha256", method: "dh", signatures: "sotto", notes: "signature type 13: RSA PKCS#1 v1.5 with SHA-256" },
  {
    name: "dh-ed25519",
    method: "dh",
    identity: "ed25519",
    signatures: "sotto",
    group: "x25519",
    notes: "signature type 15: Ed25519; DH group 243",
  },
  { name: "pke", method: "pke", notes: "RFC 3830 section 3.2, envelope with PKCS#1 v1.5 padding, CHASH" },
  { name: "pke-key-wrap", method: "pke", keyWrap: true, notes: "AES key wrap with the NULL MAC" },
  { name: "rsa-r", method: "rsa-r", notes: "RFC 4738; the answer's signature covers R || IDi || IDr || T" },
];

const people = { initiator: "sip:alice@example.com", responder: "sip:bob@example.com" } as const;
const timeMs = Date.UTC(2026, 10, 20, 12);

/** "Random" bytes that are the same in every run: HMAC-SHA-256 of a counter under the vector's name. */
function fixedRandom(seed: string): RandomSource {
  let at = 0;
  return (length) => {
    const out = new Uint8Array(length);
    for (let filled = 0; filled < length; filled += 32) {
      const block = createHmac("sha256", seed).update(String(at++)).digest();
      out.set(block.subarray(0, Math.min(32, length - filled)), filled);
    }
    return out;
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function methodFor(plan: Plan, isInitiator: boolean, privateValue: Uint8Array, psk: Uint8Array): MikeyMethod {
  const group = plan.group ?? "oakley5";
  const dh = { group, takeDhKeyPair: () => dhKeyPairFrom(group, privateValue) };
  const pairs = vectorIdentities[plan.identity ?? "rsa"];
  const [own, peer] = isInitiator ? [pairs.alice, pairs.bob] : [pairs.bob, pairs.alice];
  const trust = new TrustStore(vectorAuthorityPem);
  const signer = {
    certificateChainPem: own.certificatePem,
    privateKeyPem: own.privateKeyPem,
    trust,
    signatures: plan.signatures ?? "rfc3830",
  };
  const encryption = plan.keyWrap ? { encryption: 2 } : {};
  switch (plan.method) {
    case "psk":
      return createPskMethod({ key: psk, name: "vector", transport: { ...encryption, acceptedEncryptions: [1, 2] } });
    case "dhhmac":
      return createDhHmacMethod({ key: psk, name: "vector", ...dh });
    case "dh":
      return createDhMethod({ ...signer, ...dh });
    case "pke":
      return createPkeMethod({
        ...signer,
        ...encryption,
        recipients: new CertificateDirectory(trust, [peer.certificatePem]),
      });
    case "rsa-r":
      return createRsaRMethod({ ...signer, ...encryption });
  }
}

async function make(plan: Plan): Promise<MikeyVector> {
  const random = fixedRandom(`sotto mikey vector ${plan.name}`);
  const suite = plan.suite ?? "AES_CM_128_HMAC_SHA1_80";
  const psk = random(16);
  const [xi, xr] = [random(32), random(32)];
  const agent = (isInitiator: boolean) =>
    new MikeyAgent({
      methods: [methodFor(plan, isInitiator, isInitiator ? xi : xr, psk)],
      replay: new MemoryReplayCache(),
      random,
      suites: [suite],
      keepsBundles: true,
    });
  const must = <T>(result: { ok: true; value: T } | { ok: false; error: { text: string } }): T => {
    if (!result.ok) throw new Error(`vector ${plan.name}: ${result.error.text}`);
    return result.value;
  };
  const { initiator, responder } = people;
  const atInitiator = { localUri: initiator, peerUri: responder, ssrc: 0x0a11ce01 };
  const atResponder = { localUri: responder, peerUri: initiator, ssrc: 0x00b0b001 };
  const sent = must(await agent(true).offer(plan.method, atInitiator, ["mikey"], timeMs));
  const received = must(await agent(false).receive(sent.message, atResponder, ["mikey"], timeMs));
  const { message: answer } = must(await received.answer());
  const agreement = must(await sent.accept(answer, timeMs));
  const shared = agreement.bundle?.share();
  if (!shared) throw new Error("the bundle was not kept");
  const { csbId, rand } = shared;
  const tgk = shared.keys[0].key;
  const derive = (kind: "encryption" | "authentication", csId: number, length: number) =>
    hex(deriveFromTgk(tgk, kind, csId, csbId, rand, length));
  const isDh = plan.method === "dh" || plan.method === "dhhmac";
  const isShared = plan.method === "psk" || plan.method === "dhhmac";
  const pairs = vectorIdentities[plan.identity ?? "rsa"];
  return {
    name: plan.name,
    method: plan.method,
    notes: plan.notes,
    ...people,
    time: new Date(timeMs).toISOString(),
    ...(isShared
      ? { psk: hex(psk) }
      : { certificates: { authority: vectorAuthorityPem, initiator: pairs.alice, responder: pairs.bob } }),
    ...(isDh ? { dh: { group: plan.group ?? "oakley5", initiatorPrivate: hex(xi), responderPrivate: hex(xr) } } : {}),
    csbId: csbId.toString(16).padStart(8, "0"),
    rand: hex(rand),
    suite,
    offer: hex(sent.message),
    answer: hex(answer),
    tgk: hex(tgk),
    sessions: agreement.sessions.map((one) => ({
      csId: one.csId,
      ssrc: one.ssrc,
      tek: hex(one.tek),
      salt: hex(one.salt),
      encryptionKey: derive("encryption", one.csId, 16),
      authenticationKey: derive("authentication", one.csId, 20),
    })),
  };
}

/** Makes every vector; the same in every run. */
export async function makeVectors(): Promise<readonly MikeyVector[]> {
  const vectors: MikeyVector[] = [];
  for (const plan of plans) vectors.push(await make(plan));
  return vectors;
}
