// Tries a message with each of its bits flipped, one at a time: none may pass.

import * as assert from "uvu/assert";
import { TrustStore } from "../../../firmware/crypto/certificates.js";
import type { Agreement, Bundle, CertificateVerifier, MethodName, MikeyAgent } from "../../../firmware/mikey/index.js";
import { ok, type Result } from "../../../firmware/runtime/result.js";
import { good } from "../../results.js";
import { agentOf, alice, atAlice, atBob, authority, bob, nowMs, type Person } from "./people.js";

/** Tries that run at once: signatures are verified on other threads. */
const AT_ONCE = 64;

/** Flips every bit. `read` is what must refuse. Throws Error that names the first bit that does not count. Gives how many were tried. */
export async function everyBit(
  message: Uint8Array,
  read: (damaged: Uint8Array) => Promise<Result<unknown>>,
  what: string,
): Promise<number> {
  const bits = message.length * 8;
  for (let first = 0; first < bits; first += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, bits - first) }, async (_, i) => {
      const bit = first + i;
      const damaged = message.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      const result = await read(damaged);
      if (result.ok) throw new Error(`${what}: byte ${bit >> 3}, bit ${bit & 7} does not count`);
    });
    await Promise.all(batch);
  }
  return bits;
}

/**
 * The worst authority: it vouches for anybody whatever certificate is shown, as long as the true one was shown before. What a changed
 * certificate cannot do to a real authority is tested with the certificates; here the signature alone must notice it.
 */
export function credulous(trust: CertificateVerifier): CertificateVerifier {
  let known: Awaited<ReturnType<CertificateVerifier["verify"]>> | undefined;
  return {
    async verify(chain, uri, atMs, use) {
      known ??= await trust.verify(chain, uri, atMs, use);
      return known.ok ? ok({ ...known.value, uri }) : known;
    },
  };
}

/** Alice and Bob, each with an authority that a changed certificate does not put off. */
export function pair(both: Partial<Person> = {}): [MikeyAgent, MikeyAgent] {
  const person = (uri: string) => agentOf({ ...both, uri, trust: credulous(new TrustStore(authority.certificatePem)) });
  return [person(alice), person(bob)];
}

export async function exchangeOf(method: MethodName, [a, b]: [MikeyAgent, MikeyAgent]) {
  const sent = good(await a.offer(method, atAlice, ["mikey"], nowMs));
  const received = good(await b.receive(sent.message, atBob, ["mikey"], nowMs));
  const { message: answer, agreement } = good(await received.answer());
  return { sent, answer, atA: good(await sent.accept(answer, nowMs)), atB: agreement };
}

export const bundleOf = (agreement: Agreement): Bundle => {
  assert.ok(agreement.bundle);
  return agreement.bundle as Bundle;
};
