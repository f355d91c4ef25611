// `sotto doctor` and `sotto keys`: what is wrong with this machine's devices, and what its keys say.

import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import type { Board } from "../../platform/board.js";
import type { ExamineOptions } from "../../platform/doctor.js";
import { findBoard } from "../../platform/index.js";
import { loadConfig } from "../config/index.js";
import { addDoctorAudio } from "./doctor-audio.js";

interface Options {
  readonly config: string;
  readonly board?: string;
}

/** The board and its settings: as the configuration has them where there is one. */
function chosen({ config, board }: Options, defaultConfig: string) {
  // No file at all is the host; one that was named must be there.
  const loaded = existsSync(config) || config !== defaultConfig ? loadConfig(config) : undefined;
  return { board: findBoard(board ?? loaded?.board ?? "host"), devices: loaded?.devices ?? {} };
}

function say(command: Command, data: unknown, words: string): void {
  console.log(command.optsWithGlobals().json ? JSON.stringify(data) : words);
}

/** One line a device; the exit code tells whether all were right. */
async function examineAndSay(
  command: Command,
  board: Board,
  devices: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  how: ExamineOptions,
): Promise<void> {
  const { examine } = await import("../../platform/doctor.js");
  for await (const finding of examine(board, devices, how)) {
    const { device, driver, ok, text } = finding;
    say(command, finding, `${ok ? "ok   " : "WRONG"} ${device} (${driver}): ${text}`);
    if (!ok) process.exitCode = 1;
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1 && value <= 60)) throw new InvalidArgumentError("a number of seconds from 0.1 to 60");
  return value;
}

async function untilInterrupted(close: () => void | Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await close();
}

/** Adds the commands to the `sotto` program. */
export function addDoctorCommands(program: Command, defaultConfig: string): void {
  const withBoard = (command: Command) =>
    command
      .option("--config <file>", "configuration file", defaultConfig)
      .option("--board <name>", "board to look at (default: the configuration's)");

  const doctor = withBoard(program.command("doctor")).description(
    "look at every device of the board: what is there, what is wrong, what to do (stop the handset first)",
  );
  doctor
    .argument("[devices...]", "only these: audio, keys, vibrator, ringer, indicator, backlight, headset, jack, display")
    .option("--try [seconds]", "also let vibrator, ringer and lights do something for so long (default 1 s)", seconds)
    .action(async (only: string[], options: Options & { try?: true | number }, command: Command) => {
      const { board, devices } = chosen(options, defaultConfig);
      say(command, { board: board.name }, `board ${board.name}: ${board.description}`);
      const tryS = options.try === true ? 1 : (options.try ?? 0);
      await examineAndSay(command, board, devices, { only: only.length > 0 ? only : undefined, tryMs: tryS * 1000 });
    });

  addDoctorAudio(doctor);

  withBoard(doctor.command("headset"))
    .description("look at the headset; --simulate plays one in software through everything a headset does")
    .option("--simulate", "play a headset against this phone's Bluetooth side, in this process")
    .option("--tty <file>", "play a headset on this line, against a handset that runs with the other end of it")
    .option("--trace", "show every line that goes either way")
    .action(async (options: Options & { simulate?: boolean; tty?: string; trace?: boolean }, command: Command) => {
      const trace = options.trace
        ? (direction: string, text: string) => console.log(`  ${direction} ${text}`)
        : undefined;
      if (!options.simulate && !options.tty) {
        const { board, devices } = chosen(command.optsWithGlobals(), defaultConfig);
        return examineAndSay(command, board, devices, { only: ["headset", "jack"] });
      }
      const { rehearseHeadset, wearHeadset } = await import("../../platform/headset-rehearsal.js");
      for await (const step of options.tty ? wearHeadset(options.tty, trace) : rehearseHeadset(trace)) {
        say(command, step, `${step.ok ? "ok   " : "WRONG"} ${step.name}${step.text ? `: ${step.text}` : ""}`);
        if (!step.ok) process.exitCode = 1;
      }
    });

  withBoard(program.command("keys"))
    .description("show the board's keys as they are pressed, until interrupted (stop the handset first)")
    .option("--raw", "every key and switch of every input device, by the kernel's names")
    .action(async (options: Options & { raw?: boolean }) => {
      const { watchInputs, watchKeys } = await import("../../platform/keys.js");
      const show = (text: string) => console.log(text);
      const { board, devices } = chosen(options, defaultConfig);
      const watch = options.raw ? await watchInputs(show) : await watchKeys(board, devices, show);
      console.log("# press keys; Ctrl-C ends");
      await untilInterrupted(() => watch.close());
    });
}
