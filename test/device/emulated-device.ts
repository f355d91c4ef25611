// An emulated handset: its disk, a network to this machine, its power, its shell, its keys and its earpiece.

import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recordingRate } from "../../platform/images.js";
import { copySparse } from "../../toolchain/device/disk.js";
import { HostNetwork } from "../../toolchain/device/host-network.js";
import { dataStart, type MadeImage, makeData } from "../../toolchain/device/image.js";
import { Machine, type MachineOptions } from "../../toolchain/device/machine.js";
import { runTool } from "../../toolchain/device/tools.js";
import { endWithUs, type Started } from "../support/started.js";
import { tone, toneIn } from "../support/tones.js";
import { eventually } from "../support/wait.js";
import type { Surroundings, User } from "./surroundings.js";

/** An emulated processor on a busy machine. */
export const PATIENCE_MS = 90_000;
export const DEVICE_SAYS_HZ = 700;

/** A tone as the machine's ALSA plays it into its microphone: S16_LE, stereo. It plays once: long enough for a machine that is busy. */
function recording(hz: number, seconds: number): Buffer {
  const samples = tone(hz, seconds, recordingRate);
  return Buffer.from(Int16Array.from({ length: 2 * samples.length }, (_, i) => samples[i >> 1]).buffer);
}

/** What a device may have of its own. */
export interface OtherDevice {
  readonly image: MadeImage;
  /** Its sound card. */
  readonly audio: object;
  /** Lays its network.conf, and what that needs, onto the data partition; the telephone then finds its address by itself. */
  readonly layNetwork?: (data: string, network: HostNetwork) => Promise<void>;
}

/** One device, powered or not, with a network to this machine. */
export class EmulatedDevice {
  machine!: Machine;
  readonly disk: string;
  readonly earpiece: string;

  private constructor(
    private readonly folder: string,
    private readonly started: Started,
    readonly image: MadeImage,
    readonly network: HostNetwork,
  ) {
    this.disk = join(folder, "disk.img");
    this.earpiece = join(folder, "earpiece.wav");
  }

  /**
   * Makes somebody's device; it is not powered yet.
   * @param updateKey the owner's public key, PEM.
   * @param other another image than that of the surroundings, and its sound card.
   */
  static async make(
    around: Surroundings,
    user: User,
    started: Started,
    updateKey: string,
    other?: OtherDevice,
  ): Promise<EmulatedDevice> {
    const folder = join(around.folder, user);
    mkdirSync(folder);
    const network = await started.keep(HostNetwork.create());
    const device = new EmulatedDevice(folder, started, other?.image ?? around.image, network);
    await device.makeDisk(around, user, updateKey, other);
    return device;
  }

  private async makeDisk(around: Surroundings, user: User, updateKey: string, other?: OtherDevice): Promise<void> {
    const data = join(this.folder, "data");
    await around.giveKeys(user, join(data, "sotto", "keys"));
    const keys = (name: string) => `/data/sotto/keys/${name}`;
    const config = {
      board: this.image.board.board,
      sip: { address: other?.layNetwork ? "0.0.0.0" : this.network.guest, instanceFile: "/data/state/instance-id" },
      control: "/run/sotto/control.sock",
      devices: { audio: other?.audio ?? { capture: "recording" } },
      accounts: [
        {
          ...around.account(user, keys("password")),
          register: true,
          security: "required",
          codecs: ["PCMU"],
          keying: {
            offer: "dh",
            certificate: keys("user.crt"),
            privateKey: keys("user.key"),
            trustAnchors: [keys("authority.crt")],
          },
        },
      ],
    };
    writeFileSync(join(data, "sotto", "sotto.json"), JSON.stringify(config, null, 2));
    const { guest, host } = this.network;
    if (other?.layNetwork) await other.layNetwork(data, this.network);
    else writeFileSync(join(data, "network.conf"), `address=${guest}/24\ngateway=${host}\nupdate_serial=/dev/hvc1\n`);
    writeFileSync(join(data, "recording.raw"), recording(DEVICE_SAYS_HZ, 150));
    writeFileSync(join(data, "update.pub"), updateKey);
    await makeData(join(this.folder, "data.ext4"), data);
    await runTool("cp", ["--sparse=always", this.image.disk, this.disk]);
    copySparse(join(this.folder, "data.ext4"), openSync(this.disk, "r+"), dataStart);
  }

