// The way to a device: a TCP connection, or a serial line.

import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { UPDATE_PORT, WAKE_WORD } from "../../firmware/update/index.js";

/** Where a device is. */
export type DevicePlace =
  | { readonly kind: "network"; readonly host: string; readonly port: number }
  | { readonly kind: "serial"; readonly path: string; readonly speed: number };

/** Bytes ahead on a serial line: less than the other end's buffer, since it may have no flow control. */
export const SERIAL_WINDOW = 2048;
const CONNECT_MS = 10_000;
/** Seconds a device that refuses connections is asked again. */
const REFUSED_TRIES = 8;
/** A device that is silent for so long is asked whether it is there, ms: one that was switched off does not say so. */
const KEEP_ALIVE_MS = 20_000;
/** The device is woken again after so long, ms. */
const WAKE_MS = 12_000;

/** @param text `HOST`, `HOST:PORT`, `[IPv6]:PORT` or a device's path. @throws Error when it is none of these. */
export function parsePlace(text: string, speed = 115_200): DevicePlace {
  if (text.startsWith("/")) return { kind: "serial", path: text, speed };
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text);
  const bare = /^[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F.:]*$/.test(text) ? text : undefined;
  const port = Number(found?.[3] ?? UPDATE_PORT);
  if ((!found && !bare) || port < 1 || port > 65_535)
    throw new Error(`"${text}" is neither HOST, HOST:PORT nor the path of a serial line such as /dev/ttyUSB0`);
  return { kind: "network", host: bare ?? found?.[1] ?? found![2], port };
}

/** Opens the way. @throws Error that says what does not answer. */
export async function openLink(place: DevicePlace): Promise<Duplex> {
  if (place.kind === "serial") return openSerial(place.path, place.speed);
  // A device takes one session after the other, with a moment in between.
  for (let i = 0; ; i++)
    try {
      return await connect(place.host, place.port);
    } catch (error) {
      if (!/ECONNREFUSED/.test((error as Error).message) || i >= REFUSED_TRIES) throw error;
      await pause(1000);
    }
}

/** Ends it; a serial line can then be opened again. */
export async function closeLink(link: Duplex): Promise<void> {
  // A serial line's stream that is destroyed keeps its line open, and locked.
  const line = link as Duplex & { readonly isOpen?: boolean; close?(done: () => void): void };
  if (line.isOpen && line.close) await new Promise<void>((resolve) => line.close!(() => resolve()));
  link.destroy();
}

function connect(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port });
    const fail = (why: string) => {
      socket.destroy();
      reject(
        new Error(
          `${host} port ${port}: ${why}. Is the telephone on, and does it take updates (toolchain/image --update-key)?`,
        ),
      );
    };
    socket.setTimeout(CONNECT_MS, () => fail("no answer"));
    socket.once("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.removeAllListeners("error");
      // The reader sees the end; nothing more is to be said of it.
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

async function openSerial(path: string, speed: number): Promise<Duplex> {
  const { SerialPort } = await import("serialport");
  const port = new SerialPort({ path, baudRate: speed, autoOpen: false });
  await new Promise<void>((resolve, reject) =>
    port.open((error) => (error ? reject(new Error(`${path} cannot be opened: ${error.message}`)) : resolve())),
  );
  let isHeard = false;
  port.once("readable", () => {
    isHeard = true;
  });
  // Until something comes back, the device's side may not have been there.
  const wake = async () => {
    for (let i = 0; i < 3 && !isHeard && port.isOpen; i++) {
      port.write(`\n${WAKE_WORD}\n`);
      await pause(WAKE_MS, undefined, { ref: false });
    }
  };
  void wake();
  return port as Duplex;
}
