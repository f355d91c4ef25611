// `sotto mikey vectors`: complete exchanges of every method from fixed inputs, for other implementations to test against.

import { createHmac } from "node:crypto";
import { TrustStore } from "../../crypto/certificates.js";
import { type DhGroupName, dhKeyPairFrom } from "../../crypto/dh.js";
import {
  type Agreement,
  type Bundle,
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
  newGroupKeys,
  policyFor,
  type RandomSource,
  type ReceivedOffer,
  type SentOffer,
} from "../../mikey/index.js";
import { type VectorIdentity, vectorAuthorityPem, vectorIdentities } from "./vector-keys.js";
import { isRandomized, type VectorPlan, vectorPlans } from "./vector-plans.js";

/** Keys of one crypto session. */
export interface VectorSession {
  readonly csId: number;
  readonly ssrc: number;
  readonly tek: string;
  readonly salt: string;
  /** The keys of section 4.1.3 for protocols that derive none themselves. */
  readonly encryptionKey: string;
  readonly authenticationKey: string;
  readonly mki?: string;
}

/** An offer, its answer and what they agree on. All values of bytes are hexadecimal. */
export interface VectorExchange {
  readonly dh?: { readonly group: DhGroupName; readonly initiatorPrivate: string; readonly responderPrivate: string };
  readonly offer: string;
  /** Absent: none is wanted. */
  readonly answer?: string;
  readonly tgk: string;
  readonly sessions: readonly VectorSession[];
}

/** A bundle's first exchange, and those that update it. */
export interface MikeyVector extends VectorExchange {
  readonly name: string;
  readonly method: MethodName;
  readonly notes: string;
  /** Signatures or envelopes have randomness of their own: other bytes in every run. */
  readonly isRandomized?: boolean;
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
  /** What the keys are made with; a group's are its own. */
  readonly csbId: string;
  readonly rand: string;
  readonly suite: MikeySuite;
  /** Whoever sends the update's offer; `dh` is there when the update brings a new key by Diffie-Hellman. */
  readonly updates?: readonly (VectorExchange & {
    readonly from: "initiator" | "responder";
    readonly isNewKey: boolean;
  })[];
}

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

type Role = "initiator" | "responder";

/** Draws private values as they are asked for, and remembers the last of each end. */
class PrivateValues {
  private readonly drawn = new Map<Role, Uint8Array>();

  constructor(
    private readonly group: DhGroupName,
    private readonly random: RandomSource,
  ) {}

  take(role: Role) {
    const value = this.random(32);
    this.drawn.set(role, value);
    return dhKeyPairFrom(this.group, value);
  }

  /** What an exchange used; nothing when it used none. */
  used(): Pick<VectorExchange, "dh"> {
    const [one, two] = [this.drawn.get("initiator"), this.drawn.get("responder")];
    this.drawn.clear();
    return one && two ? { dh: { group: this.group, initiatorPrivate: hex(one), responderPrivate: hex(two) } } : {};
  }
}

function methodFor(plan: VectorPlan, role: Role, values: PrivateValues, psk: Uint8Array): MikeyMethod {
  const group = plan.group ?? "oakley5";
  const dh = { group, acceptedGroups: [group], takeDhKeyPair: () => values.take(role) };
  const pairs = vectorIdentities[plan.identity ?? "rsa"];
  const [own, peer] = role === "initiator" ? [pairs.alice, pairs.bob] : [pairs.bob, pairs.alice];
  const trust = new TrustStore(vectorAuthorityPem);
  const signer = {
    certificateChainPem: own.certificatePem,
    privateKeyPem: own.privateKeyPem,
    trust,
    signatures: plan.signatures ?? "rfc3830",
  };
  const encryption = plan.keyWrap ? { encryption: 2 } : {};
  const envelope = { ...encryption, ...(plan.padding ? { padding: plan.padding } : {}) };
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
        ...envelope,
        recipients: new CertificateDirectory(trust, [peer.certificatePem]),
      });
    case "rsa-r":
      return createRsaRMethod({ ...signer, ...envelope });
  }
}

type Outcome<T> = { ok: true; value: T } | { ok: false; error: { text: string } };

function must<T>(result: Outcome<T>): T {
  if (!result.ok) throw new Error(`vector: ${result.error.text}`);
  return result.value;
}

const bundleOf = ({ bundle }: Agreement): Bundle => {
  if (!bundle) throw new Error("vector: the bundle was not kept");
  return bundle;
};

