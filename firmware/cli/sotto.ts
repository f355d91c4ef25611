// The `sotto` command line: runs a handset, or talks to a running one over its control socket.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { CallSnapshot } from "../call/types.js";
import { ConfigError, loadConfig } from "../config/index.js";
import { ControlClient } from "../control/index.js";
import { latencyCsv, latencyTable } from "../latency/index.js";
import { addDoctorCommands } from "./doctor.js";
import { addMikeyCommands } from "./mikey/index.js";
import { addTimeCommand } from "./time.js";
import { addUpdateCommands } from "./update.js";
import { eventLine, statusText } from "./words.js";

const defaultConfig = "sotto.json";

/** Where the control socket is: named, or as the configuration beside us says. */
function socketPath(options: { control?: string; config?: string }): string {
  if (options.control) return resolve(options.control);
  const config = options.config ?? defaultConfig;
  if (!existsSync(config)) {
    if (options.config) throw new Error(`${config} cannot be read (ENOENT)`);
    return join(process.cwd(), "control.sock");
  }
  return loadConfig(config).control!;
}

async function withHandset<T>(command: Command, use: (client: ControlClient) => Promise<T>): Promise<T> {
  const client = await ControlClient.open(socketPath(command.optsWithGlobals()));
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

function callId(text: string): number {
  const id = Number(text);
  if (!Number.isInteger(id) || id < 1) throw new InvalidArgumentError("a call's number, as `sotto status` shows it");
  return id;
}

/** Prints plain data for programs, words for people. */
function print(command: Command, data: unknown, words: string): void {
  console.log(command.optsWithGlobals().json ? JSON.stringify(data) : words);
}

/** Builds the command line. `version` is shown by --version. */
export function createProgram(version: string): Command {
  const program = new Command("sotto");
  program
    .description("A secure SIP telephone. `sotto run` starts the handset; the other commands talk to a running one.")
    .version(version)
    .option("--control <socket>", "control socket of the running handset (default: the one the configuration names)")
    .option("--json", "print JSON instead of words")
    .showHelpAfterError("(see --help)")
    .addHelpText(
      "after",
      "\nExamples:\n  sotto config check sotto.json\n  sotto run --config sotto.json\n  sotto dial sip:bob@example.com\n  sotto status",
    );

  program
    .command("run")
    .description("run the handset until it is told to stop (SIGTERM, SIGINT)")
    .option("--config <file>", "configuration file", defaultConfig)
    .option("--interactive", "use this terminal as the phone's keys and screen")
    .option(
      "--make-keys",
      "first make the keys that the configuration names and that are not there yet, as `sotto make-keys` does",
    )
    .action(async (options: { config: string; interactive?: boolean; makeKeys?: boolean }) => {
      if (options.makeKeys) {
        const { makeMissingKeys } = await import("./keys.js");
        await makeMissingKeys(options.config);
      }
      const { runHandset } = await import("../main.js");
      await runHandset(options.config, { interactive: options.interactive ?? false, version });
    });

  program
    .command("make-keys")
    .description("make the keys and certificates that a configuration names and that are not there yet")
    .option("--config <file>", "configuration file", defaultConfig)
    .action(async (options: { config: string }, command: Command) => {
      const { makeMissingKeys } = await import("./keys.js");
      const made = await makeMissingKeys(options.config);
      print(command, made, made.length ? `made ${made.join(", ")}` : "every key is there");
    });

  const target = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .option("--config <file>", "configuration file that names the control socket");

  target("dial", "place a call")
    .argument("<uri>", "whom to call, e.g. sip:bob@example.com")
    .option("--account <uri>", "the account to call from (default: the first one)")
    .option("--anonymous", "do not say who calls")
    .option("--wait", "wait until the call is answered or fails; exit 1 when it fails")
    .action(
      async (uri: string, options: { account?: string; wait?: boolean; anonymous?: boolean }, command: Command) => {
        await withHandset(command, async (client) => {
          const states = options.wait ? await watch(client) : undefined;
          const call = await client.ask("dial", { uri, account: options.account, anonymous: options.anonymous });
          if (!states) return print(command, call, `calling ${call.peer.uri} (call ${call.id})`);
          const last = await states(call.id);
          print(command, last, eventLine({ type: "call", call: last, atMs: Date.now(), monotonicMs: 0 }));
          if (last.state === "ended") process.exitCode = 1;
        });
      },
    );

  target("message", "send a text message (not private)")
    .argument("<uri>", "to whom, e.g. sip:bob@example.com")
    .argument("<text>", "what")
    .option("--account <uri>", "the account to send from (default: the first one)")
    .action(async (uri: string, text: string, options: { account?: string }, command: Command) => {
      await withHandset(command, (client) => client.ask("message", { uri, text, account: options.account }));
      print(command, null, "sent");
    });

  for (const [name, description] of [
    ["answer", "answer the ringing call"],
    ["hangup", "hang up, cancel or decline a call"],
    ["hold", "put the call on hold"],
    ["resume", "take the call off hold"],
    ["secure", "make an open call private"],
    ["rekey", "agree on other keys in a private call"],
  ] as const)
    target(name, description)
      .argument("[call]", "number of the call (default: the only one)", callId)
      .action(async (id: number | undefined, _options: unknown, command: Command) => {
        await withHandset(command, (client) => client.ask(name, { id }));
        print(command, null, "ok");
      });

  target("mute", "switch the microphone off, or on again")
    .argument("<state>", "on: muted, off: heard", (text) => {
      if (text !== "on" && text !== "off") throw new InvalidArgumentError("on or off");
      return text;
    })
    .action(async (state: string, _options: unknown, command: Command) => {
      await withHandset(command, (client) => client.ask("mute", { on: state === "on" }));
      print(command, null, "ok");
    });

  target("digits", "send DTMF digits in the running call")
    .argument("<digits>", "0-9 * # A-D", (text) => {
      if (!/^[0-9*#A-D]+$/.test(text)) throw new InvalidArgumentError("only 0-9, *, # and A-D");
      return text;
    })
    .action(async (digits: string, _options: unknown, command: Command) => {
      await withHandset(command, async (client) => {
        for (const digit of digits) await client.ask("digit", { digit });
      });
      print(command, null, "ok");
    });

  target("status", "show accounts, calls, how private they are, sound and counters").action(
    async (_options: unknown, command: Command) => {
      const status = await withHandset(command, (client) => client.ask("status", {}));
      print(command, status, statusText(status));
    },
  );

  target(
    "latency",
    "show how fast this phone's calls were set up: median, p95, p99 and worst of each delay, by method and transport",
  )
    .option("--csv", "comma-separated values")
    .option("--prometheus", "Prometheus text, for a metrics collector")
    .action(async (options: { csv?: true; prometheus?: true }, command: Command) => {
      const [rows, metrics] = await withHandset(command, async (client) => [
        await client.ask("latency", {}),
        await client.ask("metrics", {}),
      ]);
      if (options.prometheus) process.stdout.write(metrics);
      else print(command, rows, options.csv ? latencyCsv(rows) : latencyTable(rows));
    });

  target("events", "show what happens, as it happens, until interrupted").action(
    async (_options: unknown, command: Command) => {
      const client = await ControlClient.open(socketPath(command.optsWithGlobals()));
      client.onEvent = (event) => print(command, event, eventLine(event));
      await new Promise<void>((resolve) => {
        client.onClose = resolve;
        void client.ask("events", {});
      });
    },
  );

  addMikeyCommands(program);
  addDoctorCommands(program, defaultConfig);
  addUpdateCommands(program);
  addTimeCommand(program);

  const config = program.command("config").description("look at configuration files");
  config
    .command("check")
    .description("check a configuration file and every file it names")
    .argument("[file]", "configuration file", defaultConfig)
    .action((file: string) => {
      const checked = loadConfig(file);
      const accounts = checked.accounts.map((account) => `${account.uri} (security ${account.security})`).join(", ");
      console.log(`${file} is good: board ${checked.board}, ${accounts}`);
    });
  return program;
}

/** Follows events; the returned function resolves with a call's first answered or ended snapshot. */
async function watch(client: ControlClient): Promise<(id: number) => Promise<CallSnapshot>> {
  const seen: CallSnapshot[] = [];
  let wake = () => {};
  client.onEvent = (event) => {
    if (event.type !== "call" || !["active", "ended"].includes(event.call.state)) return;
    seen.push(event.call);
    wake();
  };
  await client.ask("events", {});
  return async (id) => {
    for (;;) {
      const found = seen.find((call) => call.id === id);
      if (found) return found;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}

/** Runs the command line; errors are one sentence on stderr and exit code 1. */
export async function main(argv: readonly string[], version: string): Promise<void> {
  try {
    await createProgram(version).parseAsync([...argv]);
  } catch (error) {
    console.error(
      error instanceof ConfigError ? error.message : `sotto: ${error instanceof Error ? error.message : String(error)}`,
    );
    process.exitCode = 1;
  }
}
