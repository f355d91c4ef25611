// Free ports on loopback for programs that are told theirs beforehand.

import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** What this process gave out: a port is not given twice, though its user may not have bound it yet. */
const given = new Set<number>();

function udpIsFree(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(undefined));
    socket.bind(port, "127.0.0.1", () => {
      const bound = socket.address().port;
      socket.close(() => resolve(bound));
    });
  });
}

function tcpIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Single ports: below the range the system hands out by itself, so that nobody gets one between this and its use, and above {@link freeRange}'s. */
const FIRST = 27_200;
const LAST = 32_700;
/** Where this process begins: suites that run at the same time keep apart. */
let next = FIRST + ((process.pid * 20) % (LAST - FIRST));

/** A port that neither UDP nor TCP uses now, the one above it free for TCP as well (baresip's TLS listens there). */
export async function freePort(): Promise<number> {
  for (let i = 0; i < 1000; i++) {
    const port = next;
    next = next + 2 < LAST ? next + 2 : FIRST;
    if (given.has(port) || (await udpIsFree(port)) === undefined) continue;
    if (!(await tcpIsFree(port)) || !(await tcpIsFree(port + 1))) continue;
    given.add(port).add(port + 1);
    return port;
  }
  throw new Error("no free port");
}

/**
 * `count` ports in a row, from an even one on, free for UDP and below the range the system hands out by itself. Ones that were given out before are
 * given again when there are no others: who starts hundreds of phones has long stopped the first.
 */
export async function freeRange(count: number): Promise<{ readonly portMin: number; readonly portMax: number }> {
  const tries = 200;
  for (let i = 0; i < 2 * tries; i++) {
    const first = 20_000 + 2 * Math.floor(Math.random() * 3500);
    const ports = Array.from({ length: count }, (_, k) => first + k);
    if (i < tries && ports.some((port) => given.has(port))) continue;
    if ((await Promise.all(ports.map(udpIsFree))).includes(undefined)) continue;
    for (const port of ports) given.add(port);
    return { portMin: first, portMax: first + count - 1 };
  }
  throw new Error(`no ${count} free ports in a row`);
}
