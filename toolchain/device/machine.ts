// An emulated handset: QEMU with disk, network, sound, a console, and GPIO lines that can be pressed and watched from here.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { deviceTree } from "./device-tree.js";
import { findTool, needTool } from "./tools.js";

/** How a machine is started. */
export interface MachineOptions {
  /** A folder of its own, with a path short enough for sockets. */
  readonly folder: string;
  /** The disk, which is written to. */
  readonly disk: string;
  /** A network device of the host's; default: QEMU's own network, behind which the machine cannot be called. */
  readonly tap?: string;
  /** What the earpiece plays is recorded here (WAV); default: not at all. */
  readonly earpiece?: string;
  /** Where the emulated sound comes from and goes to; default none, with a clock of its own. */
  readonly audio?: "none" | "alsa" | "pa";
  /** Wall-clock time it starts with, e.g. `2000-01-01`. Default: now. */
  readonly clock?: string;
}

const BASE = [
  "-M",
  "virt,acpi=off,gic-version=2",
  "-cpu",
  "cortex-a57",
  "-m",
  "512",
  "-smp",
  "2",
  "-nodefaults",
  "-no-user-config",
];
const FIRMWARE = ["/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"];

/** A running machine. */
export class Machine {
  /** What kernel and scripts wrote to the console. */
  console = "";
  /** Called with every piece of it. */
  onConsole: (text: string) => void = () => {};
  /** What happened on lines that are outputs: `[line, level]`, oldest first. */
  readonly outputs: (readonly [line: number, level: boolean])[] = [];
  private lineText = "";
  private chip = "";
  private ask: (command: string, args?: object) => Promise<Answer> = () => Promise.resolve({});
  /** Called with every change of an output. */
  onOutput: (line: number, level: boolean) => void = () => {};
  /** A serial line to the machine's /dev/hvc1. */
  serialLine = "";
  private readonly replies: ((line: string) => void)[] = [];
  private shellText = "";
  readonly exited: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly sockets: Sockets,
  ) {
    this.exited = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    // A letter may come in pieces.
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.console = (this.console + text).slice(-200_000);
      this.onConsole(text);
    });
    sockets.test.on("data", (data: Buffer) => this.fromTest(data.toString()));
    sockets.shell.on("data", (data: Buffer) => {
      this.shellText = (this.shellText + data.toString("latin1")).slice(-100_000);
    });
  }

  /** @throws Error with QEMU's words when it does not start. */
  static async start(options: MachineOptions): Promise<Machine> {
    const qemu = needTool("qemu-system-aarch64", "qemu-system-arm");
    mkdirSync(options.folder, { recursive: true });
    const tree = await deviceTree(qemu, BASE, options.folder);
    const socket = (name: string) => join(options.folder, `${name}.sock`);
    for (const name of ["qmp", "qtest", "shell"]) rmSync(socket(name), { force: true });
    const firmware = FIRMWARE.find((file) => existsSync(file));
    if (firmware === undefined)
      throw new Error("EFI firmware is missing; on Debian, as root: apt-get install qemu-efi-aarch64");
    // The firmware does not wait for somebody to press a key.
    const boot = [
      ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${firmware}`],
      ...["-boot", "menu=on,splash-time=0"],
    ];
    const ear = options.earpiece === undefined ? (options.audio ?? "none") : `wav,path=${options.earpiece}`;
    // It ends with us, however we end: an emulator that is left over keeps a processor busy.
    const setpriv = findTool("setpriv");
    const child = spawn(
      setpriv ?? qemu,
      [
        ...(setpriv ? ["--pdeathsig", "KILL", qemu] : []),
        ...BASE,
        ...["-accel", "tcg,thread=multi", "-display", "none", "-dtb", tree, ...boot],
        ...["-drive", `if=none,id=disk,format=raw,file=${options.disk}`, "-device", "virtio-blk-pci,drive=disk"],
        ...["-netdev", options.tap ? `tap,id=net,ifname=${options.tap},script=no,downscript=no` : "user,id=net"],
        ...["-device", "virtio-net-pci,netdev=net,romfile="],
        ...["-audiodev", `${ear.startsWith("wav") ? ear.replace("wav,", "wav,id=ear,") : `${ear},id=ear`}`],
        ...["-audiodev", `${options.audio ?? "none"},id=mouth`],
        ...["-device", "intel-hda,id=hda0,addr=0x10", "-device", "hda-output,bus=hda0.0,audiodev=ear,mixer=off"],
        ...["-device", "intel-hda,id=hda1,addr=0x11", "-device", "hda-micro,bus=hda1.0,audiodev=mouth,mixer=off"],
        ...["-device", "virtio-keyboard-pci"],
        ...["-device", "virtio-serial-pci", "-chardev", `socket,id=shell,path=${socket("shell")},server=on,wait=off`],
        ...["-device", "virtconsole,chardev=shell", "-serial", "stdio"],
        ...["-chardev", "pty,id=line", "-device", "virtconsole,chardev=line"],
        ...["-qmp", `unix:${socket("qmp")},server=on,wait=off`, "-qtest", `unix:${socket("qtest")},server=on,wait=off`],
        ...(options.clock ? ["-rtc", `base=${options.clock}`] : []),
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let words = "";
    child.stderr.on("data", (data) => {
      words = (words + data).slice(-4000);
    });
    try {
      const sockets = {
        qmp: await connect(socket("qmp"), child),
        test: await connect(socket("qtest"), child),
        shell: await connect(socket("shell"), child),
      };
      const machine = new Machine(child, sockets);
      await machine.findChip();
      return machine;
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(`QEMU did not start: ${words.trim() || (error as Error).message}`);
    }
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Presses what hangs on a line of the GPIO chip, or lets go of it. */
  async setLine(line: number, pressed: boolean): Promise<void> {
    await this.test(`set_irq_in ${this.chip} unnamed-gpio-in ${line} ${pressed ? 1 : 0}`);
  }

  /** Presses a key of the machine's keyboard, or lets go of it. @param name as QEMU calls it (QKeyCode), e.g. `up`, `kp_5`. */
  async setKey(name: string, pressed: boolean): Promise<void> {
    const key = { type: "qcode", data: name };
    await this.ask("input-send-event", { events: [{ type: "key", data: { down: pressed, key } }] });
  }

  /** Runs a command in the machine's root shell. @returns what it wrote. @throws Error after `limitMs`. */
  async shell(command: string, limitMs = 20_000): Promise<string> {
    const mark = `end-${Math.floor(performance.now() * 1000)}`;
    const from = this.shellText.length;
    this.sockets.shell.write(`${command}; echo "${mark.slice(0, 4)}""${mark.slice(4)}"\n`);
    const deadline = Date.now() + limitMs;
    for (;;) {
      const text = this.shellText.slice(Math.min(from, this.shellText.length)).replace(/\r/g, "");
      const end = text.indexOf(`\n${mark}\n`);
      if (end >= 0) return text.slice(text.indexOf("\n") + 1, end + 1);
      if (Date.now() > deadline) throw new Error(`no answer of the shell to: ${command}\n${text.slice(-500)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** What is typed goes to the machine's shell. */
  type(text: string): void {
    this.sockets.shell.write(text);
  }

  /** The plug is pulled: what was not written is lost. */
  async powerCut(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }

  /** Ends it; the machine is asked to shut down, and switched off when it does not. */
  async stop(limitMs = 0): Promise<void> {
    if (limitMs > 0) {
      this.sockets.shell.write("\npoweroff\n");
      const timer = setTimeout(() => this.child.kill("SIGKILL"), limitMs);
      await this.exited;
      clearTimeout(timer);
    } else await this.powerCut();
    for (const socket of Object.values(this.sockets)) socket.destroy();
  }

  /** The path under which QEMU knows the GPIO chip; its outputs are told from now on. */
  private async findChip(): Promise<void> {
    let text = "";
    const qmp = this.sockets.qmp;
    const answers: ((answer: Answer) => void)[] = [];
    qmp.on("data", (data: Buffer) => {
      text += data.toString();
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        const message = JSON.parse(text.slice(0, end));
        text = text.slice(end + 1);
        if ("return" in message || "error" in message) answers.shift()?.(message);
      }
    });
    this.ask = (execute: string, args?: object) =>
      new Promise<Answer>((resolve) => {
        answers.push(resolve);
        qmp.write(JSON.stringify({ execute, arguments: args }) + "\n");
      });
    const { ask } = this;
    await ask("qmp_capabilities");
    const list = await ask("qom-list", { path: "/machine/unattached" });
    const found = list.return?.find(({ type }) => type === "child<pl061>");
    if (!found) throw new Error("QEMU has no PL061");
    this.chip = `/machine/unattached/${found.name}`;
    await this.test(`irq_intercept_out ${this.chip}`);
    const line = (await ask("query-chardev")).return?.find(({ label }) => label === "line");
    this.serialLine = line?.filename?.replace(/^pty:/, "") ?? "";
  }

  private test(command: string): Promise<string> {
    return new Promise((resolve) => {
      this.replies.push(resolve);
      this.sockets.test.write(`${command}\n`);
    });
  }

  private fromTest(text: string): void {
    this.lineText += text;
    for (let end = this.lineText.indexOf("\n"); end >= 0; end = this.lineText.indexOf("\n")) {
      const line = this.lineText.slice(0, end);
      this.lineText = this.lineText.slice(end + 1);
      const change = /^IRQ (raise|lower) (\d+)/.exec(line);
      if (change) {
        const [output, level] = [Number(change[2]), change[1] === "raise"];
        this.outputs.push([output, level]);
        this.onOutput(output, level);
      } else this.replies.shift()?.(line);
    }
  }
}

/** What of QEMU's answers is read here. */
interface Answer {
  readonly return?: readonly {
    readonly name: string;
    readonly type: string;
    readonly label?: string;
    readonly filename?: string;
  }[];
}

interface Sockets {
  readonly qmp: Socket;
  readonly test: Socket;
  readonly shell: Socket;
}

async function connect(path: string, child: ChildProcess): Promise<Socket> {
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}`);
    const socket = await new Promise<Socket | undefined>((resolve) => {
      const attempt = createConnection(path);
      attempt.once("connect", () => resolve(attempt));
      attempt.once("error", () => resolve(undefined));
    });
    if (socket) {
      socket.on("error", () => {});
      return socket;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens at ${path}`);
}
