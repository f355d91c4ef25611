// Whole exchanges against messages made in another language from the RFC's text: every byte of ours must be theirs.

import { createDiffieHellman, createPrivateKey, getDiffieHellman } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TrustStore } from "../../../firmware/crypto/certificates.js";
import type { DhKeyPair } from "../../../firmware/crypto/dh.js";
import {
  type Agreement,
  computeMac,
  covered,
  createDhMethod,
  createPskMethod,
  deriveTransportKeys,
  type Header,
  identityText,
  idPayload,
  MemoryReplayCache,
  MikeyAgent,
  type MikeyMethod,
  type Payload,
  parseMessage,
  payloadsOf,
  printMessage,
  rsaPkcs1Sha1,
  type SentOffer,
} from "../../../firmware/mikey/index.js";
import { ok } from "../../../firmware/runtime/result.js";
import { bad, good } from "../../results.js";
import { bytes, hex, vectors } from "../../vectors.js";

const test = suite("mikey exchanges");

interface Keys {
  readonly csId: number;
  readonly ssrc: number;
  readonly tek: string;
  readonly salt: string;
}
interface Common {
  readonly csbId: number;
  readonly rand: string;
  readonly timestamp: string;
  readonly tgk: string;
  readonly offer: string;
  readonly answer: string;
  readonly sessions: Keys[];
}
interface Person {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}
const all = vectors<{
  nowMs: number;
  initiator: string;
  responder: string;
  ssrcInitiator: number;
  ssrcResponder: number;
  psk: Common & { psk: string };
  dh: Common & { caPem: string; alice: Person; bob: Person; xi: string; xr: string; publicI: string; publicR: string };
}>("mikey-exchanges");

const atInitiator = { localUri: all.initiator, peerUri: all.responder, ssrc: all.ssrcInitiator };
const atResponder = { localUri: all.responder, peerUri: all.initiator, ssrc: all.ssrcResponder };

/** Hands out the vector's "random" numbers in the order they are asked for. */
function fixed(...parts: readonly Uint8Array[]): (length: number) => Uint8Array {
  let at = 0;
  return (length) => {
    const part = parts[at++];
    assert.is(part.length, length);
    // A Buffer, as node's own generator gives: its slices are views, a trap for code that wipes.
    return Buffer.from(part);
  };
}

function csbBytes(csbId: number): Uint8Array {
  const four = new Uint8Array(4);
  new DataView(four.buffer).setUint32(0, csbId);
  return four;
}

function agent(method: MikeyMethod, random: (length: number) => Uint8Array): MikeyAgent {
  return new MikeyAgent({ methods: [method], replay: new MemoryReplayCache(), random });
}

function checkKeys(agreement: Agreement, sessions: readonly Keys[], isInitiator: boolean): void {
  const [one, two] = isInitiator ? [agreement.sent, agreement.received] : [agreement.received, agreement.sent];
  for (const [i, session] of [one, two].entries()) {
    assert.is(session.csId, sessions[i].csId);
    assert.is(session.ssrc, sessions[i].ssrc);
    assert.is(hex(session.tek), sessions[i].tek);
    assert.is(hex(session.salt), sessions[i].salt);
  }
}

/** Every bit of an answer counts: with one flipped there are no keys. (Of long messages one bit of each byte is tried.) */
async function refuseDamage(sent: SentOffer, answer: Uint8Array): Promise<void> {
  const codes = new Map<string, number>();
  // Bytes of a certificate cost a path check each: every sixth of them.
  for (let at = 0; at < answer.length; at += at > 60 && at < answer.length - 700 ? 6 : 1)
    for (const bit of answer.length < 200 ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 8]) {
      const damaged = answer.slice();
      damaged[at] ^= 1 << bit;
      const result = await sent.accept(damaged, all.nowMs);
      if (result.ok) throw new Error(`byte ${at}, bit ${bit} does not count`);
      codes.set(result.error.code, (codes.get(result.error.code) ?? 0) + 1);
    }
  assert.ok((codes.get("wrong-psk") ?? 0) + (codes.get("bad-signature") ?? 0) > 100, JSON.stringify([...codes]));
  for (let length = 0; length < answer.length; length += answer.length < 200 ? 1 : 11)
    assert.not((await sent.accept(answer.subarray(0, length), all.nowMs)).ok);
}

async function run(method: "psk" | "dh", v: Common, initiator: MikeyAgent, responder: MikeyAgent): Promise<void> {
  const sent = good(await initiator.offer(method, atInitiator, ["mikey"], all.nowMs));
  assert.is(hex(sent.message), v.offer);
  const received = good(await responder.receive(bytes(v.offer), atResponder, ["mikey"], all.nowMs));
  const { message, agreement } = good(await received.answer());
  assert.is(hex(message), v.answer);
  checkKeys(agreement, v.sessions, false);
  await refuseDamage(sent, bytes(v.answer));
  checkKeys(good(await sent.accept(bytes(v.answer), all.nowMs)), v.sessions, true);
}

test("pre-shared key: offer, answer, keys", async () => {
  const v = all.psk;
  const key = { key: bytes(v.psk), name: "vector" };
  const random = fixed(csbBytes(v.csbId), bytes(v.rand), bytes(v.tgk));
  await run("psk", v, agent(createPskMethod(key), random), agent(createPskMethod(key), fixed()));
});

