// One handset process of the demo: configuration, start, what it tells, stop.

import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CallSnapshot } from "../../firmware/call/types.js";
import { ControlClient, type HandsetEvent } from "../../firmware/control/index.js";

/** How long a handset may take to start, ms. */
const START_LIMIT_MS = 30_000;

/** A UDP port that is free now. */
export async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, "127.0.0.1", resolve);
  });
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** Files of one phone. */
export interface PhoneFiles {
  readonly config: string;
  readonly socket: string;
  readonly log: string;
  readonly tap: string;
  readonly trace: string;
  /** What its earpiece played. */
  readonly heard: string;
}

/** Names the files of a phone called `name`; `socketFolder` must be a short path. */
export function phoneFiles(folder: string, socketFolder: string, name: string): PhoneFiles {
  return {
    config: join(folder, `${name}.json`),
    socket: join(socketFolder, `${name}.sock`),
    log: join(folder, `${name}.log`),
    tap: join(folder, `${name}-sip.jsonl`),
    trace: join(folder, `${name}-trace.jsonl`),
    heard: join(folder, `${name}-heard.wav`),
  };
}

/** How often a log is looked at, ms. */
const LOOK_MS = 20;
const REST_LIMIT_MS = 180_000;

/**
 * Resolves when a phone that logs at level `info` has played its first calls to itself: what it makes ahead is made, and somebody may call.
 * @throws Error after `limitMs`.
 */
export async function untilRehearsed({ log }: PhoneFiles, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!says(log, /"event":"rehears(ed|al-failed)"/)) {
    if (Date.now() > deadline) throw new Error(`${log}: no call was rehearsed within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Resolves when it has played those that it plays in its spare time, too (two minutes at most), or nobody waits any more. */
export async function untilRested({ log }: PhoneFiles, isStopping: () => boolean): Promise<void> {
  const deadline = Date.now() + REST_LIMIT_MS;
  while (!isStopping() && Date.now() < deadline && !says(log, /"event":"rehears(ed-further|al-failed)"/))
    await new Promise((resolve) => setTimeout(resolve, 10 * LOOK_MS));
}

function says(log: string, what: RegExp): boolean {
  return existsSync(log) && what.test(readFileSync(log, "utf8"));
}

/** Options of Node that an installed telephone is started with, but for its memory's bounds (toolchain/debian/sotto.sh says why each). */
export const installedOptions = [
  "--single-threaded-gc",
  "--no-memory-reducer",
  "--retain-maps-for-n-gc=1000",
  "--no-flush-bytecode",
] as const;

/** How a handset's process is started. */
export interface Launch {
  /** Further options of Node. */
  readonly node?: readonly string[];
  /** What runs Node, with its arguments; default this process's own Node. */
  readonly command?: readonly string[];
  /** How long it may take, ms. */
  readonly limitMs?: number;
  /** In a process group of its own: a terminal's Ctrl-C does not reach it. */
  readonly isGroup?: boolean;
}

/** A running handset process. */
export class Phone {
  readonly calls = new Map<number, CallSnapshot>();
  private readonly listeners = new Set<(event: HandsetEvent) => void>();
  /** Its exit code, once it has ended; null: by a signal. */
  readonly exited: Promise<number | null>;

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    readonly control: ControlClient,
  ) {
    this.exited = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    control.onEvent = (event) => {
      if (event.type === "call") this.calls.set(event.call.id, event.call);
      for (const listener of this.listeners) listener(event);
    };
  }

  /**
   * Writes the configuration and starts `sotto run`. @throws Error with the handset's own words when it does not come up.
   * @param program path of the built command.
   */
  static async start(
    name: string,
    program: string,
    files: PhoneFiles,
    config: object,
    { node = [], command = [process.execPath], limitMs = START_LIMIT_MS, isGroup = false }: Launch = {},
  ): Promise<Phone> {
    for (const file of [files.log, files.tap, files.trace, files.heard, `${files.heard}.json`])
      rmSync(file, { force: true });
    writeFileSync(files.config, JSON.stringify(config, null, 2), { mode: 0o600 });
    const [runner, ...before] = command;
    const child = spawn(runner, [...before, ...node, program, "run", "--config", files.config], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: isGroup,
    });
    let words = "";
    child.stderr?.on("data", (data) => {
      words = (words + data).slice(-4000);
    });
    let code: number | null | undefined;
    child.once("exit", (status) => {
      code = status ?? -1;
    });
    const deadline = Date.now() + limitMs;
    while (code === undefined && Date.now() < deadline) {
      if (existsSync(files.socket)) {
        try {
          const control = await ControlClient.open(files.socket);
          const phone = new Phone(name, child, control);
          await control.ask("events", {});
          return phone;
        } catch {
          // not listening yet
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill("SIGKILL");
    throw new Error(
      `${name}'s handset did not start: ${words.trim() || (code === undefined ? "no sign of life" : `exit code ${code}`)}`,
    );
  }

  /** Number of its process. */
  get pid(): number {
    return this.child.pid!;
  }

  /** Sends the process a signal. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Calls `listener` for every event from now on. */
  onEvent(listener: (event: HandsetEvent) => void): void {
    this.listeners.add(listener);
  }

  /** Waits until the newest call satisfies `test`. @throws Error after `limitMs`, or when the call ends otherwise. */
  async until(what: string, limitMs: number, test: (call: CallSnapshot) => boolean): Promise<CallSnapshot> {
    const newest = () => [...this.calls.values()].at(-1);
    return new Promise((resolve, reject) => {
      const look = () => {
        const call = newest();
        if (call && test(call)) end(() => resolve(call));
        else if (call?.state === "ended")
          end(() => reject(new Error(`${this.name}: ${call.end?.user ?? "the call ended"} (${call.end?.text ?? ""})`)));
      };
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.listeners.delete(look);
        this.child.removeListener("exit", gone);
        settle();
      };
      const gone = () => end(() => reject(new Error(`${this.name}'s handset died`)));
      const timer = setTimeout(
        () => end(() => reject(new Error(`${this.name}: no ${what} within ${limitMs / 1000} s`))),
        limitMs,
      );
      this.child.once("exit", gone);
      this.listeners.add(look);
      look();
    });
  }

  /** Stops the handset as a system would. @returns its exit code. */
  async stop(): Promise<number | null> {
    this.control.close();
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 30_000);
    const code = await this.exited;
    clearTimeout(timer);
    return code;
  }
}

/** Reads a file of JSON lines; half a line at its end is left out. */
export function readLines<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return line ? [JSON.parse(line) as T] : [];
      } catch {
        return [];
      }
    });
}
