// A serial line that comes and goes: opened again and again, ever more slowly, until it is there; never trusted to be connected.

import type { Timer, Timers } from "../../firmware/runtime/timers.js";

/** What is used of serialport's SerialPort. */
export interface Port {
  readonly writableLength: number;
  write(data: string, encoding: "latin1"): unknown;
  on(event: "data", listener: (bytes: Buffer) => void): unknown;
  on(event: "close" | "error", listener: (error?: Error | null) => void): unknown;
  close(done?: (error?: Error | null) => void): void;
  readonly isOpen: boolean;
}

/** Opens a line; rejects with the reason. */
export type OpenPort = (path: string) => Promise<Port>;

/** Who uses the line. */
export interface LinkUser {
  open(): void;
  data(text: string): void;
  /** Said once for each {@link open}. */
  lost(reason: string): void;
  /** It cannot be opened; said when the reason changes. */
  cannot(reason: string): void;
}

/** First and longest pause between attempts, ms. */
export const FIRST_PAUSE_MS = 500;
export const LONGEST_PAUSE_MS = 15_000;
/** A headset that does not read is cut off at so many characters. */
const MAX_BACKLOG = 32_768;

/** Opens a tty with the serialport package. A pty or RFCOMM line has no modem lines worth a failure. @throws Error when serialport cannot be loaded. */
export const openSerial: OpenPort = async (path) => {
  let SerialPort: typeof import("serialport").SerialPort;
  try {
    ({ SerialPort } = await import("serialport"));
  } catch (error) {
    throw new Error(
      `headsets need the npm package serialport, which could not be loaded here: ${(error as Error).message.split("\n")[0]}`,
    );
  }
  return new Promise((resolve, reject) => {
    const port = new SerialPort({ path, baudRate: 115_200, hupcl: false, autoOpen: false });
    port.open((error) => (error ? reject(error) : resolve(port as unknown as Port)));
  });
};

/** Keeps a line open. */
export class HeadsetLink {
  private port: Port | undefined;
  private timer: Timer | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private said: string | undefined;
  private closed = false;
  private opening: Promise<void> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly user: LinkUser,
    private readonly timers: Timers,
    private readonly openPort: OpenPort = openSerial,
  ) {
    this.opening = this.open();
  }

  get isOpen(): boolean {
    return this.port !== undefined;
  }

  /** What was said over it made sense: the next loss is answered at once again. */
  proven(): void {
    this.pauseMs = FIRST_PAUSE_MS;
  }

  /** Sends characters; without a line they are lost. */
  send(text: string): void {
    const { port } = this;
    if (!port) return;
    if (port.writableLength > MAX_BACKLOG) return this.drop(port, "the headset does not read what it is told");
    port.write(text, "latin1");
  }

  /** Closes the line for good. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.timer?.cancel();
    const { port } = this;
    this.port = undefined;
    if (port) await closePort(port);
    await this.opening;
  }

  private async open(): Promise<void> {
    let port: Port;
    try {
      port = await this.openPort(this.path);
    } catch (error) {
      if (this.closed) return;
      const reason = (error as Error).message;
      if (reason !== this.said) this.user.cannot(reason);
      this.said = reason;
      return this.later();
    }
    if (this.closed) return closePort(port);
    this.said = undefined;
    this.port = port;
    port.on("data", (bytes) => {
      if (this.port === port) this.user.data(bytes.toString("latin1"));
    });
    port.on("close", (error) => this.drop(port, error ? "the line is gone" : "the line was closed"));
    port.on("error", (error) => this.drop(port, error?.message ?? "the line failed"));
    this.user.open();
  }

  private drop(port: Port, reason: string): void {
    if (this.port !== port) return;
    this.port = undefined;
    void closePort(port);
    this.user.lost(reason);
    if (!this.closed) this.later();
  }

  private later(): void {
    this.timer?.cancel();
    this.timer = this.timers.after(this.pauseMs, () => {
      this.timer = undefined;
      this.opening = this.open();
    });
    this.pauseMs = Math.min(LONGEST_PAUSE_MS, this.pauseMs * 2);
  }
}

/** Closing may fail on a line that is gone; it is closed all the same. */
function closePort(port: Port): Promise<void> {
  return new Promise((resolve) => {
    port.on("error", () => {});
    if (!port.isOpen) return resolve();
    port.close(() => resolve());
  });
}
