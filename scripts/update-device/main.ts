// The command behind scripts/update.

import { join } from "node:path";
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError } from "commander";
import type { DeviceStatus } from "../../firmware/update/index.js";
import { top } from "../../toolchain/top.js";
import { defaultKeyFile, makeOwnerKey, readOwnerKey } from "./key.js";
import { parsePlace } from "./link.js";
import { deviceStatus, readRelease, updateDevice } from "./update.js";

const seconds = (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 10 || value > 3600) throw new InvalidArgumentError("seconds, 10 to 3600");
  return value;
};

const program = new Command("scripts/update")
  .description(
    "Puts a new release into a running telephone's other slot and starts it. The telephone goes back by itself when it does not come up healthy.",
  )
  .argument("[device]", "HOST, HOST:PORT, or a serial line such as /dev/ttyUSB0")
  .option("--image <folder>", "of toolchain/image (default: out/image/<the telephone's board>)")
  .option("--key <file>", `your private key (default: ${defaultKeyFile()})`)
  .option("--make-key", "make the key; its public half goes into images: toolchain/image --update-key")
  .option("--status", "only say what the telephone runs")
  .option("--trial <seconds>", "how long it may take until it is healthy", seconds, 180)
  .option("--speed <baud>", "of the serial line", Number, 115_200)
  .allowExcessArguments(false)
  .addHelpText(
    "after",
    `
Healthy is a telephone that answers, and whose accounts are registered if they were so before the update.

Examples:
  scripts/update --make-key
  toolchain/image --board qemu-virt --update-key ~/.config/sotto/update.key.pub
  scripts/update 192.0.2.7`,
  )
  .parse();

function words({ board, slot, state, release, failed }: DeviceStatus): string {
  const what = release
    ? `${release.version} of ${new Date(release.builtS * 1000).toISOString().slice(0, 16)}Z`
    : "an unknown release";
  const trial = state === "good" ? "" : ", on trial";
  return `${board}, slot ${slot}: ${what}${trial}${failed ? `\nthe last update went back: ${failed}` : ""}`;
}

interface Options {
  readonly image?: string;
  readonly key?: string;
  readonly makeKey?: true;
  readonly status?: true;
  readonly trial: number;
  readonly speed: number;
}

async function main(device: string | undefined, options: Options): Promise<void> {
  const keyFile = options.key ?? defaultKeyFile();
  if (options.makeKey) {
    const file = await makeOwnerKey(keyFile);
    console.log(`${keyFile} is yours alone; ${file} goes into images: toolchain/image --update-key ${file}`);
    return;
  }
  if (device === undefined) throw new Error("which telephone? HOST or a serial line (see --help)");
  const key = readOwnerKey(keyFile);
  const place = parsePlace(device, options.speed);
  const before = await deviceStatus(place, key);
  console.log(words(before));
  if (options.status) return;
  const what = readRelease(options.image ?? join(top, "out", "image", before.board));
  const bar = new SingleBar({ format: "sending [{bar}] {percentage} %  {eta} s left", hideCursor: true });
  let said = "";
  const say = (text: string) => {
    if (text !== said) console.log(text);
    said = text;
  };
  const result = await updateDevice(place, key, what, {
    trialSeconds: options.trial,
    needs: (parts, bytes) => {
      if (parts.length === 0) return say("it has every part already");
      say(`sending ${parts.join(", ")}: ${(bytes / 1e6).toFixed(1)} MB`);
      bar.start(bytes, 0);
    },
    sent: (bytes) => bar.update(bytes),
    waiting: (why) => say(`installed; it restarts later: ${why}`),
    installed: (slot) => {
      bar.stop();
      say(`installed into slot ${slot}; it restarts`);
    },
    waits: say,
  }).finally(() => bar.stop());
  if (result.state === "unknown")
    throw new Error(`what became of the update is not known: ${result.why}. The telephone goes back by itself`);
  console.log(words(result.status));
  if (result.state === "rolled-back") throw new Error("the new release did not come up healthy; the old one runs");
  console.log("the update is good");
}

try {
  await main(program.args[0], program.opts());
} catch (error) {
  console.error(`scripts/update: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
process.exit(0);
