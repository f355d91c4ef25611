// Captures what passes over loopback on a test's own ports, and reads it with tshark.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { promisify } from "node:util";
import { endWithUs } from "../support/started.js";
import { eventually, pause } from "../support/wait.js";
import { which } from "./tools.js";

const run = promisify(execFile);

/** Longest a capture may last, seconds: it ends by itself when a test forgets it. */
const LIMIT_S = 60;
/** Largest file, kilobytes. */
const LIMIT_KB = 20_000;

/** A datagram as captured. */
export interface CapturedDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Buffer;
}

/** Why nothing can be captured here; undefined: it can. */
export async function captureMissing(): Promise<string | undefined> {
  if (!which("tshark") || !which("dumpcap")) return "tshark";
  try {
    // Lists what lo can do: needs the right to open it, captures nothing.
    await run(which("dumpcap")!, ["-i", "lo", "-L"], { timeout: 60_000 });
    const { stdout } = await run(which("dumpcap")!, ["-D"], { timeout: 60_000 });
    return /\blo\b/.test(stdout) ? undefined : "permission to capture packets (CAP_NET_RAW)";
  } catch {
    return "permission to capture packets (CAP_NET_RAW)";
  }
}

/** A running, then a finished capture. */
export class Capture {
  private constructor(
    readonly file: string,
    private readonly sipPorts: readonly number[],
    private readonly child: ChildProcess,
    private readonly exited: Promise<void>,
  ) {}

  /**
   * Starts to capture UDP of the ports given.
   * @param sipPorts ports whose datagrams tshark shall read as SIP.
   * @param ranges first and last port of further ranges (RTP).
   * @param options how long it may last, s (default 60); whether TCP of the SIP ports is wanted too.
   */
  static async start(
    file: string,
    sipPorts: readonly number[],
    ranges: readonly { readonly portMin: number; readonly portMax: number }[],
    { limitS = LIMIT_S, withTcp = false }: { readonly limitS?: number; readonly withTcp?: boolean } = {},
  ): Promise<Capture> {
    const filter = [
      ...sipPorts.map((port) => `${withTcp ? "" : "udp "}port ${port}`),
      ...ranges.map(({ portMin, portMax }) => `udp portrange ${portMin}-${portMax}`),
    ].join(" or ");
    const limits = ["-a", `duration:${limitS}`, "-a", `filesize:${LIMIT_KB}`];
    const child = spawn(which("dumpcap")!, ["-i", "lo", "-q", "-s", "0", "-f", filter, ...limits, "-w", file], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let words = "";
    child.stderr?.on("data", (data) => {
      words = (words + data).slice(-2000);
    });
    const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
    if (child.pid !== undefined) endWithUs(child.pid, exited);
    await eventually("the capture's start", 20_000, () => {
      if (child.exitCode !== null) throw new Error(`dumpcap ended: ${words}`);
      return words.includes("File:") && existsSync(file) && statSync(file).size > 0;
    });
    return new Capture(file, sipPorts, child, exited);
  }

  /** Ends the capture when what was sent until now is in the file. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await pause(300);
      this.child.kill("SIGTERM");
    }
    await this.exited;
  }

  /** Fields of every frame that a display filter lets pass, in order; several values of a field are joined by commas. */
  async fields(filter: string, ...names: readonly string[]): Promise<string[][]> {
    const decode = this.sipPorts.flatMap((port) => ["-d", `udp.port==${port},sip`, "-d", `tcp.port==${port},sip`]);
    const columns = names.flatMap((name) => ["-e", name]);
    const args = ["-r", this.file, "-n", ...decode, "-Y", filter, "-T", "fields", "-E", "separator=/t", ...columns];
    const { stdout } = await run(which("tshark")!, args, { maxBuffer: 2 ** 28, timeout: 60_000 });
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t"));
  }

  /** Every datagram, as it was on the wire. */
  async datagrams(): Promise<CapturedDatagram[]> {
    const rows = await this.fields("udp", "udp.srcport", "udp.dstport", "udp.payload");
    return rows.map(([source, destination, payload]) => ({
      sourcePort: Number(source),
      destinationPort: Number(destination),
      payload: Buffer.from(payload ?? "", "hex"),
    }));
  }
}