  /** Switches it on. */
  async power(how: Pick<MachineOptions, "clock"> = {}): Promise<void> {
    const machine = await Machine.start({
      folder: join(this.folder, "m"),
      disk: this.disk,
      tap: this.network.device,
      earpiece: this.earpiece,
      clock: how.clock,
    });
    this.machine = machine;
    endWithUs(machine.pid, machine.exited);
    this.started.keep(Promise.resolve({ stop: () => machine.stop() }));
  }

  /** Waits for the telephone to say that it is ready. @throws Error with the console's and the log's end. */
  async ready(limitMs = 2 * PATIENCE_MS): Promise<void> {
    await this.says("telephone is ready", limitMs);
  }

  /** Waits for words on the console, from `machine.console`'s present beginning on. */
  async says(words: string | RegExp, limitMs = 2 * PATIENCE_MS): Promise<void> {
    await eventually(`the device says ${words}`, limitMs, () =>
      typeof words === "string" ? this.machine.console.includes(words) : words.test(this.machine.console),
    ).catch(async (error: Error) => {
      const log = await this.machine.shell("cat /run/sotto.log; dmesg | tail -n 20").catch(() => "");
      throw new Error(`${error.message}\n${this.machine.console.slice(-3000)}\n${log}`);
    });
  }

  /** What a pattern finds in a command's output (the shell repeats what it is told). */
  async found(command: string, pattern: RegExp): Promise<string> {
    return pattern.exec(await this.machine.shell(command))?.[0] ?? "";
  }

  /** A hash of configuration and keys. */
  async state(): Promise<string> {
    const files = "/data/sotto/sotto.json /data/sotto/keys/* /data/state/instance-id";
    const hash = await this.found(`cat ${files} | sha256sum`, /\b[0-9a-f]{64}\b/);
    if (hash === "") throw new Error("the device's configuration cannot be read");
    return hash;
  }

  /** Waits until its telephone says that it is registered. */
  async registers(): Promise<void> {
    const { machine } = this;
    const waits = "until grep -q '^ready .* registered' /run/sotto/alive; do sleep 1; done";
    await machine.shell(waits, PATIENCE_MS).catch(async (error: Error) => {
      machine.type("\u0003\n");
      const log = await machine.shell("cat /run/sotto/alive; date; tail -n 30 /run/sotto.log").catch(() => "");
      throw new Error(`${error.message}\n${log}\n${machine.console.slice(-1000)}`);
    });
  }

  /** The most memory its telephone has had resident, bytes (VmHWM). */
  async peakBytes(): Promise<number> {
    const words = await this.machine.shell("read state pid more </run/sotto/alive; grep VmHWM /proc/$pid/status");
    return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(words)?.[1] ?? Number.NaN);
  }

  /** Presses a key for a moment. */
  async press(line: number): Promise<void> {
    await this.machine.setLine(line, true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await this.machine.setLine(line, false);
  }

  /** How long the earpiece's recording (QEMU's WAV: 44.1 kHz, stereo, header unfinished while it runs) holds a tone, ms. */
  earpieceTone(hz: number): number {
    if (!existsSync(this.earpiece)) return 0;
    const data = readFileSync(this.earpiece);
    const samples = new Int16Array(Math.max(0, Math.floor((data.length - 44) / 4)));
    for (let i = 0; i < samples.length; i++) samples[i] = data.readInt16LE(44 + 4 * i);
    return toneIn(samples, 44_100, hz).toneMs;
  }
}
