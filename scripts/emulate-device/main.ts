// The command behind scripts/emulate.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { emitKeypressEvents } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { Command, Option } from "commander";
import { lines } from "../../toolchain/device/device-tree.js";
import { HostNetwork } from "../../toolchain/device/host-network.js";
import { makeImage } from "../../toolchain/device/image.js";
import { Machine } from "../../toolchain/device/machine.js";
import { needTool } from "../../toolchain/device/tools.js";
import { top } from "../../toolchain/top.js";
import { defaultKeyFile } from "../update-device/key.js";
import { PhoneConsole } from "./console.js";
import { handsetKey, type Keypress } from "./keys.js";
import { prepare, prepared } from "./prepare.js";
import { HandsetScreen } from "./screen.js";

const folder = join(top, "out", "emulate");
const ownImage = join(top, "out", "image", "qemu-virt", "sotto-qemu-virt.img");
/** Fixed, so that a disk of an earlier time fits. */
const NETWORK = { device: "sottoemu", net: "10.77.77" };
const addresses = { host: `${NETWORK.net}.1`, guest: `${NETWORK.net}.2` };

const program = new Command("scripts/emulate")
  .description("Boots an image in an emulator: this terminal is the handset's keys, screen, vibrator and light.")
  .option(
    "--image <file>",
    "of toolchain/image --board qemu-virt (default: that of out/image, made if it is not there)",
  )
  .option("--fresh", "forget what the handset has kept: a new disk of the image")
  .addOption(
    new Option(
      "--audio <what>",
      "none: it speaks a recording and what it hears is recorded; pa, alsa: this computer's sound",
    )
      .choices(["none", "pa", "alsa"])
      .default("none"),
  )
  .allowExcessArguments(false)
  .addHelpText(
    "after",
    `
As root the handset and this computer can call each other (address ${addresses.guest} and ${addresses.host}):
  npm start -- --config out/emulate/computer.json     in another terminal: choose Handset, Enter; or be called
Its disk is out/emulate/disk.img and stays. Where scripts/update --make-key has made your key before the disk, you may update it:
  scripts/update ${addresses.guest}`,
  )
  .parse();

interface Options {
  readonly image?: string;
  readonly fresh?: true;
  readonly audio: "none" | "pa" | "alsa";
}

/** Undone at the end, last first, whatever ends it. */
const undo: (() => void | Promise<void>)[] = [];
async function clean(): Promise<void> {
  for (const one of undo.splice(0).reverse()) await one();
}

async function main({ image, fresh, audio }: Options): Promise<void> {
  needTool("qemu-system-aarch64", "qemu-system-arm");
  needTool("dtc", "device-tree-compiler");
  if (image !== undefined && !existsSync(image)) throw new Error(`${image} is not there; toolchain/image makes it`);
  const isRoot = process.getuid?.() === 0 && existsSync("/dev/net/tun");
  const screen = new HandsetScreen(process.stdout);
  const say = (text: string) => screen.message(`· ${text}`);

  let from = image ?? ownImage;
  const before = fresh || image !== undefined ? undefined : prepared(folder);
  if (!before && !existsSync(from))
    from = (await makeImage("qemu-virt", { onStatus: (text) => say(`${text} ...`) })).disk;
  const ownKey = `${defaultKeyFile()}.pub`;
  const updateKey = existsSync(ownKey) ? ownKey : undefined;
  const { disk, hostConfig } =
    before ??
    (await prepare({ folder, image: from, addresses, isAlone: !isRoot, speaks: audio === "none", updateKey }));
  if (isRoot) {
    const network = await HostNetwork.make(NETWORK.device, NETWORK.net).catch((error: Error) => {
      throw new Error(`no network to the handset, is another one running? ${error.message.split("\n").pop()}`);
    });
    undo.push(() => network.stop());
    say(
      `handset: ${addresses.guest}; a phone on this computer: npm start -- --config ${relative(process.cwd(), hostConfig)}`,
    );
  } else
    say("not root, or no /dev/net/tun: the handset has QEMU's own network, and cannot be called from this computer");

  const sockets = mkdtempSync(join(tmpdir(), "sotto-emu-"));
  undo.push(() => rmSync(sockets, { recursive: true, force: true }));
  const machine = await Machine.start({
    ...{ folder: sockets, disk, tap: isRoot ? NETWORK.device : undefined, audio },
    earpiece: audio === "none" ? join(folder, "handset-heard.wav") : undefined,
  });
  undo.push(() => machine.stop());
  // Whatever ends this process: the machine does not stay.
  process.on("exit", () => {
    try {
      process.kill(machine.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  });
  const seen = new PhoneConsole(say);
  machine.onConsole = (text) => {
    if (seen.feed(text)) screen.show(seen.screen);
  };
  machine.onOutput = (line, level) => {
    if (line === lines.vibrator) screen.vibrator(level);
    if (line === lines.light) screen.light(level);
  };
  for (const [line, level] of machine.outputs) machine.onOutput(line, level);
  say("switched on; the firmware looks for the disk, this takes some seconds");

  let isLeaving = false;
  const leave = async () => {
    if (isLeaving) return void machine.powerCut();
    isLeaving = true;
    say("switching off (again: at once)");
    await machine.stop(20_000);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void leave());
  listen(machine, () => void leave());
  const code = await machine.exited;
  screen.close();
  if (!isLeaving) throw new Error(`the emulator ended by itself (exit code ${code})`);
}

/** The terminal's keys press the handset's. */
function listen(machine: Machine, quit: () => void): void {
  const { stdin } = process;
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    undo.push(() => void stdin.setRawMode(false));
  }
  emitKeypressEvents(stdin);
  stdin.on("keypress", (_text: string, press: Keypress) => {
    const key = handsetKey(press);
    if (!key) return;
    if (key.kind === "quit") return quit();
    const set = (down: boolean) =>
      key.kind === "line" ? machine.setLine(key.line, down) : machine.setKey(key.name, down);
    // As long as a finger is on it.
    void set(true)
      .then(() => pause(150))
      .then(() => set(false));
  });
  stdin.on("end", quit);
  stdin.resume();
  undo.push(() => void stdin.pause());
}

let exitCode = 0;
try {
  await main(program.opts<Options>());
} catch (error) {
  console.error(`scripts/emulate: ${error instanceof Error ? error.message : String(error)}`);
  exitCode = 1;
}
await clean();
process.exit(exitCode);
