// One headless baresip (https://github.com/baresip/baresip) as a peer: started, driven over its control port, listened to, stopped.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { freePort, freeRange } from "../support/ports.js";
import { endWithUs } from "../support/started.js";
import { type ToneReport, toneInFile } from "../support/tones.js";
import { eventually, Journal } from "../support/wait.js";
import { which } from "./tools.js";

/** Where Debian and others put its modules. */
const moduleFolders = [
  "/usr/lib/baresip/modules",
  "/usr/local/lib/baresip/modules",
  `/usr/lib/${{ x64: "x86_64", arm64: "aarch64", arm: "arm" }[process.arch as string] ?? process.arch}-linux-gnu/baresip/modules`,
];

/** What an event of its control port says. */
export interface BaresipEvent {
  readonly type: string;
  readonly param: string;
  readonly peeruri?: string;
}

/** How it is set up. */
export interface BaresipOptions {
  /** An empty folder of its own. */
  readonly folder: string;
  readonly user: string;
  /** Codecs of its account, most wanted first. */
  readonly codecs: readonly string[];
  /** WAV file (8 kHz, mono, 16 bit) it says. */
  readonly says: string;
  /** ALSA device it speaks and hears through, instead of files. */
  readonly alsa?: string;
  /** Length of its packets, and with them of its sound card's periods and of the least it buffers, ms. Default 20. */
  readonly packetMs?: number;
  /** Its threads get this real-time priority, where the system allows. Default: they are ordinary ones. */
  readonly realtime?: number;
  /** Answer at once; otherwise {@link Baresip.command} `accept`. Default true. */
  readonly autoAnswer?: boolean;
  readonly maxCalls?: number;
  /** How it is reached and calls. Default udp. */
  readonly transport?: "udp" | "tcp" | "tls";
  /** How it secures its calls, and wants them. Default none. */
  readonly mediaEncryption?: "none" | "srtp-mand" | "dtls_srtp";
  /** PEM file with certificate and private key, for TLS. */
  readonly certificate?: string;
}

/** Why baresip cannot be used here; undefined: it can. */
export function baresipMissing(): string | undefined {
  if (!which("baresip")) return "baresip (Debian: baresip-core)";
  const modules = ["g711", "aufile", "aubridge", "sndfile", "account", "ctrl_tcp", "menu"];
  const missing = modules.filter((name) => !moduleFolders.some((folder) => existsSync(join(folder, `${name}.so`))));
  return missing.length > 0 ? `baresip's modules ${missing.join(", ")}` : undefined;
}

/** A running baresip. */
export class Baresip {
  readonly events = new Journal<BaresipEvent>();
  private readonly replies = new Journal<{ readonly token: string; readonly ok: boolean; readonly data: string }>();
  private nextToken = 1;

  private constructor(
    private readonly options: BaresipOptions,
    readonly sipPort: number,
    private readonly child: ChildProcess,
    private readonly control: Socket,
    private readonly exited: Promise<void>,
  ) {
    let buffer = Buffer.alloc(0);
    control.on("data", (data) => {
      buffer = Buffer.concat([buffer, data]);
      for (let text = netstring(buffer); text; text = netstring(buffer)) {
        buffer = buffer.subarray(text.end);
        this.message(JSON.parse(text.value) as Record<string, unknown>);
      }
    });
    control.on("error", () => {});
    control.on("close", () => {
      this.events.end("baresip is gone");
      this.replies.end("baresip is gone");
    });
  }

