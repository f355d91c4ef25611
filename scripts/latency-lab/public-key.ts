// What the public-key operations of a dh exchange take by themselves, both ends, nothing made ahead.

import { TrustStore } from "../../firmware/crypto/certificates.js";
import { generateDhKeyPair } from "../../firmware/crypto/dh.js";
import { type IssuedIdentity, issueIdentity } from "../../firmware/crypto/issue.js";
import { pooledRandom } from "../../firmware/crypto/random.js";
import { createDhMethod, MemoryReplayCache, MikeyAgent } from "../../firmware/mikey/index.js";
import type { Result } from "../../firmware/runtime/result.js";
import { summarise } from "../../firmware/runtime/statistics.js";
import { pause } from "../../test/support/wait.js";
import { RawMeter, sumOf } from "../benches/mikey-raw.js";

const uris = { alice: "sip:alice@127.0.0.1", bob: "sip:bob@127.0.0.1" } as const;
const WARMUP = 100;
/** As telephones rest between two of their calls (see runner.ts), ms. */
const REST_MS = 220;

/** Medians, ms. */
export interface PublicKeyTimes {
  /** Of a whole exchange, after a rest: both ends' signatures, verifications, key pairs and secrets. */
  readonly exchangeMs: number;
  /** Of the answering end, in exchanges one after the other. */
  readonly answerMs: number;
}

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.text);
  return result.value;
}

/**
 * Runs `rounds` exchanges in this process and times node's cryptographic functions in them; then a quarter as many, each after a rest: a telephone that is
 * called finds its processor's caches as others have left them, and the same operations take longer there.
 */
export async function publicKeyTimes(authority: IssuedIdentity, rounds: number): Promise<PublicKeyTimes> {
  const validity = { notBeforeMs: Date.now() - 86_400_000, notAfterMs: Date.now() + 86_400_000 };
  const random = pooledRandom();
  const agentOf = async (uri: string) => {
    // As the laboratory's telephones have them.
    const identity = await issueIdentity(authority, { ...validity, uri, keyType: "p256" });
    const method = createDhMethod({
      certificateChainPem: identity.chainPem,
      privateKeyPem: identity.privateKeyPem,
      trust: new TrustStore(authority.certificatePem),
      signatures: "auto",
      takeDhKeyPair: () => generateDhKeyPair("oakley5"),
    });
    return new MikeyAgent({ methods: [method], replay: new MemoryReplayCache(100_000), random });
  };
  const [alice, bob] = [await agentOf(uris.alice), await agentOf(uris.bob)];
  const meter = new RawMeter();
  const [whole, answers]: number[][] = [[], []];
  const rested = Math.ceil(rounds / 4);
  meter.start();
  try {
    for (let round = -WARMUP; round < rounds + rested; round++) {
      if (round >= rounds) await pause(REST_MS);
      const nowMs = Date.now();
      meter.take();
      const sent = must(
        await alice.offer("dh", { localUri: uris.alice, peerUri: uris.bob, ssrc: 1 }, ["mikey"], nowMs),
      );
      const offered = sumOf(meter.take());
      const parties = { localUri: uris.bob, peerUri: uris.alice, ssrc: 2 };
      const received = must(await bob.receive(sent.message, parties, ["mikey"], nowMs));
      const { message } = must(await received.answer());
      const answered = sumOf(meter.take());
      must(await sent.accept(message, nowMs));
      const accepted = sumOf(meter.take());
      sent.end();
      received.wipe();
      if (round < 0) continue;
      if (round < rounds) answers.push(answered);
      else whole.push(offered + answered + accepted);
    }
  } finally {
    meter.stop();
  }
  return { exchangeMs: summarise(whole).median, answerMs: summarise(answers).median };
}
