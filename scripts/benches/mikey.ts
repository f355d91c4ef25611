// Benchmark: what an offer, an answer and its reading cost, per MIKEY method, and how much of that is public-key arithmetic.

import { TrustStore } from "../../firmware/crypto/certificates.js";
import { type DhKeyPair, generateDhKeyPair } from "../../firmware/crypto/dh.js";
import { createAuthority, issueIdentity } from "../../firmware/crypto/issue.js";
import { pooledRandom } from "../../firmware/crypto/random.js";
import {
  CertificateDirectory,
  createDhHmacMethod,
  createDhMethod,
  createPkeMethod,
  createPskMethod,
  createRsaRMethod,
  MemoryReplayCache,
  type MethodName,
  MikeyAgent,
  type MikeyMethod,
} from "../../firmware/mikey/index.js";
import type { Result } from "../../firmware/runtime/result.js";
import type { BenchContext, Benchmark } from "./benchmark.js";
import { RawMeter, type RawOperation, rawOperations, sumOf } from "./mikey-raw.js";

const ROUNDS = 200;
/** Rounds before the measured ones, for each of them: node compiles what runs often, and goes on doing so for a long while. */
const WARMUP = 20;
/** Exchanges of one method in a row, as a phone has them; then it is the next one's turn. Pairs are made ahead for all of them. */
const IN_A_ROW = 20;
const methods: readonly MethodName[] = ["psk", "dhhmac", "dh", "pke", "rsa-r"];
const uris = { alice: "sip:alice@example.com", bob: "sip:bob@example.com" } as const;

interface Side {
  readonly agent: MikeyAgent;
  readonly ahead: DhKeyPair[];
}

const random = pooledRandom();

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.text);
  return result.value;
}

async function people(): Promise<Record<"alice" | "bob", Side>> {
  const now = Date.now();
  const valid = { notBeforeMs: now - 86_400_000, notAfterMs: now + 86_400_000 };
  const authority = await createAuthority({ ...valid, commonName: "Bench CA" });
  const keyUsage = ["digitalSignature", "keyEncipherment"] as const;
  const issue = (uri: string) => issueIdentity(authority, { ...valid, uri, keyUsage });
  const identities = { alice: await issue(uris.alice), bob: await issue(uris.bob) };
  const psk = random(32);
  const side = (own: "alice" | "bob", peer: "alice" | "bob"): Side => {
    const ahead: DhKeyPair[] = [];
    const trust = new TrustStore(authority.certificatePem);
    const { certificatePem, privateKeyPem } = identities[own];
    const signer = { certificateChainPem: certificatePem, privateKeyPem, trust };
    const dh = { takeDhKeyPair: () => ahead.pop() ?? generateDhKeyPair("oakley5") };
    const recipients = new CertificateDirectory(trust, [identities[peer].certificatePem]);
    const all: MikeyMethod[] = [
      createPskMethod({ key: psk, name: "bench" }),
      createDhHmacMethod({ key: psk, name: "bench", ...dh }),
      createDhMethod({ ...signer, ...dh }),
      createPkeMethod({ ...signer, recipients }),
      createRsaRMethod(signer),
    ];
    const agent = new MikeyAgent({ methods: all, replay: new MemoryReplayCache(100_000), random });
    return { agent, ahead };
  };
  return { alice: side("alice", "bob"), bob: side("bob", "alice") };
}

type Step = "offer" | "answer" | "finish";
const steps: readonly Step[] = ["offer", "answer", "finish"];

/** One exchange; ms per step. */
async function exchange(sides: Record<"alice" | "bob", Side>, method: MethodName): Promise<Record<Step, number>> {
  const nowMs = Date.now();
  const [a, b] = [
    { localUri: uris.alice, peerUri: uris.bob, ssrc: 1 },
    { localUri: uris.bob, peerUri: uris.alice, ssrc: 2 },
  ];
  const t0 = performance.now();
  const sent = must(await sides.alice.agent.offer(method, a, ["mikey"], nowMs));
  const t1 = performance.now();
  const received = must(await sides.bob.agent.receive(sent.message, b, ["mikey"], nowMs));
  const { message } = must(await received.answer());
  const t2 = performance.now();
  must(await sent.accept(message, nowMs));
  const t3 = performance.now();
  sent.end();
  received.wipe();
  return { offer: t1 - t0, answer: t2 - t1, finish: t3 - t2 };
}

