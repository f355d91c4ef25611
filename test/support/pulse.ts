// A PulseAudio server of a test's own: null sinks that are clocked like cards, reached through ALSA.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endWithUs } from "./started.js";

/** A sink: what is played on it can be recorded from its monitor, bit by bit. */
export interface Sink {
  readonly name: string;
  readonly rate: number;
}

/** An ALSA device made of sinks: plays on one, records another's monitor. */
export interface PulseDevice {
  readonly name: string;
  /** Sink that is recorded. */
  readonly capture?: string;
  /** Sink that is played on. */
  readonly playback?: string;
}

/** How long a server may take to start, ms. */
const START_LIMIT_MS = 30_000;

/** A server with its own socket, home and ALSA configuration. */
export class PulseServer {
  /** For ALSA_CONFIG_PATH. */
  readonly config: string;
  private child: ChildProcess | undefined;

  /** @param folder of its own, with a short path. @param more further lines of ALSA's configuration. */
  constructor(
    private readonly folder: string,
    private readonly sinks: readonly Sink[],
    devices: readonly PulseDevice[],
    more: readonly string[] = [],
  ) {
    mkdirSync(folder, { recursive: true });
    this.config = join(folder, "asound.conf");
    const server = `server "unix:${this.socket}"`;
    // An underrun in the server is told as one; by itself the plugin keeps it to itself.
    const side = (direction: string, device: string) =>
      `  ${direction}.pcm { type pulse ${server} device "${device}" handle_underrun 1 }`;
    const lines = [
      "pcm_type.pulse { lib libasound_module_pcm_pulse.so }",
      "ctl_type.pulse { lib libasound_module_ctl_pulse.so }",
    ];
    for (const { name, capture, playback } of devices) {
      lines.push(`pcm.${name} {`, "  type asym");
      if (playback) lines.push(side("playback", playback));
      if (capture) lines.push(side("capture", `${capture}.monitor`));
      lines.push("}");
    }
    lines.push(`ctl.pulse { type pulse ${server} }`, ...more);
    writeFileSync(this.config, lines.join("\n") + "\n");
    writeFileSync(join(folder, "client.conf"), "autospawn = no\n");
  }

  private get socket(): string {
    return join(this.folder, "native");
  }

  /** What a client's environment needs. */
  get environment(): Readonly<Record<string, string>> {
    return {
      ALSA_CONFIG_PATH: this.config,
      PULSE_CLIENTCONFIG: join(this.folder, "client.conf"),
      PULSE_COOKIE: join(this.folder, "cookie"),
    };
  }

  /** Starts the server. @throws Error with its words when it does not come up. */
  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    const script = join(this.folder, "server.pa");
    writeFileSync(
      script,
      [
        `load-module module-native-protocol-unix socket=${this.socket} auth-anonymous=1`,
        ...this.sinks.map(
          ({ name, rate }) =>
            `load-module module-null-sink sink_name=${name} rate=${rate} channels=1 format=s16le norewinds=1`,
        ),
      ].join("\n") + "\n",
    );
    const options =
      "--daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm=yes --realtime=yes --high-priority=yes";
    const child = spawn("pulseaudio", ["-n", "-F", script, ...options.split(" ")], {
      env: { ...process.env, HOME: this.folder, XDG_RUNTIME_DIR: this.folder, PULSE_RUNTIME_PATH: this.folder },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.child = child;
    let words = "";
    child.stderr!.on("data", (data) => {
      words = (words + data).slice(-2000);
    });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    endWithUs(child.pid!, ended);
    const deadline = Date.now() + START_LIMIT_MS;
    while (!existsSync(this.socket)) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`pulseaudio did not start: ${words}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // The socket is there before the sinks are.
    await new Promise((resolve) => setTimeout(resolve, 200));
    // It stands for hardware, which nothing keeps from running. Where that is not allowed it has to do without.
    spawnSync("chrt", ["--all-tasks", "--rr", "--pid", "20", String(child.pid)]);
  }

  /** Ends the server: to its clients every card is gone. */
  async stop(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await ended;
  }

  /** Processor time the server has taken, ms. */
  get pid(): number | undefined {
    return this.child?.pid;
  }
}
