// Who started the telephone and watches it: systemd (sd_notify over NOTIFY_SOCKET) or an init that looks at a file (SOTTO_HEARTBEAT).

import { readFile, utimes, writeFile } from "node:fs/promises";
import type { Closable } from "../contract.js";

/** The service manager above this process. */
export interface ServiceManager extends Closable {
  /** How often {@link alive} must be called at least, ms; undefined: nobody waits for it. */
  readonly watchdogMs: number | undefined;
  /** The telephone takes and places calls now. */
  ready(): void;
  /** The event loop turns. @param isRegistered every account that registers is registered at this moment. */
  alive(isRegistered: boolean): void;
  /** The telephone is closing. */
  stopping(): void;
  close(): void;
}

/** What the environment says. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The shortest interval that is believed, ms: a mistake must not keep the processor busy. */
const SHORTEST_MS = 500;
/** How old a heartbeat file may get by our doing, ms. */
const HEARTBEAT_MS = 5000;

/**
 * Finds the service manager by the environment variables it set, and removes them: children are not to speak for us.
 * @returns undefined where there is none.
 * @throws Error when NOTIFY_SOCKET is no address, or the means to write to it are missing.
 */
export async function openServiceManager(environment: Environment = process.env): Promise<ServiceManager | undefined> {
  const { NOTIFY_SOCKET: address, WATCHDOG_USEC: micros, WATCHDOG_PID: pid, SOTTO_HEARTBEAT: file } = environment;
  if (environment === process.env)
    for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "SOTTO_HEARTBEAT"]) delete process.env[name];
  if (address) {
    const { notifySocket } = await import("./notify-socket.js");
    const { send, close } = notifySocket(address);
    const forUs = pid === undefined || Number(pid) === process.pid;
    const watchdogMs = forUs && Number(micros) > 0 ? Math.max(SHORTEST_MS, Number(micros) / 2000) : undefined;
    return {
      watchdogMs,
      ready: () => send("READY=1"),
      alive: (isRegistered) => send(`WATCHDOG=1\nSTATUS=${isRegistered ? "registered" : "not registered"}`),
      stopping: () => send("STOPPING=1"),
      close,
    };
  }
  if (file) return heartbeat(file);
  return undefined;
}

/** Touches a file: it appears with `ready`, its time and word on registrations are of the last `alive`, and it says `stopping` at the end. */
function heartbeat(file: string): ServiceManager {
  let state = "starting";
  let registered = "";
  let isWriting = false;
  // One write at a time: of two side by side either may be the last.
  const write = async () => {
    if (isWriting) return;
    isWriting = true;
    for (let written = ""; ; ) {
      const text = `${state} ${process.pid}${registered}\n`;
      if (text === written) break;
      await writeFile(file, text).catch(() => {});
      written = text;
    }
    isWriting = false;
  };
  const tell = (next: string) => {
    state = next;
    void write();
  };
  return {
    watchdogMs: HEARTBEAT_MS,
    ready: () => tell("ready"),
    alive: (isRegistered) => {
      if (state !== "ready") return;
      const before = registered;
      registered = isRegistered ? " registered" : "";
      if (registered !== before) return tell("ready");
      const now = new Date();
      void utimes(file, now, now).catch(() => tell("ready"));
    },
    stopping: () => tell("stopping"),
    close: () => {},
  };
}

/** What a heartbeat file says, for who watches it. @returns undefined when there is none. */
export async function readHeartbeat(
  file: string,
): Promise<{ readonly state: string; readonly pid: number; readonly isRegistered: boolean } | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  const found = /^(\w+) (\d+)( registered)?\n$/.exec(text);
  return found ? { state: found[1], pid: Number(found[2]), isRegistered: found[3] !== undefined } : undefined;
}