/** A way of running the benchmark. */
interface Row {
  readonly method: MethodName;
  readonly isAhead: boolean;
}

const median = (samples: readonly number[]): number => [...samples].sort((x, y) => x - y)[samples.length >> 1];

/** The benchmark. */
export const mikey: Benchmark = {
  name: "mikey",
  description:
    "MIKEY offer, answer and finish per method, with and without Diffie-Hellman pairs made ahead; share of raw operations",
  async run(context: BenchContext) {
    const rounds = context.rounds ?? ROUNDS;
    const sides = await people();
    const isDh = (method: MethodName) => method === "dh" || method === "dhhmac";
    const rows: readonly Row[] = methods.flatMap((method) =>
      (isDh(method) ? [false, true] : [false]).map((isAhead) => ({ method, isAhead })),
    );
    const samples = rows.map(() => ({ offer: [] as number[], answer: [] as number[], finish: [] as number[] }));
    const shares = rows.map(() => [] as number[]);
    const own = rows.map(() => [] as number[]);
    const first: number[] = [];
    const raw = new Map<RawOperation, number[]>(rawOperations.map((one) => [one, []]));
    const warmup = WARMUP * rounds;
    const meter = new RawMeter();
    meter.start();
    try {
      for (let round = -warmup; round < rounds; round += IN_A_ROW) {
        context.status(`round ${round + warmup + 1} of ${rounds + warmup}`);
        for (const [i, { method, isAhead }] of rows.entries()) {
          const count = Math.min(IN_A_ROW, rounds - round);
          for (const { ahead } of [sides.alice, sides.bob])
            for (let n = isAhead ? count : 0; n > 0; n--) ahead.push(generateDhKeyPair("oakley5"));
          for (let n = 0; n < count; n++) {
            meter.take();
            const took = await exchange(sides, method);
            const times = meter.take();
            const whole = steps.reduce((sum, step) => sum + took[step], 0);
            first[i] ??= whole;
            if (round + n < 0) continue;
            for (const step of steps) samples[i][step].push(took[step]);
            for (const one of rawOperations) raw.get(one)?.push(...times[one]);
            shares[i].push((100 * sumOf(times)) / whole);
            own[i].push(whole - sumOf(times));
          }
        }
      }
    } finally {
      meter.stop();
    }
    const name = ({ method, isAhead }: Row) => (isAhead ? `${method}, pairs made ahead` : method);
    for (const step of steps)
      context.report({
        title: step === "finish" ? "finish: the answer read, keys derived" : step,
        unit: "ms",
        series: rows.map((row, i) => ({ name: name(row), samples: samples[i][step] })),
        paired: true,
      });
    context.report({
      title: "raw operations as they happened in the exchanges (node:crypto; RSA 2048, OAKLEY 5)",
      unit: "ms",
      series: [...raw].map(([one, ms]) => ({ name: one, samples: ms })),
      paired: false,
    });
    const signing = [...rows.keys()].filter((i) => rows[i].method !== "psk");
    context.report({
      title: "share of raw public-key operations in a whole exchange, both ends (at least 85 % wanted)",
      unit: "%",
      series: signing.map((i) => ({ name: name(rows[i]), samples: shares[i] })),
      paired: true,
    });
    context.report({
      title: "the rest: our own work in a whole exchange, both ends",
      unit: "ms",
      series: rows.map((row, i) => ({ name: name(row), samples: own[i] })),
      paired: true,
    });
    const shared = signing.map((i) => `${name(rows[i])} ${median(shares[i]).toFixed(1)} %`);
    context.note(`share of raw operations, median: ${shared.join("; ")}`);
    const cold = rows.map((row, i) => `${name(row)} ${first[i].toFixed(0)} ms`);
    context.note(`first exchange of the process, nothing compiled and no certificate known: ${cold.join("; ")}`);
  },
};
