// Benchmark: what an offer, an answer and its reading cost, per MIKEY method, and how much of that is public-key arithmetic.

import {
  constants,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { promisify } from "node:util";
import { TrustStore } from "../../firmware/crypto/certificates.js";
import { type DhKeyPair, generateDhKeyPair } from "../../firmware/crypto/dh.js";
import { createAuthority, issueIdentity } from "../../firmware/crypto/issue.js";
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

const ROUNDS = 200;
const WARMUP = 30;
const methods: readonly MethodName[] = ["psk", "dhhmac", "dh", "pke", "rsa-r"];
const uris = { alice: "sip:alice@example.com", bob: "sip:bob@example.com" } as const;

/** How often each public-key operation happens in a whole exchange (offer, answer, finish), without pairs made ahead. */
interface Operations {
  readonly sign: number;
  readonly verify: number;
  readonly encrypt: number;
  readonly decrypt: number;
  readonly pair: number;
  readonly secret: number;
}
const operations: Readonly<Record<MethodName, Operations>> = {
  psk: { sign: 0, verify: 0, encrypt: 0, decrypt: 0, pair: 0, secret: 0 },
  dhhmac: { sign: 0, verify: 0, encrypt: 0, decrypt: 0, pair: 2, secret: 2 },
  dh: { sign: 2, verify: 2, encrypt: 0, decrypt: 0, pair: 2, secret: 2 },
  pke: { sign: 1, verify: 1, encrypt: 1, decrypt: 1, pair: 0, secret: 0 },
  "rsa-r": { sign: 2, verify: 2, encrypt: 1, decrypt: 1, pair: 0, secret: 0 },
};

interface Side {
  readonly agent: MikeyAgent;
  readonly ahead: DhKeyPair[];
}

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.text);
  return result.value;
}

async function people(): Promise<{
  sides: Record<"alice" | "bob", Side>;
  keys: { private: KeyObject; public: KeyObject };
}> {
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
  const privateKey = createPrivateKey(identities.alice.privateKeyPem);
  return {
    sides: { alice: side("alice", "bob"), bob: side("bob", "alice") },
    keys: { private: privateKey, public: createPublicKey(privateKey) },
  };
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

const signAsync = promisify(sign);
const verifyAsync = promisify(verify);

/** Ms of each raw operation, measured in the same way as the library calls it: on node's thread pool where it does so. */
async function rawOnce(keys: { private: KeyObject; public: KeyObject }): Promise<Operations> {
  const data = new Uint8Array(1500);
  const block = new Uint8Array(256).fill(1);
  block[0] = 0;
  const key = { key: keys.private, padding: constants.RSA_PKCS1_PADDING };
  const time = async <T>(work: () => T | Promise<T>): Promise<[number, T]> => {
    const before = performance.now();
    const value = await work();
    return [performance.now() - before, value];
  };
  const [signMs, signature] = await time(() => signAsync("sha1", data, key));
  const [verifyMs] = await time(() =>
    verifyAsync("sha1", data, { key: keys.public, padding: constants.RSA_PKCS1_PADDING }, signature),
  );
  const [encryptMs, sealed] = await time(() =>
    publicEncrypt({ key: keys.public, padding: constants.RSA_NO_PADDING }, block),
  );
  const [decryptMs] = await time(() =>
    privateDecrypt({ key: keys.private, padding: constants.RSA_NO_PADDING }, sealed),
  );
  const [pairMs, pair] = await time(() => generateDhKeyPair("oakley5"));
  const [secretMs] = await time(() => pair.secret(pair.publicValue));
  return { sign: signMs, verify: verifyMs, encrypt: encryptMs, decrypt: decryptMs, pair: pairMs, secret: secretMs };
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
    const { sides, keys } = await people();
    const isDh = (method: MethodName) => method === "dh" || method === "dhhmac";
    const rows: readonly Row[] = methods.flatMap((method) =>
      (isDh(method) ? [false, true] : [false]).map((isAhead) => ({ method, isAhead })),
    );
    const samples = rows.map(() => ({ offer: [] as number[], answer: [] as number[], finish: [] as number[] }));
    const raw: Operations[] = [];
    const shares = new Map<MethodName, number[]>();
    for (let round = -WARMUP; round < rounds; round++) {
      context.status(`round ${round + WARMUP + 1} of ${rounds + WARMUP}`);
      const once = await rawOnce(keys);
      if (round >= 0) raw.push(once);
      for (const [i, { method, isAhead }] of rows.entries()) {
        if (isAhead) for (const side of [sides.alice, sides.bob]) side.ahead.push(generateDhKeyPair("oakley5"));
        const took = await exchange(sides, method);
        if (round < 0) continue;
        for (const step of steps) samples[i][step].push(took[step]);
        if (isAhead || method === "psk") continue;
        const arithmetic = Object.entries(operations[method]).reduce(
          (sum, [name, times]) => sum + times * once[name as keyof Operations],
          0,
        );
        const share = (100 * arithmetic) / steps.reduce((sum, step) => sum + took[step], 0);
        shares.set(method, [...(shares.get(method) ?? []), share]);
      }
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
      title: "raw operations (RSA 2048, OAKLEY 5)",
      unit: "ms",
      series: (Object.keys(operations.psk) as (keyof Operations)[]).map((one) => ({
        name: one,
        samples: raw.map((sample) => sample[one]),
      })),
      paired: true,
    });
    context.report({
      title: "share of raw public-key operations in a whole exchange (at least 85 % wanted)",
      unit: "%",
      series: [...shares].map(([method, values]) => ({ name: method, samples: values })),
      paired: true,
    });
    const medians = [...shares].map(([method, values]) => `${method} ${median(values).toFixed(1)} %`);
    context.note(`share of raw operations, median: ${medians.join(", ")}`);
  },
};
