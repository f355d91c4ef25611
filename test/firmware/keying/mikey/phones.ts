// Two phones for tests: their keys, certificates and what their sessions report.

import { randomBytes } from "node:crypto";
import type { IssuedIdentity } from "../../../../firmware/crypto/issue.js";
import type { Keying, KeyingAttributes, KeyingSession, VerifiedPeer } from "../../../../firmware/keying/keying.js";
import { createMikeyKeying, type MikeyKeyingOptions } from "../../../../firmware/keying/mikey/index.js";
import type { SrtpKeys } from "../../../../firmware/srtp/keys.js";
import { vectors } from "../../../vectors.js";

/** The moment tests live in. */
export const NOON = Date.UTC(2026, 5, 1, 12);
const DAY = 86_400_000;
export const alice = "sip:alice@example.com";
export const bob = "sip:bob@example.com";
export const psk = { key: new Uint8Array(16).map((_, i) => i * 7 + 1), name: "office" };

/** Validity around {@link NOON}. */
export const valid = { notBeforeMs: NOON - DAY, notAfterMs: NOON + 30 * DAY };

interface Person {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}
const made = vectors<{ dh: { caPem: string; alice: Person; bob: Person } }>("mikey-exchanges").dh;

/** The authority of the two phones' certificates, "Vector CA"; they end 2046-01-01. */
export const authorityPem = made.caPem;
export const aliceIdentity: IssuedIdentity = { ...made.alice, chainPem: made.alice.certificatePem };
export const bobIdentity: IssuedIdentity = { ...made.bob, chainPem: made.bob.certificatePem };

/** A clock that tests set. */
export class SetClock {
  constructor(public ms = NOON) {}
  now(): number {
    return this.ms;
  }
  wallMs(): number {
    return this.ms;
  }
}

export function identityOf(issued: IssuedIdentity): { certificateChainPem: string; privateKeyPem: string } {
  return { certificateChainPem: issued.chainPem, privateKeyPem: issued.privateKeyPem };
}

/** A phone that can do both methods unless told otherwise. */
export function keyingFor(issued: IssuedIdentity, options: Partial<MikeyKeyingOptions> = {}): Keying {
  return createMikeyKeying({
    offer: "dh",
    psk,
    identity: identityOf(issued),
    trustAnchorsPem: authorityPem,
    clock: new SetClock(),
    random: (length) => new Uint8Array(randomBytes(length)),
    ...options,
  });
}

/** What a session reported. */
export class Reports {
  readonly keys: { tx: SrtpKeys; rx: SrtpKeys; peer: VerifiedPeer }[] = [];
  readonly verified: VerifiedPeer[] = [];
  readonly order: string[] = [];
  readonly events = {
    keys: (tx: SrtpKeys, rx: SrtpKeys, peer: VerifiedPeer) => {
      this.keys.push({ tx, rx, peer });
      this.order.push("keys");
    },
    verified: (peer: VerifiedPeer) => {
      this.verified.push(peer);
      this.order.push("verified");
    },
  };
}

/** Two sessions facing each other. */
export interface Pair {
  readonly caller: KeyingSession;
  readonly callee: KeyingSession;
  readonly atCaller: Reports;
  readonly atCallee: Reports;
}

export function openPair(
  callerKeying: Keying,
  calleeKeying: Keying,
  uris: { callerLocal?: string; dialled?: string; calleeLocal?: string; from?: string } = {},
): Pair {
  const atCaller = new Reports();
  const atCallee = new Reports();
  const { callerLocal = alice, dialled = bob, calleeLocal = bob, from = alice } = uris;
  const caller = callerKeying.open(
    "offerer",
    { localUri: callerLocal, peerUri: dialled, ssrc: 0x1111 },
    atCaller.events,
  );
  const callee = calleeKeying.open("answerer", { localUri: calleeLocal, peerUri: from, ssrc: 0x2222 }, atCallee.events);
  return { caller, callee, atCaller, atCallee };
}

/** The MIKEY message in attributes, and attributes with another one. */
export function messageIn(attributes: KeyingAttributes): Uint8Array {
  const value = [...attributes.session, ...attributes.media][0]?.value ?? "";
  return new Uint8Array(Buffer.from(value.split(" ")[1] ?? "", "base64"));
}

export function attributesWith(message: Uint8Array): KeyingAttributes {
  return { session: [{ name: "key-mgmt", value: `mikey ${Buffer.from(message).toString("base64")}` }], media: [] };
}
