// `sotto network-time`: servers that answer, lie, keep silent or refuse.

import { createSocket, type Socket } from "node:dgram";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { networkTime } from "../../../firmware/cli/time.js";
import { toNtp } from "../../../firmware/runtime/clock.js";

const test = suite("network time");
const sockets: Socket[] = [];
test.after(() => {
  for (const socket of sockets) socket.close();
});

/** A server on an address of the loopback network; all have one port. `answer` makes what it sends, or nothing. */
async function serve(address: string, port: number, answer: (request: Buffer, n: number) => Buffer[]): Promise<number> {
  const socket = createSocket("udp4");
  sockets.push(socket);
  let asked = 0;
  socket.on("message", (request, from) => {
    for (const packet of answer(request, asked++)) socket.send(packet, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  return (socket.address() as AddressInfo).port;
}

/** What a server whose clock is `aheadMs` ahead says. */
function says(request: Buffer, aheadMs: number): Buffer {
  const packet = Buffer.alloc(48);
  packet.set([0x24, 1, 0, 0xec]);
  request.copy(packet, 24, 40, 48);
  packet.writeBigUInt64BE(toNtp(Date.now() + aheadMs), 32);
  packet.writeBigUInt64BE(toNtp(Date.now() + aheadMs), 40);
  return packet;
}

const net = `127.${20 + (process.pid % 200)}.${1 + (Math.floor(process.pid / 200) % 200)}`;
const [good, liar, silent, deaf, forger] = [1, 2, 3, 4, 5].map((i) => `${net}.${i}`);
const YEAR_MS = 365 * 86_400_000;
let port: number;

test.before(async () => {
  port = await serve(good, 0, (request) => [says(request, YEAR_MS)]);
  await serve(liar, port, (request) => [says(request, -20 * YEAR_MS)]);
  // Only its second answer comes; the first is lost.
  await serve(silent, port, (request, n) => (n === 0 ? [] : [says(request, 5 * YEAR_MS)]));
  await serve(deaf, port, () => []);
  // Somebody else's answer comes first.
  await serve(forger, port, (request) => [says(Buffer.alloc(48), 9 * YEAR_MS), says(request, 2 * YEAR_MS)]);
});

const options = () => ({ port, notBeforeMs: Date.UTC(2000, 0, 1) });
const near = (value: number, wanted: number) => assert.ok(Math.abs(value - wanted) < 10_000, `${value}, not ${wanted}`);

test("how far the clock is behind is what a server says", async () => {
  near(await networkTime([good], options()), YEAR_MS);
});

test("a lost answer is asked for again; one that is not to us does not count", async () => {
  near(await networkTime([silent], options()), 5 * YEAR_MS);
  near(await networkTime([forger], options()), 2 * YEAR_MS);
});

test("of three the one in the middle counts, and one that says nothing holds nobody up", async () => {
  near(await networkTime([liar, good, forger, deaf], options()), YEAR_MS);
});

test("where none answers, each one's reason is said", async () => {
  const error = await networkTime([deaf, "no.such.host.invalid"], options()).then(
    () => assert.unreachable(),
    (reason: Error) => reason,
  );
  assert.match((error as Error).message, new RegExp(`${deaf}: no answer; no\\.such\\.host\\.invalid: `));
});

test.run();
