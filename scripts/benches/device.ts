// Benchmark: what the telephone takes of a handheld device, against the budgets of its board: the bundle and packages as they are shipped, another
// processor's by its own Debian Node under emulation (qemu-user), whose own memory is left out; this one's by the Node that runs this.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { summarise } from "../../firmware/runtime/statistics.js";
import { images } from "../../platform/images.js";
import { findBoard } from "../../platform/index.js";
import { buildForDevice } from "../../toolchain/device/build.js";
import { compress } from "../../toolchain/device/disk.js";
import { makeImage } from "../../toolchain/device/image.js";
import { makePackage } from "../../toolchain/device/package.js";
import { findTarget, type Target, targets } from "../../toolchain/device/targets.js";
import { freePort, Phone, phoneFiles } from "../demo-call/phone.js";
import type { BenchContext, Benchmark } from "./benchmark.js";
import { type Device, DeviceHandset, deviceOf, emptyRun, pause } from "./device/handset.js";
import { makeKeys, type OwnKeys } from "./device/keys.js";
import { Registrar } from "./device/registrar.js";
import { cpuSeconds, peakBytes } from "./process.js";

const ROUNDS = 5;
/** How long a call is watched, and an idle telephone before it, ms. */
const CALL_MS = 20_000;
const IDLE_MS = 10_000;
const BOARD = "qemu-virt";
const PEER = "sip:peer@127.0.0.1";
const MIB = 2 ** 20;

/** What was measured of one device. */
interface Measured {
  readonly empty: number[];
  readonly first: number[];
  readonly kept: number[];
  readonly idleMib: number;
  readonly callMib: number;
  /** What the kernel counts for an emulated one's process: the emulator's own memory with it. */
  readonly processMib: number;
  readonly cpuPercent: number;
}

