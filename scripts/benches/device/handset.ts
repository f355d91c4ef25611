// The telephone as a device runs it: the bundle of a target, by that target's Debian Node, with the launcher's options.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ControlClient, type HandsetStatus } from "../../../firmware/control/index.js";
import { systemClock } from "../../../firmware/runtime/index.js";
import type { DeviceBuild } from "../../../toolchain/device/build.js";
import { sysroot } from "../../../toolchain/device/sysroot.js";
import { launcherFlags, type TargetNode, targetNode } from "../../../toolchain/device/target-node.js";
import { freePort } from "../../demo-call/phone.js";
import { peakBytes, residentBytes } from "../process.js";
import { makeKeys } from "./keys.js";

/** An emulated processor takes its time, ms. */
const LIMIT_MS = 120_000;

/** A build, and how its processor's Node is run here. */
export interface Device {
  readonly build: DeviceBuild;
  readonly node: TargetNode;
  /** Where the emulated program's 4 GiB of addresses begin; undefined where nothing is emulated. */
  readonly guest?: number;
}

const GUEST = 0x40_0000_0000;
/** Between two looks at the memory of an emulated program, ms. */
const LOOK_MS = 250;

/** The most memory a device's program has had resident: by the kernel's own count, or looked at now and then where it is emulated. */
export class Peak {
  private most = 0;
  private readonly timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly pid: number,
    private readonly guest: number | undefined,
  ) {
    if (guest !== undefined) this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Bytes until now. */
  get bytes(): number {
    this.look();
    return this.most;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const { pid, guest } = this;
    const now = guest === undefined ? peakBytes(pid) : residentBytes(pid, guest, guest + 2 ** 32);
    this.most = Math.max(this.most, now);
  }
}

/** Finds a Node for a build: Debian's for another processor, the one that runs this for ours. */
export async function deviceOf(build: DeviceBuild): Promise<Device> {
  if (build.target.node === process.arch) return { build, node: { program: process.execPath, args: [] } };
  const { program, args } = targetNode(build.target, await sysroot(build.target));
  // The emulated program's memory at an address of our choice: it can be told from the emulator's.
  return { build, node: { program, args: ["-B", `0x${GUEST.toString(16)}`, ...args] }, guest: GUEST };
}

/** Milliseconds that `node -e 0` takes, from being started to its end. */
export async function emptyRun({ node }: Device): Promise<number> {
  const startedAt = systemClock.now();
  const child = spawn(node.program, [...node.args, ...launcherFlags(), "-e", "0"], { stdio: "ignore" });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error(`node -e 0 ended with ${code}`);
  return systemClock.now() - startedAt;
}

/** A telephone of a device, with keys of its own, automatic answer, and a folder where compiled code is kept. */
export class DeviceHandset {
  private child: ChildProcess | undefined;
  private control: ControlClient | undefined;
  private words = "";
  private peak: Peak | undefined;

  private constructor(
    private readonly device: Device,
    private readonly folder: string,
    readonly uri: string,
    private readonly config: string,
    private readonly socket: string,
    /** Authority of its certificate. */
    readonly trustAnchor: string,
  ) {}

  /** @param peerAuthority whom it believes beside its own. @param registrarPort where it registers. */
  static async make(
    device: Device,
    folder: string,
    peerAuthority: string,
    registrarPort: number,
  ): Promise<DeviceHandset> {
    mkdirSync(folder, { recursive: true });
    const port = await freePort();
    const file = (name: string) => join(folder, name);
    const address = "sip:device@127.0.0.1";
    const keying = { offer: "dh", ...(await makeKeys(folder, address)) };
    const [config, socket] = [file("sotto.json"), file("s")];
    writeFileSync(
      config,
      JSON.stringify({
        board: "host",
        sip: { address: "127.0.0.1", port, instanceFile: file("instance") },
        control: socket,
        replayFile: file("replay"),
        log: { level: "warn", file: file("log") },
        // An emulated processor has no time for short periods.
        devices: { audio: { periods: 16 } },
        accounts: [
          {
            uri: address,
            security: "required",
            codecs: ["PCMU"],
            autoAnswerMs: 0,
            ...{ register: true, registrar: `sip:127.0.0.1:${registrarPort}` },
            keying: { ...keying, trustAnchors: [...keying.trustAnchors, peerAuthority] },
          },
        ],
      }),
      { mode: 0o600 },
    );
    return new DeviceHandset(device, folder, `${address}:${port}`, config, socket, keying.trustAnchors[0]);
  }

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error("the device's handset does not run");
    return this.child.pid;
  }

  /** The most memory it has had resident since its start, bytes; the emulator's own left out. */
  get peakBytes(): number {
    if (!this.peak) throw new Error("the device's handset does not run");
    return this.peak.bytes;
  }

  /**
   * Starts it and waits until it is ready.
   * @param keepsCode with the compiled code of the start before.
   * @returns milliseconds from being started to being registered.
   */
  async start({ keepsCode }: { readonly keepsCode: boolean }): Promise<number> {
    const { node, build } = this.device;
    rmSync(this.socket, { force: true });
    if (!keepsCode) rmSync(join(this.folder, "code"), { recursive: true, force: true });
    const program = join(build.app, "sotto.js");
    const startedAt = systemClock.now();
    const child = spawn(node.program, [...node.args, ...launcherFlags(), program, "run", "--config", this.config], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, SOTTO_CODE_CACHE: join(this.folder, "code") },
    });
    this.child = child;
    this.peak = new Peak(this.pid, this.device.guest);
    child.once("exit", () => this.peak?.stop());
    child.stderr!.on("data", (data) => {
      this.words = (this.words + data).slice(-2000);
    });
    let hasEnded = false;
    child.once("exit", () => {
      hasEnded = true;
    });
    for (const deadline = startedAt + LIMIT_MS; systemClock.now() < deadline && !hasEnded; await pause(50)) {
      this.control ??= existsSync(this.socket)
        ? await ControlClient.open(this.socket).catch(() => undefined)
        : undefined;
      const status = await this.control?.ask("status", {}).catch(() => undefined);
      const start = status?.startUp;
      if (start?.readyMs === undefined || start.registeredMs === undefined) continue;
      return start.bootMonotonicMs - startedAt + start.registeredMs;
    }
    throw new Error(`the device's handset did not start: ${this.words.trim()}`);
  }

  status(): Promise<HandsetStatus> {
    return this.control!.ask("status", {});
  }

  /** Waits until its compiled code is kept. */
  async codeKept(): Promise<void> {
    const files = ["handset", "voice"];
    for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await pause(100)) {
      const there = existsSync(join(this.folder, "code")) ? readdirSync(join(this.folder, "code")) : [];
      if (files.every((name) => there.some((one) => one.startsWith(`${name}-`) && one.endsWith(".code")))) return;
    }
    throw new Error("the device's handset has not kept its compiled code");
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    const { child } = this;
    this.control?.close();
    this.control = undefined;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(timer);
  }
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
