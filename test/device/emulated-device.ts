// An emulated handset with its surroundings: image, disk, a network to this machine, a registrar on it, and a host handset that calls.

import { cpSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copySparse } from "../../toolchain/device/disk.js";
import { HostNetwork } from "../../toolchain/device/host-network.js";
import { dataStart, type MadeImage, makeData, makeImage } from "../../toolchain/device/image.js";
import { Machine, type MachineOptions } from "../../toolchain/device/machine.js";
import { runTool } from "../../toolchain/device/tools.js";
import { type Domain, kamailioMissing } from "../interop/kamailio.js";
import { needPeer, requireOrSkip } from "../interop/tools.js";
import { HandsetProcess } from "../support/handset-process.js";
import { TestAuthority } from "../support/identities.js";
import { endWithUs, type Started } from "../support/started.js";
import { toneIn, writeTone } from "../support/tones.js";
import { eventually } from "../support/wait.js";
import { startRegistrar } from "./registrar.js";

/** An emulated processor on a busy machine. */
export const PATIENCE_MS = 90_000;
export const DEVICE_SAYS_HZ = 700;
export const HOST_SAYS_HZ = 500;

/** True when everything an emulated handset needs is here; a skip, or a failure, otherwise. */
export function canEmulate(): boolean {
  const missing = kamailioMissing();
  return (
    requireOrSkip(missing ?? "kamailio", missing === undefined) &&
    needPeer(
      "an emulator of devices",
      ...["qemu-system-aarch64", "mmdebstrap", "dtc", "mcopy", "mformat", "mksquashfs", "sfdisk", "depmod", "ip", "xz"],
      ...["mke2fs", "arm-linux-gnueabihf-gcc", "arm-linux-gnueabihf-g++"],
    ) &&
    requireOrSkip("EFI firmware for arm64 (Debian: qemu-efi-aarch64)", existsSync("/usr/share/AAVMF/AAVMF_CODE.fd")) &&
    requireOrSkip("/dev/net/tun", existsSync("/dev/net/tun"))
  );
}

/** A tone as the machine's ALSA plays it into its microphone: S16_LE, 48 kHz, stereo. */
function recording(hz: number, seconds: number): Buffer {
  const data = Buffer.alloc(48_000 * seconds * 4);
  for (let i = 0; i < 48_000 * seconds; i++) {
    const value = Math.round(8000 * Math.sin((2 * Math.PI * hz * i) / 48_000));
    data.writeInt16LE(value, 4 * i);
    data.writeInt16LE(value, 4 * i + 2);
  }
  return data;
}

const users = { alice: "alicepw", bob: "bobpw" };

/** One device, powered or not. Its telephone is bob; alice's runs on this machine. */
export class EmulatedDevice {
  machine!: Machine;
  readonly disk: string;
  readonly earpiece: string;

  private constructor(
    private readonly folder: string,
    private readonly started: Started,
    readonly image: MadeImage,
    readonly network: HostNetwork,
    readonly registrar: Domain,
    private readonly authority: TestAuthority,
  ) {
    this.disk = join(folder, "disk.img");
    this.earpiece = join(folder, "earpiece.wav");
  }

  /** Makes image and disk; nothing is powered yet. @param updateKey the owner's public key, PEM. */
  static async make(folder: string, started: Started, updateKey?: string): Promise<EmulatedDevice> {
    const image = await makeImage("qemu-virt", { out: join(folder, "image") });
    const network = await started.keep(HostNetwork.create());
    const registrar = await started.keep(startRegistrar(join(folder, "kam"), network.host, users));
    const authority = await TestAuthority.create(folder, "authority");
    const device = new EmulatedDevice(folder, started, image, network, registrar, authority);
    await device.makeDisk(updateKey);
    return device;
  }

  private account(user: keyof typeof users, passwordFile: string) {
    return {
      uri: `sip:${user}@a.test`,
      outboundProxies: [{ host: this.network.host, port: 5060, transport: "udp" }],
      auth: { user, passwordFile },
    };
  }

  private async makeDisk(updateKey?: string): Promise<void> {
    const data = join(this.folder, "data");
    const keys = join(data, "sotto", "keys");
    mkdirSync(keys, { recursive: true });
    const bob = await this.authority.keyingFor("sip:bob@a.test");
    cpSync(bob.certificate, join(keys, "bob.crt"));
    cpSync(bob.privateKey, join(keys, "bob.key"));
    cpSync(this.authority.file, join(keys, "authority.crt"));
    writeFileSync(join(keys, "password"), users.bob, { mode: 0o600 });
    const config = {
      board: "qemu-virt",
      sip: { address: this.network.guest, instanceFile: "/data/state/instance-id" },
      control: "/run/sotto/control.sock",
      devices: { audio: { capture: "recording" } },
      accounts: [
        {
          ...this.account("bob", "/data/sotto/keys/password"),
          register: true,
          security: "required",
          codecs: ["PCMU"],
          keying: {
            offer: "dh",
            certificate: "/data/sotto/keys/bob.crt",
            privateKey: "/data/sotto/keys/bob.key",
            trustAnchors: ["/data/sotto/keys/authority.crt"],
          },
        },
      ],
    };
    writeFileSync(join(data, "sotto", "sotto.json"), JSON.stringify(config, null, 2));
    const { guest, host } = this.network;
    writeFileSync(join(data, "network.conf"), `address=${guest}/24\ngateway=${host}\nupdate_serial=/dev/hvc1\n`);
    writeFileSync(join(data, "recording.raw"), recording(DEVICE_SAYS_HZ, 20));
    if (updateKey !== undefined) writeFileSync(join(data, "update.pub"), updateKey);
    await makeData(join(this.folder, "data.ext4"), data);
    await runTool("cp", ["--sparse=always", this.image.disk, this.disk]);
    copySparse(join(this.folder, "data.ext4"), openSync(this.disk, "r+"), dataStart);
  }

  /** Switches it on. */
  async power(how: Pick<MachineOptions, "clock"> & { direct?: boolean } = {}): Promise<void> {
    const machine = await Machine.start({
      folder: join(this.folder, "m"),
      disk: this.disk,
      tap: this.network.device,
      earpiece: this.earpiece,
      clock: how.clock,
      direct: how.direct ? this.image : undefined,
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

  /** Asks the device's telephone, as `sotto status` does. */
  async registered(): Promise<boolean> {
    const text = await this.machine.shell("/usr/bin/sotto --json --control /run/sotto/control.sock status", 30_000);
    return /"state":"registered"/.test(text);
  }

  /** REGISTER requests the registrar has seen. */
  registrations(): number {
    return this.registrar.log.match(/REQUEST REGISTER/g)?.length ?? 0;
  }

  /** Waits until a registration more than `before` was challenged and taken. */
  async registers(before = 0): Promise<void> {
    await eventually("a registration", PATIENCE_MS, () => this.registrations() >= before + 2);
  }

  /** A handset on this machine, with a voice of its own. */
  async alice(): Promise<HandsetProcess> {
    const password = join(this.folder, "alice.pw");
    writeFileSync(password, users.alice, { mode: 0o600 });
    const says = join(this.folder, "alice-says.wav");
    writeTone(says, HOST_SAYS_HZ, 2);
    return this.started.keep(
      HandsetProcess.start({
        folder: join(this.folder, "alice"),
        user: "alice",
        security: "required",
        keying: await this.authority.keyingFor("sip:alice@a.test"),
        codecs: ["PCMU"],
        says,
        sip: { address: this.network.host },
        account: this.account("alice", password),
      }),
    );
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
