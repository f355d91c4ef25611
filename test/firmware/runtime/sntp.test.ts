// The network time protocol's packets: a request as RFC 5905 has it, a captured answer, and what is not believed.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { middle, readTime, SNTP_BYTES, timeRequest } from "../../../firmware/runtime/sntp.js";

const test = suite("sntp");
const mark = 0xdbdd_a657_2ca9_4c6bn;
const past = Date.UTC(2020, 0, 1);

/** An answer of a stratum 2 server (RFC 5905 figure 8) at 2016-11-21 16:18:08.25 UTC, 10 ms after it was asked. */
function answer(change: (packet: Buffer) => void = () => {}): Buffer {
  const packet = Buffer.from(
    [
      "240203e9", // no warning, version 4, server; stratum 2; poll 3; precision -23
      "00000a00", // root delay
      "00000b00", // root dispersion
      "81839c03", // reference
      "dbdda6472ca94c6b", // reference timestamp
      "dbdda6572ca94c6b", // origin
      "dbdd9cc03d70a3d7", // receive: .24
      "dbdd9cc040000000", // transmit: .25
    ].join(""),
    "hex",
  );
  change(packet);
  return packet;
}

test("a request says that it is one, and nothing else but its mark", () => {
  const packet = timeRequest(mark);
  assert.is(packet.length, SNTP_BYTES);
  assert.is(packet[0], 0x23, "version 4, mode 3");
  assert.is(packet.readBigUInt64BE(40), mark);
  assert.ok(packet.subarray(1, 40).every((byte) => byte === 0));
  assert.is(timeRequest(-1n).readBigUInt64BE(40), 2n ** 64n - 1n);
});

test("an answer's times are those of the server, in the era that is not over", () => {
  const read = readTime(answer(), mark, 0);
  assert.ok(typeof read === "object", String(read));
  assert.is(Math.round(read.sentMs), Date.UTC(2016, 10, 21, 16, 18, 8, 250));
  assert.is(Math.round(read.sentMs - read.receivedMs), 10);
  // The same bits 136 years later: era 1 (RFC 5905 figure 4), where everything before 2020 is over.
  const later = readTime(answer(), mark, past);
  assert.ok(typeof later === "object");
  assert.is(later.sentMs - read.sentMs, 2 ** 32 * 1000);
  // Era 1 begins on 7 February 2036 at 06:28:16.
  const first = answer((packet) => {
    packet.writeBigUInt64BE(1n, 32);
    packet.writeBigUInt64BE(2n, 40);
  });
  const found = readTime(first, mark, past);
  assert.ok(typeof found === "object");
  assert.is(Math.floor(found.sentMs), Date.UTC(2036, 1, 7, 6, 28, 16));
});

test("what is not an answer to us, or is of a server that does not know, is not believed", () => {
  const refused = (change: (packet: Buffer) => void) => readTime(answer(change), mark, past);
  assert.is(readTime(answer().subarray(0, 47), mark, past), "too short");
  assert.is(
    refused((packet) => (packet[0] = 0x23)),
    "not an answer",
  );
  assert.is(
    refused((packet) => (packet[31] ^= 1)),
    "not an answer to this request",
  );
  assert.is(
    refused((packet) => packet.fill(0, 1, 2).write("RATE", 12)),
    "refused (RATE)",
  );
  assert.is(
    refused((packet) => packet.fill(0, 1, 2).write("\u0007\n~!", 12)),
    "refused (??~!)",
  );
  assert.is(
    refused((packet) => (packet[1] = 16)),
    "the server does not know the time",
  );
  assert.is(
    refused((packet) => (packet[0] |= 0xc0)),
    "the server does not know the time",
  );
  assert.is(
    refused((packet) => packet.writeUInt32BE(4 << 16, 4)),
    "the server is too far from a clock",
  );
  assert.is(
    refused((packet) => packet.fill(0, 40)),
    "the server's times cannot be",
  );
  assert.is(
    refused((packet) => (packet[43] -= 1)),
    "the server's times cannot be",
  );
});

test("whatever comes, reading it does not throw", () => {
  let seed = 1;
  for (let i = 0; i < 2000; i++) {
    const packet = Buffer.alloc(i % 60);
    for (let at = 0; at < packet.length; at++) packet[at] = seed = (seed * 48271) % 2147483647;
    if (i % 2 && packet.length > 31) packet.writeBigUInt64BE(mark, 24);
    const read = readTime(packet, mark, past);
    assert.ok(typeof read === "string" || Number.isFinite(read.sentMs));
  }
});

test("the middle of several is not moved by one that lies", () => {
  assert.is(middle([5]), 5);
  assert.is(middle([1e12, 3, 4]), 4);
  assert.is(middle([2, 4]), 3);
});

test.run();