  /** @throws Error with the end of its log when it does not come up. */
  static async start(options: BaresipOptions): Promise<Baresip> {
    const { folder } = options;
    mkdirSync(folder, { recursive: true });
    const [sipPort, controlPort, rtp] = [await freePort(), await freePort(), await freeRange(40)];
    writeFileSync(join(folder, "config"), configText(options, sipPort, controlPort, rtp));
    writeFileSync(join(folder, "contacts"), "");
    writeFileSync(
      join(folder, "accounts"),
      `<sip:${options.user}@127.0.0.1:${sipPort};transport=${options.transport ?? "udp"}>;regint=0;mediaenc=${options.mediaEncryption ?? "none"}` +
        `;answermode=${options.autoAnswer === false ? "manual" : "auto"}` +
        `;ptime=${options.packetMs ?? 20};audio_codecs=${options.codecs.map((name) => `${name}/8000/1`).join(",")}\n`,
    );
    const log = openSync(join(folder, "log"), "w");
    // -s prints SIP messages to the log: what a failing test is understood by.
    const child = spawn("baresip", ["-f", folder, "-s"], { cwd: folder, stdio: ["ignore", log, log] });
    closeSync(log);
    // The threads of its sound card are started by these, and inherit it.
    if (options.realtime && child.pid !== undefined)
      spawnSync("chrt", ["--all-tasks", "--rr", "--pid", String(options.realtime), String(child.pid)]);
    const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
    if (child.pid !== undefined) endWithUs(child.pid, exited);
    let control: Socket | undefined;
    try {
      control = await eventually("baresip's control port", 20_000, () => {
        if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}`);
        return connect(controlPort);
      });
    } catch (error) {
      child.kill("SIGKILL");
      const words = readFileSync(join(folder, "log"), "utf8").slice(-1500);
      throw new Error(`baresip did not start (${(error as Error).message}):\n${words}`);
    }
    return new Baresip(options, sipPort, child, control, exited);
  }

  /** Its process. */
  get pid(): number {
    return this.child.pid!;
  }

  /** Its address; over TLS it listens one port further up. */
  get uri(): string {
    const { user, transport = "udp" } = this.options;
    const port = transport === "tls" ? this.sipPort + 1 : this.sipPort;
    return `sip:${user}@127.0.0.1:${port}${transport === "udp" ? "" : `;transport=${transport}`}`;
  }

  /** What it wrote to its log, SIP messages included. */
  get log(): string {
    return readFileSync(join(this.options.folder, "log"), "utf8");
  }

  /** Runs one of its commands (`dial`, `accept`, `hangup`, `hold`, `resume`, `sndcode`, ...). @throws Error when it refuses. */
  async command(command: string, params = ""): Promise<string> {
    const token = `t${this.nextToken++}`;
    const body = JSON.stringify({ command, params, token });
    this.control.write(`${Buffer.byteLength(body)}:${body},`);
    const reply = await this.replies.until(`baresip's reply to ${command}`, (one) => one.token === token);
    if (!reply.ok) throw new Error(`baresip refused "${command} ${params}": ${reply.data}`);
    return reply.data;
  }

  /** Waits for an event of its control port. @throws Error saying what came instead. */
  until(type: string, limitMs?: number, from?: number): Promise<BaresipEvent> {
    return this.events.until(`${this.options.user}'s ${type}`, (event) => event.type === type, limitMs, from);
  }

  /** How much of a tone is in what it has decoded so far. */
  heard(hz: number): ToneReport {
    const files = readdirSync(this.options.folder).filter((name) => /^dump-.*-dec\.wav$/.test(name));
    const reports = files.map((name) => toneInFile(join(this.options.folder, name), hz));
    return {
      toneMs: reports.reduce((sum, one) => sum + one.toneMs, 0),
      soundMs: reports.reduce((sum, one) => sum + one.soundMs, 0),
    };
  }

  /** Forgets what it heard. */
  forget(): void {
    for (const name of readdirSync(this.options.folder))
      if (name.startsWith("dump-")) rmSync(join(this.options.folder, name));
  }

  /** Ends it, its calls included. */
  async stop(): Promise<void> {
    this.control.destroy();
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    await this.exited;
    clearTimeout(timer);
  }

  private message(message: Record<string, unknown>): void {
    if (message["event"] === true)
      this.events.add({
        type: String(message["type"]),
        param: String(message["param"] ?? ""),
        peeruri: message["peeruri"] as string | undefined,
      });
    else if (message["response"] === true)
      this.replies.add({
        token: String(message["token"]),
        ok: message["ok"] === true,
        data: String(message["data"] ?? ""),
      });
  }
}

/** The first netstring (`12:hello world!,`) of some bytes, when it is whole. */
function netstring(bytes: Buffer): { readonly value: string; readonly end: number } | undefined {
  const colon = bytes.indexOf(0x3a);
  if (colon < 0) return undefined;
  const start = colon + 1;
  const end = start + Number(bytes.toString("latin1", 0, colon)) + 1;
  return bytes.length < end ? undefined : { value: bytes.toString("utf8", start, end - 1), end };
}

function connect(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", () => resolve(undefined));
  });
}

function configText(
  options: BaresipOptions,
  sipPort: number,
  controlPort: number,
  rtp: { readonly portMin: number; readonly portMax: number },
): string {
  const modules = moduleFolders.find((folder) => existsSync(folder)) ?? moduleFolders[0];
  const settings: Record<string, string | number> = {
    poll_method: "epoll",
    sip_listen: `127.0.0.1:${sipPort}`,
    ...(options.certificate ? { sip_certificate: options.certificate } : {}),
    net_interface: "127.0.0.1",
    call_local_timeout: 60,
    call_max_calls: options.maxCalls ?? 4,
    audio_source: options.alsa ? `alsa,${options.alsa}` : `aufile,${options.says}`,
    audio_player: options.alsa ? `alsa,${options.alsa}` : `aubridge,${options.user}-ear`,
    audio_alert: `aubridge,${options.user}-bell`,
    ausrc_srate: 8000,
    auplay_srate: 8000,
    ausrc_channels: 1,
    auplay_channels: 1,
    audio_buffer: `${options.packetMs ?? 20}-160`,
    rtp_ports: `${rtp.portMin}-${rtp.portMax}`,
    jitter_buffer_delay: "1-10",
    module_path: modules,
    ctrl_tcp_listen: `127.0.0.1:${controlPort}`,
    snd_path: options.folder,
    ringback_disabled: "yes",
    menu_bell: "no",
    statmode_default: "off",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  const sound = options.alsa ? ["alsa", "aubridge"] : ["aufile", "aubridge", "sndfile"];
  for (const name of ["g711", ...sound]) lines.push(`module ${name}.so`);
  const encryption = { none: [], "srtp-mand": ["srtp"], dtls_srtp: ["dtls_srtp"] }[options.mediaEncryption ?? "none"];
  for (const name of encryption) lines.push(`module ${name}.so`);
  lines.push("module_tmp account.so", "module_app ctrl_tcp.so", "module_app menu.so");
  return `${lines.join("\n")}\n`;
}
