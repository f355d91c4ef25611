// One Sotto handset in a process of its own, with simulated devices: started, driven over its control socket, listened to, stopped.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallSnapshot } from "../../firmware/call/types.js";
import type { ControlMethod, ControlMethods, HandsetEvent, HandsetStatus } from "../../firmware/control/index.js";
import { Phone, type PhoneFiles, phoneFiles } from "../../scripts/demo-call/phone.js";
import { checkout } from "../vectors.js";
import { freePort, freeRange } from "./ports.js";
import { endWithUs } from "./started.js";
import { type ToneReport, toneInFile } from "./tones.js";
import { Journal } from "./wait.js";

/** The `sotto` command of the translated tree. */
export const sottoProgram = join(checkout, "out", "js", "firmware", "cli", "entry.js");

/** A folder of a suite's own, with a path short enough for Unix sockets; gone when the process ends. */
export function suiteFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `sotto-${name}-`));
  // SOTTO_KEEP leaves recordings and logs for a person to look at.
  process.once("exit", () => {
    if (process.env["SOTTO_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
    else console.log(`kept: ${folder}`);
  });
  return folder;
}

/** How a handset is set up. */
export interface HandsetOptions {
  /** A folder of its own, made when it is not there. */
  readonly folder: string;
  /** User part of its address, `sip:<user>@127.0.0.1`. */
  readonly user: string;
  readonly security: "required" | "preferred" | "off";
  /** As in the configuration file. */
  readonly keying?: Readonly<Record<string, unknown>>;
  readonly codecs?: readonly string[];
  /** WAV file spoken into the microphone, over and over, from the first call on. */
  readonly says?: string;
  readonly autoAnswerMs?: number;
  readonly maxCalls?: number;
  readonly offerBudget?: { readonly burst?: number; readonly perSecond?: number };
  /** Further fields of `sip` in its configuration: transports, TLS, resolver, limits. */
  readonly sip?: Readonly<Record<string, unknown>>;
  /** Ports of its voice; default: some that are free. */
  readonly rtp?: { readonly portMin: number; readonly portMax: number };
  /** Further fields of the account. */
  readonly account?: Readonly<Record<string, unknown>>;
  /** Further fields of the file. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Further options of Node. */
  readonly node?: readonly string[];
  /** Record SIP messages (read with {@link HandsetProcess.sip}). */
  readonly tap?: boolean;
}

/** The configuration file of {@link HandsetOptions}. */
export function handsetConfig(
  options: HandsetOptions,
  files: PhoneFiles,
  sipPort: number,
  rtp: { readonly portMin: number; readonly portMax: number },
): object {
  return {
    board: "host",
    sip: { address: "127.0.0.1", port: sipPort, tapFile: options.tap ? files.tap : undefined, ...options.sip },
    rtp,
    control: files.socket,
    log: { level: "debug", file: files.log },
    devices: { audio: { captureWav: options.says, captureLoop: true, playbackWav: files.heard } },
    accounts: [
      {
        uri: `sip:${options.user}@127.0.0.1`,
        security: options.security,
        keying: options.keying,
        codecs: options.codecs,
        autoAnswerMs: options.autoAnswerMs,
        ...options.account,
      },
    ],
    ...options.more,
    maxCalls: options.maxCalls,
    offerBudget: options.offerBudget,
  };
}

/** A running handset. */
export class HandsetProcess {
  /** Everything it told since it is up. */
  readonly events = new Journal<HandsetEvent>();

  private constructor(
    readonly options: HandsetOptions,
    readonly files: PhoneFiles,
    readonly sipPort: number,
    readonly rtp: { readonly portMin: number; readonly portMax: number },
    private readonly phone: Phone,
    readonly pid: number,
  ) {
    endWithUs(pid, phone.exited);
    phone.onEvent((event) => this.events.add(event));
  }

  /** @throws Error with the handset's own words when it does not come up. */
  static async start(options: HandsetOptions): Promise<HandsetProcess> {
    mkdirSync(options.folder, { recursive: true });
    const files = phoneFiles(options.folder, options.folder, options.user);
    const sipPort = await freePort();
    const rtp = options.rtp ?? (await freeRange(Math.max(16, 4 * (options.maxCalls ?? 1))));
    const config = handsetConfig(options, files, sipPort, rtp);
    const phone = await Phone.start(options.user, sottoProgram, files, config, { node: options.node });
    const { pid } = await phone.control.ask("status", {});
    return new HandsetProcess(options, files, sipPort, rtp, phone, pid);
  }

  /** Where it is called: `sip:<user>@127.0.0.1:<port>`. */
  get uri(): string {
    return `sip:${this.options.user}@127.0.0.1:${this.sipPort}`;
  }

  /** Asks its control socket. @throws Error in the handset's own words. */
  ask<M extends ControlMethod>(method: M, params: ControlMethods[M]["params"]): Promise<ControlMethods[M]["result"]> {
    return this.phone.control.ask(method, params);
  }

  status(): Promise<HandsetStatus> {
    return this.ask("status", {});
  }

  /** Places a call. @returns its number. */
  async dial(uri: string): Promise<number> {
    return (await this.ask("dial", { uri })).id;
  }

  /** Number of events so far: from where to look for what comes next. */
  get now(): number {
    return this.events.entries.length;
  }

  /** Waits for a call to be as `fits` says. @throws Error saying what came instead. */
  async call(
    what: string,
    fits: (call: CallSnapshot) => boolean,
    options: { readonly limitMs?: number; readonly from?: number } = {},
  ): Promise<CallSnapshot> {
    const event = await this.events.until(
      `${this.options.user}: ${what}`,
      (one): one is HandsetEvent & { type: "call" } => one.type === "call" && fits(one.call),
      options.limitMs,
      options.from,
    );
    return event.call;
  }

  /** Waits for call `id` to be in `state`. @throws Error when it ended before. */
  async state(id: number, state: CallSnapshot["state"], limitMs?: number): Promise<CallSnapshot> {
    const call = await this.call(
      `call ${id} ${state}`,
      (one) => one.id === id && [state, "ended"].includes(one.state),
      {
        limitMs,
      },
    );
    if (call.state !== state) throw new Error(`${this.options.user}: call ${id} ended: ${JSON.stringify(call.end)}`);
    return call;
  }

  /** Waits for the end of call `id`. */
  ended(id: number, limitMs?: number): Promise<CallSnapshot> {
    return this.call(`the end of call ${id}`, (one) => one.id === id && one.state === "ended", { limitMs });
  }

  /** Waits for the next refused call, from event `from` on. */
  refused(from: number, limitMs?: number): Promise<HandsetEvent & { type: "refused" }> {
    return this.events.until(
      `${this.options.user}: a refusal`,
      (one): one is HandsetEvent & { type: "refused" } => one.type === "refused",
      limitMs,
      from,
    );
  }

  /** How much of a tone its earpiece has played; the last second may not be in the file yet. */
  heard(hz: number): ToneReport {
    return toneInFile(this.files.heard, hz);
  }

  /** Its log so far. */
  get log(): string {
    return readFileSync(this.files.log, "utf8");
  }

  /** SIP messages so far, in order (with `tap`). */
  sip(): {
    readonly direction: "sent" | "received";
    readonly transport: "udp" | "tcp" | "tls";
    readonly peer: string;
    readonly text: string;
  }[] {
    return readFileSync(this.files.tap, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  /** Sends it a signal. */
  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  /** Waits for its end, which something else brings about. @returns its exit code; null: ended by a signal. */
  exit(): Promise<number | null> {
    return this.phone.exited;
  }

  /** Stops it as a system would. @returns its exit code. */
  stop(): Promise<number | null> {
    return this.phone.stop();
  }
}

/** Writes a key shared by two handsets. @returns its path. */
export function writeSharedKey(file: string, hex: string): string {
  writeFileSync(file, hex, { mode: 0o600 });
  return file;
}