function sessionsOf(agreement: Agreement): Pick<VectorExchange, "tgk" | "sessions"> {
  const { csbId, rand, keys } = bundleOf(agreement).share();
  const tgk = keys[0].key;
  const derive = (kind: "encryption" | "authentication", csId: number, length: number) =>
    hex(deriveFromTgk(tgk, kind, csId, csbId, rand, length));
  const sessions = agreement.sessions.map((one) => ({
    csId: one.csId,
    ssrc: one.ssrc,
    tek: hex(one.tek),
    salt: hex(one.salt),
    encryptionKey: derive("encryption", one.csId, 16),
    authenticationKey: derive("authentication", one.csId, 20),
    ...(one.mki ? { mki: hex(one.mki) } : {}),
  }));
  return { tgk: hex(tgk), sessions };
}

/** The answer to an offer, and the agreement at both ends. */
async function answered(sent: SentOffer, received: ReceivedOffer, group?: ReturnType<typeof newGroupKeys>) {
  const { message, agreement } = must(await received.answer(group));
  return { answer: message, atOfferer: must(await sent.accept(message, timeMs)), atAnswerer: agreement };
}

/** A new key from the responder, then an update of the initiator's that keeps it. */
async function update(atInitiator: Agreement, atResponder: Agreement, values: PrivateValues) {
  let [from, to] = [atResponder, atInitiator];
  const updates: NonNullable<MikeyVector["updates"]>[number][] = [];
  for (const role of ["responder", "initiator"] as const) {
    const rekey = role === "responder";
    const validity = { kind: "spi", spi: Uint8Array.of(0xa1, 0xb2) } as const;
    const sent = must(
      await bundleOf(from).update({ rekey, ...(rekey ? { validity } : {}) }, ["mikey"], timeMs + updates.length + 1),
    );
    const received = must(await bundleOf(to).receive(sent.message, ["mikey"], timeMs));
    const done = await answered(sent, received);
    updates.push({
      from: role,
      isNewKey: rekey,
      ...values.used(),
      offer: hex(sent.message),
      answer: hex(done.answer),
      ...sessionsOf(done.atOfferer),
    });
    [from, to] = [done.atAnswerer, done.atOfferer];
  }
  return updates;
}

async function make(plan: VectorPlan): Promise<MikeyVector> {
  const random = fixedRandom(`sotto mikey vector ${plan.name}`);
  const { suite = "AES_CM_128_HMAC_SHA1_80", verify = true, isForGroup: asksForGroup = false } = plan;
  const psk = random(16);
  const values = new PrivateValues(plan.group ?? "oakley5", random);
  const agent = (role: Role) =>
    new MikeyAgent({
      methods: [methodFor(plan, role, values, psk)],
      replay: new MemoryReplayCache(),
      random,
      suites: [suite],
      keepsBundles: true,
    });
  const { initiator, responder } = people;
  const atInitiator = { localUri: initiator, peerUri: responder, ssrc: 0x0a11ce01 };
  const atResponder = { localUri: responder, peerUri: initiator, ssrc: 0x00b0b001 };
  const options = { verify, asksForGroup };
  const sent = must(await agent("initiator").offer(plan.method, atInitiator, ["mikey"], timeMs, options));
  const received = must(await agent("responder").receive(sent.message, atResponder, ["mikey"], timeMs));
  const groupSessions = [
    { policy: 0, ssrc: 0x0000c0de, roc: 3 },
    { policy: 0, ssrc: 0x0000face, roc: 0 },
  ];
  const group = asksForGroup ? newGroupKeys(random, groupSessions, [policyFor(suite, 0)]) : undefined;
  const done = verify ? await answered(sent, received, group) : undefined;
  const agreement = done?.atOfferer ?? must(sent.assume(timeMs));
  const { csbId, rand } = bundleOf(agreement).share();
  const pairs = vectorIdentities[plan.identity ?? "rsa"];
  const isShared = plan.method === "psk" || plan.method === "dhhmac";
  return {
    name: plan.name,
    method: plan.method,
    notes: plan.notes,
    ...(isRandomized(plan) ? { isRandomized: true } : {}),
    ...people,
    time: new Date(timeMs).toISOString(),
    ...(isShared
      ? { psk: hex(psk) }
      : { certificates: { authority: vectorAuthorityPem, initiator: pairs.alice, responder: pairs.bob } }),
    ...values.used(),
    csbId: csbId.toString(16).padStart(8, "0"),
    rand: hex(rand),
    suite,
    offer: hex(sent.message),
    ...(done ? { answer: hex(done.answer) } : {}),
    ...sessionsOf(agreement),
    ...(plan.isUpdated && done ? { updates: await update(done.atOfferer, done.atAnswerer, values) } : {}),
  };
}

/** Makes every vector; the same in every run, but for those that are randomized. */
export async function makeVectors(): Promise<readonly MikeyVector[]> {
  const vectors: MikeyVector[] = [];
  for (const plan of vectorPlans) vectors.push(await make(plan));
  return vectors;
}
