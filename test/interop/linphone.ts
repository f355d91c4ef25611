// One headless linphonec (https://www.linphone.org) as a peer: started, driven over its standard input, listened to, stopped.
// It plays and records files instead of a sound card, and tells what happens in its log.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, freeRange } from "../support/ports.js";
import { endWithUs } from "../support/started.js";
import { type ToneReport, toneIn } from "../support/tones.js";
import { eventually, Journal } from "../support/wait.js";
import { which } from "./tools.js";

/** Bytes before the samples in its recordings. */
const WAV_HEADER = 44;
/** Of both codecs there are, Hz. */
const RATE = 8000;

/** States of its calls that the suites wait for; its own words. */
export type LinphoneState =
  | "IncomingReceived"
  | "OutgoingProgress"
  | "OutgoingRinging"
  | "StreamsRunning"
  | "Paused"
  | "PausedByRemote"
  | "End"
  | "Error"
  | "Released";

/** How it is set up. */
export interface LinphoneOptions {
  /** An empty folder of its own. */
  readonly folder: string;
  readonly user: string;
  /** WAV file (8 kHz, mono, 16 bit) it says. */
  readonly says: string;
  readonly maxCalls?: number;
  /** PEM file of the authority whose word on TLS servers it takes. */
  readonly authority?: string;
  /** Its registrar and outbound proxy; without one it stands alone. */
  readonly proxy?: { readonly uri: string; readonly domain: string; readonly password: string };
}

/** Why linphone cannot be used here; undefined: it can. */
export function linphoneMissing(): string | undefined {
  return which("linphonec") ? undefined : "linphonec (Debian: linphone-cli)";
}

/** A running linphonec that listens on UDP and TCP. */
export class Linphone {
  /** States its calls came to, in order. */
  readonly states = new Journal<LinphoneState>();
  private recordings = 0;
  private readBytes = 0;
  private half = "";
  private readonly watch: NodeJS.Timeout;

  private constructor(
    private readonly options: LinphoneOptions,
    readonly sipPort: number,
    private readonly child: ChildProcess,
    private readonly exited: Promise<void>,
  ) {
    this.watch = setInterval(() => this.readLog(), 15);
    void exited.then(() => {
      clearInterval(this.watch);
      this.states.end("linphonec is gone");
    });
  }