/** The benchmark. */
export const device: Benchmark = {
  name: "device",
  description:
    "memory, start, processor time and sizes on an (emulated) ARMv7 device beside x64, against the board's budgets",
  async run(context) {
    const board = findBoard(BOARD);
    const budgets = board.budgets ?? {};
    const folder = mkdtempSync(join(tmpdir(), "sotto-device-"));
    const registrar = await Registrar.open();
    try {
      const found = new Map<Target["name"], Measured>();
      for (const name of ["armv7", "x64"] as const) {
        const build = await buildForDevice(findTarget(name), { onStatus: (text) => context.status(text) });
        found.set(name, await measure(await deviceOf(build), join(folder, name), registrar, context));
      }
      report(found, context);
      const [arm, x64] = [found.get("armv7")!, found.get("x64")!];
      const against = (what: string, value: number, budget: number | undefined, unit: string) =>
        context.note(
          `${what}: ${value.toFixed(2)} ${unit}` +
            (budget === undefined ? "" : ` (budget ${budget.toFixed(1)}: ${value <= budget ? "kept" : "EXCEEDED"})`),
        );
      const mib = (bytes: number | undefined) => bytes && bytes / MIB;
      for (const [name, { callMib, idleMib }] of found) {
        // The budgets are a 32-bit processor's.
        const { rssBytes, idleRssBytes } = name === "armv7" ? budgets : {};
        against(`${name}, peak memory in a call`, callMib, mib(rssBytes), "MiB");
        against(`${name}, peak memory idle`, idleMib, mib(idleRssBytes), "MiB");
      }
      context.note(`the emulator's process had ${arm.processMib.toFixed(0)} MiB: it keeps what it has translated`);
      for (const [name, { empty, first, kept }] of found) {
        const ratio = (samples: number[]) => summarise(samples).median / summarise(empty).median;
        against(
          `${name}, start to registered over node -e 0, compiled code kept`,
          ratio(kept),
          budgets.startRatio,
          "times",
        );
        context.note(`${name}, the same at a first start: ${ratio(first).toFixed(2)} times`);
      }
      context.note(
        `a secured G.711 call takes ${arm.cpuPercent.toFixed(1)} % of a core on armv7 (emulated), ${x64.cpuPercent.toFixed(1)} % on x64: ${(arm.cpuPercent / x64.cpuPercent).toFixed(1)} times`,
      );
      for (const target of targets) {
        const { bytes } = await makePackage(await buildForDevice(target, { onStatus: (text) => context.status(text) }));
        against(
          `package for ${target.name} without Node`,
          bytes.length / 1e6,
          budgets.packageBytes && budgets.packageBytes / 1e6,
          "MB",
        );
      }
      for (const { board: name } of images) {
        const made = await makeImage(name, { out: join(folder, name), onStatus: (text) => context.status(text) });
        context.status(`compressing the image for ${name}`);
        const { size } = statSync(await compress(made.disk));
        const limit = findBoard(name).budgets?.imageBytes;
        against(`image for ${name}, compressed (xz)`, size / 1e6, limit && limit / 1e6, "MB");
      }
    } finally {
      registrar.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** Starts a device's telephone several times, then calls it. */
async function measure(device: Device, folder: string, registrar: Registrar, context: BenchContext): Promise<Measured> {
  const { name } = device.build.target;
  const peer = join(folder, "peer");
  const peerKeys = await makeKeys(peer, PEER);
  const handset = await DeviceHandset.make(device, join(folder, "device"), peerKeys.trustAnchors[0], registrar.port);
  const [empty, first, kept]: number[][] = [[], [], []];
  const rounds = context.rounds ?? ROUNDS;
  try {
    for (let round = -1; round < rounds; round++) {
      context.status(`${name}: start ${round + 2} of ${rounds + 1}`);
      const samples = [await emptyRun(device), await handset.start({ keepsCode: false })];
      await handset.codeKept();
      await handset.stop();
      samples.push(await handset.start({ keepsCode: true }));
      if (round >= 0) [empty, first, kept].forEach((row, i) => void row.push(samples[i]));
      // The last one stays on.
      if (round + 1 < rounds) await handset.stop();
    }
    context.status(`${name}: idle`);
    await pause(IDLE_MS);
    const idleMib = handset.peakBytes / MIB;
    const phone = await startPeer(peer, peerKeys, handset.trustAnchor);
    try {
      context.status(`${name}: a call`);
      const { id } = await phone.control.ask("dial", { uri: handset.uri });
      const call = await phone.until("answer", 60_000, (one) => one.id === id && one.state === "active");
      if (call.security.state !== "secure") throw new Error(`the call with ${name} is not private`);
      await pause(2000);
      const before = cpuSeconds(handset.pid);
      const since = performance.now();
      await pause(CALL_MS);
      const cpuPercent = ((cpuSeconds(handset.pid) - before) * 1e5) / (performance.now() - since);
      const [callMib, processMib] = [handset.peakBytes / MIB, peakBytes(handset.pid) / MIB];
      await phone.control.ask("hangup", {});
      return { empty, first, kept, idleMib, callMib, processMib, cpuPercent };
    } finally {
      await phone.stop();
    }
  } finally {
    await handset.stop();
  }
}

/** The other telephone: this checkout's, on this machine. */
async function startPeer(folder: string, keys: OwnKeys, deviceAuthority: string): Promise<Phone> {
  const files = phoneFiles(folder, folder, "peer");
  return Phone.start("peer", join(process.env["SOTTO_TOP"] ?? process.cwd(), "out/js/firmware/cli/entry.js"), files, {
    board: "host",
    sip: { address: "127.0.0.1", port: await freePort() },
    control: files.socket,
    log: { level: "warn", file: files.log },
    accounts: [
      {
        ...{ uri: PEER, security: "required", codecs: ["PCMU"] },
        keying: { ...keys, offer: "dh", trustAnchors: [...keys.trustAnchors, deviceAuthority] },
      },
    ],
  });
}

function report(found: ReadonlyMap<Target["name"], Measured>, context: BenchContext): void {
  for (const [name, { empty, first, kept }] of found)
    context.report({
      title: `${name}: from the start of the process`,
      unit: "ms",
      series: [
        { name: "node -e 0, to its end", samples: empty },
        { name: "registered, first start", samples: first },
        { name: "registered, code kept", samples: kept },
      ],
      paired: true,
    });
  context.report({
    title: "peak memory (VmHWM; of the emulated program by looking four times a second)",
    unit: "MiB",
    series: [...found].flatMap(([name, { idleMib, callMib }]) => [
      { name: `${name}, idle`, samples: [idleMib] },
      { name: `${name}, in a call`, samples: [callMib] },
    ]),
    paired: false,
  });
}
