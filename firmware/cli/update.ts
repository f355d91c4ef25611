// `sotto update-session`: what a device's own scripts call about updates. No command for people: those have scripts/update.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { ControlClient, type HandsetStatus } from "../control/index.js";
import { systemTimers } from "../runtime/index.js";
import { areRegistered } from "../sip/index.js";
import type { Slot } from "../update/index.js";

/** Exit codes of `sotto update-session`. */
const INSTALLED = 10;

interface SessionOptions {
  readonly board: string;
  readonly slot: Slot;
  readonly boot: string;
  readonly rootA: string;
  readonly rootB: string;
  readonly key: string;
  readonly failed: string;
  readonly socket: string;
}

async function phoneStatus(socket: string): Promise<HandsetStatus | undefined> {
  const client = await ControlClient.open(socket).catch(() => undefined);
  try {
    return await client?.ask("status", {});
  } catch {
    return undefined;
  } finally {
    client?.close();
  }
}

/** Adds the command to the `sotto` program. */
export function addUpdateCommands(program: Command): void {
  const slot = () => new Option("--slot <slot>", "the running slot").choices(["a", "b"]).makeOptionMandatory();
  program
    .command("update-session", { hidden: true })
    .description("serves one session of scripts/update on standard input and output; exit code 10: restart now")
    .requiredOption("--board <name>")
    .addOption(slot())
    .requiredOption("--boot <folder>", "the boot partition, mounted")
    .requiredOption("--root-a <device>")
    .requiredOption("--root-b <device>")
    .requiredOption("--key <file>", "the owner's public key")
    .requiredOption("--failed <file>", "why the last update went back")
    .requiredOption("--socket <path>", "the telephone's control socket")
    .action(async (options: SessionOptions) => {
      const { DiskSlots, ownerKey, serveUpdate } = await import("../update/index.js");
      const device = new DiskSlots({
        ...options,
        roots: { a: options.rootA, b: options.rootB },
        phone: {
          isBusy: async () => ((await phoneStatus(options.socket))?.calls.length ?? 0) > 0,
          isRegistered: async () => areRegistered((await phoneStatus(options.socket))?.registrations ?? []),
        },
      });
      // A connection that is lost while something is written to it must not end what goes on.
      process.stdout.on("error", () => {});
      const outcome = await serveUpdate({ input: process.stdin, output: process.stdout }, device, {
        owner: ownerKey(readFileSync(options.key, "utf8")),
        nonce: randomBytes(32),
        timers: systemTimers,
      });
      process.exit(outcome === "installed" ? INSTALLED : outcome === "status" ? 0 : 1);
    });
}