/** A key pair with a known private value, made by node. */
function pairOf(privateHex: string): DhKeyPair {
  const dh = createDiffieHellman(getDiffieHellman("modp5").getPrime(), Uint8Array.of(2));
  dh.setPrivateKey(Buffer.from(privateHex.padStart(privateHex.length + (privateHex.length % 2), "0"), "hex"));
  const padded = (value: Uint8Array) => {
    const out = new Uint8Array(192);
    out.set(value, 192 - value.length);
    return out;
  };
  // Node derives the public value when the private one is used: 2^x is the secret with peer value 2... so ask for it.
  const publicValue = padded(dh.computeSecret(Uint8Array.of(2)));
  return { publicValue, secret: (peer) => ok(padded(dh.computeSecret(peer))), wipe() {} };
}

function dhMethod(person: Person, exponent: string): MikeyMethod {
  const pair = pairOf(exponent);
  return createDhMethod({
    certificateChainPem: person.certificatePem,
    privateKeyPem: person.privateKeyPem,
    trust: new TrustStore(all.dh.caPem),
    takeDhKeyPair: () => pair,
  });
}

test("signed Diffie-Hellman: offer, answer, keys, with a secret that begins with a zero byte", async () => {
  const v = all.dh;
  assert.is(v.tgk.slice(0, 2), "00");
  const random = fixed(csbBytes(v.csbId), bytes(v.rand));
  await run("dh", v, agent(dhMethod(v.alice, v.xi), random), agent(dhMethod(v.bob, v.xr), fixed()));
});

/** An answer rewritten by somebody who holds the right key: authentic, and still not the answer to our offer. */
async function rewritten(
  sent: SentOffer,
  answer: string,
  change: (payload: Payload) => Payload,
  header: Partial<Header>,
) {
  const parsed = good(parseMessage(bytes(answer)));
  const payloads = parsed.payloads.map(change);
  const message = printMessage({ header: { ...parsed.header, ...header }, payloads });
  const [v] = payloadsOf(parsed, "verification");
  if (v) {
    const { authentication } = deriveTransportKeys(bytes(all.psk.psk), all.psk.csbId, bytes(all.psk.rand));
    const names = [all.initiator, all.responder].map((name) => new TextEncoder().encode(name));
    const mac = computeMac(authentication, covered(message, 20), ...names, bytes(all.psk.timestamp));
    message.set(mac, message.length - 20);
  } else {
    const key = createPrivateKey(all.dh.bob.privateKeyPem);
    message.set(await rsaPkcs1Sha1.sign(covered(message, 256), key), message.length - 256);
  }
  return sent.accept(message, all.nowMs);
}

const same = (payload: Payload): Payload => payload;
const swapT = (payload: Payload): Payload =>
  payload.kind === "timestamp" ? { ...payload, value: payload.value.map((byte) => byte ^ 1) } : payload;
const rename =
  (from: string, to: string) =>
  (payload: Payload): Payload =>
    payload.kind === "id" && identityText(payload) === from ? idPayload(to) : payload;
const sessions = (policy: number, ssrc: number, roc: number, second: number): Partial<Header> => ({
  sessions: [
    { policy, ssrc, roc },
    { policy: 0, ssrc: second, roc: 0 },
  ],
});

for (const method of ["psk", "dh"] as const)
  test(`${method}: authentic answers that do not belong to the offer`, async () => {
    const v = all[method];
    const random = fixed(
      ...(method === "psk"
        ? [csbBytes(v.csbId), bytes(v.rand), bytes(all.psk.tgk)]
        : [csbBytes(v.csbId), bytes(v.rand)]),
    );
    const made =
      method === "psk"
        ? createPskMethod({ key: bytes(all.psk.psk), name: "vector" })
        : dhMethod(all.dh.alice, all.dh.xi);
    const sent = good(await agent(made, random).offer(method, atInitiator, ["mikey"], all.nowMs));
    const carol = "sip:carol@example.com";
    const { ssrcInitiator: ours, ssrcResponder: theirs } = all;
    bad(await rewritten(sent, v.answer, swapT, {}), "response-mismatch");
    bad(await rewritten(sent, v.answer, same, { csbId: v.csbId - 1 }), "response-mismatch");
    bad(await rewritten(sent, v.answer, same, { prf: 1 }), "response-mismatch");
    for (const header of [
      sessions(0, ours ^ 1, 0, theirs),
      sessions(1, ours, 0, theirs),
      sessions(0, ours, 1, theirs),
      sessions(0, ours, 0, 0),
      { sessionCount: 1, sessions: [{ policy: 0, ssrc: ours, roc: 0 }] },
    ])
      bad(await rewritten(sent, v.answer, same, header), "response-mismatch");
    if (method === "psk") bad(await rewritten(sent, v.answer, rename(all.responder, carol), {}), "identity-mismatch");
    else {
      bad(await rewritten(sent, v.answer, rename(all.initiator, carol), {}), "identity-mismatch");
      const change = (values: readonly string[]) => {
        let at = 0;
        return (payload: Payload): Payload =>
          payload.kind === "dh" ? { ...payload, value: bytes(values[at++]) } : payload;
      };
      const { publicI, publicR } = all.dh;
      bad(await rewritten(sent, v.answer, change([publicR, publicR]), {}), "response-mismatch");
      bad(await rewritten(sent, v.answer, change([publicI, publicI]), {}), "bad-dh-value");
      bad(await rewritten(sent, v.answer, change([`${"00".repeat(191)}01`, publicI]), {}), "bad-dh-value");
      checkKeys(good(await rewritten(sent, v.answer, change([publicI, publicR]), {})), v.sessions, true);
    }
    checkKeys(good(await rewritten(sent, v.answer, same, {})), v.sessions, true);
  });

test.run();