  /** @throws Error with the end of its log when it does not come up. */
  static async start(options: LinphoneOptions): Promise<Linphone> {
    const { folder } = options;
    // It keeps its databases there and does not make the folders.
    mkdirSync(join(folder, ".local", "share", "linphone"), { recursive: true });
    const [sipPort, rtp] = [await freePort(), await freeRange(20)];
    const config = join(folder, "linphonerc");
    writeFileSync(config, configText(options, sipPort, rtp));
    const out = openSync(join(folder, "out"), "w");
    const child = spawn("linphonec", ["-c", config, "-d", "5", "-l", join(folder, "log")], {
      cwd: folder,
      env: { ...process.env, HOME: folder, XDG_DATA_HOME: join(folder, ".local", "share") },
      stdio: ["pipe", out, out],
    });
    closeSync(out);
    child.stdin?.on("error", () => {});
    const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
    if (child.pid !== undefined) endWithUs(child.pid, exited);
    const linphone = new Linphone(options, sipPort, child, exited);
    try {
      await eventually("linphonec", 20_000, () => {
        if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}`);
        const { log } = linphone;
        if (options.proxy) return /to \[?LinphoneRegistrationOk/.test(log);
        return log.includes(`[sip:127.0.0.1:${sipPort};transport=TCP]`);
      });
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(`linphonec did not start (${(error as Error).message}):\n${linphone.log.slice(-1500)}`);
    }
    linphone.command("soundcard use files");
    linphone.command(`play ${options.says}`);
    linphone.forget();
    return linphone;
  }

  /** What it wrote to its log, SIP messages included. */
  get log(): string {
    const file = join(this.options.folder, "log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Types a line: `call sip:...`, `answer`, `terminate`, `pause`, `resume`. */
  command(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** Waits for one of its calls to come to one of these states, from entry `from` of {@link states} on. */
  until(wanted: readonly LinphoneState[], limitMs?: number, from?: number): Promise<LinphoneState> {
    const fits = (state: LinphoneState): boolean => wanted.includes(state);
    return this.states.until(`linphone's ${wanted.join(" or ")}`, fits, limitMs, from);
  }

  /** How much of a tone is in what it recorded since {@link forget}. The file's header is written when the call is over. */
  heard(hz: number): ToneReport {
    const bytes = existsSync(this.recording) ? readFileSync(this.recording) : Buffer.alloc(0);
    if (bytes.length <= WAV_HEADER) return { toneMs: 0, soundMs: 0 };
    const samples = new Int16Array((bytes.length - WAV_HEADER) >> 1);
    for (let i = 0; i < samples.length; i++) samples[i] = bytes.readInt16LE(WAV_HEADER + 2 * i);
    return toneIn(samples, bytes.readUInt32LE(24) || RATE, hz);
  }

  /** The next call is recorded anew. */
  forget(): void {
    this.recordings++;
    this.command(`record ${this.recording}`);
  }

  /** Ends it, its calls included. */
  async stop(): Promise<void> {
    this.command("quit");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    await this.exited;
    clearTimeout(timer);
  }

  private get recording(): string {
    return join(this.options.folder, `heard${this.recordings}.wav`);
  }

  /** Reads what the log has more than before. */
  private readLog(): void {
    const file = join(this.options.folder, "log");
    if (!existsSync(file)) return;
    const chunk = Buffer.alloc(1 << 16);
    const log = openSync(file, "r");
    try {
      for (let got = readSync(log, chunk, 0, chunk.length, this.readBytes); got > 0; ) {
        this.readBytes += got;
        this.half += chunk.toString("latin1", 0, got);
        got = readSync(log, chunk, 0, chunk.length, this.readBytes);
      }
    } finally {
      closeSync(log);
    }
    const lines = this.half.split("\n");
    this.half = lines.pop() ?? "";
    for (const line of lines) {
      const state = /moving from state LinphoneCall\w+ to LinphoneCall(\w+)/.exec(line)?.[1];
      if (state !== undefined) this.states.add(state as LinphoneState);
    }
  }
}

function configText(
  options: LinphoneOptions,
  sipPort: number,
  rtp: { readonly portMin: number; readonly portMax: number },
): string {
  const { user, proxy, authority, maxCalls = 4 } = options;
  const sections: Record<string, Record<string, string | number>> = {
    sip: {
      sip_port: sipPort,
      sip_tcp_port: sipPort,
      // It opens TLS connections and takes none ("New connection arriving on TLS, not handled !").
      sip_tls_port: sipPort + 1,
      bind_address: "127.0.0.1",
      guess_hostname: 0,
      contact: `"${user}" <sip:${user}@127.0.0.1:${sipPort}>`,
      default_proxy: proxy ? 0 : -1,
      use_ipv6: 0,
      media_encryption: "none",
      keepalive_period: 30_000,
      verify_server_certs: 1,
      verify_server_cn: 1,
      ...(authority ? { root_ca: authority } : {}),
    },
    rtp: { audio_rtp_port: rtp.portMin, bind_address: "127.0.0.1", symmetric: 1 },
    sound: { echocancellation: 0, use_files: 1 },
    net: { mtu: 1300 },
    video: { enabled: 0 },
    misc: { store_friends: 0, max_calls: maxCalls },
    ...(proxy ? proxySections(user, proxy) : {}),
  };
  return Object.entries(sections)
    .map(([name, fields]) => {
      const lines = Object.entries(fields).map(([field, value]) => `${field}=${value}\n`);
      return `[${name}]\n${lines.join("")}\n`;
    })
    .join("");
}

function proxySections(user: string, { uri, domain, password }: NonNullable<LinphoneOptions["proxy"]>) {
  return {
    proxy_0: {
      reg_proxy: `<${uri}>`,
      reg_route: `<${uri};lr>`,
      reg_identity: `sip:${user}@${domain}`,
      reg_expires: 600,
      reg_sendregister: 1,
      publish: 0,
    },
    auth_info_0: { username: user, passwd: password, realm: domain, domain },
  };
}
