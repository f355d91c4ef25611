// STUN keep-alives: the bytes against the samples of RFC 5769, the flow in virtual time against RFC 5389 section 7.2.1 and RFC 5626 section 4.4.2.

import { createSocket, type Socket } from "node:dgram";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import { type FlowOptions, type SipAddress, UdpTransport } from "../../../../firmware/sip/index.js";
import { UdpKeepAlive } from "../../../../firmware/sip/transport/keep-alive.js";
import {
  isBindingError,
  isStun,
  readBindingResponse,
  stunBindingRequest,
} from "../../../../firmware/sip/transport/stun.js";
import { eventually } from "../../../support/wait.js";
import { bytes, hex, vectors } from "../../../vectors.js";

interface Samples {
  readonly responses: readonly { section: string; transactionId: string; message: string; mapped: string }[];
}
const { responses } = vectors<Samples>("rfc5769-stun");
const stun = suite("STUN");
const edge: SipAddress = { host: "192.0.2.9", port: 5060, transport: "udp" };

/** A response as section 6 of RFC 5389 lays it out, written here a second time. */
function response(
  type: number,
  transactionId: Uint8Array,
  attributes: readonly (readonly [number, number[]])[],
): Buffer {
  const parts = attributes.map(([kind, value]) => {
    const padded = Buffer.alloc(4 + 4 * Math.ceil(value.length / 4));
    padded.writeUInt16BE(kind, 0);
    padded.writeUInt16BE(value.length, 2);
    padded.set(value, 4);
    return padded;
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  head.writeUInt32BE(0x2112a442, 4);
  return Buffer.concat([head, transactionId, body]);
}

/** XOR-MAPPED-ADDRESS of an IPv4 address (section 15.2): the port under the cookie's upper half, the address under the cookie. */
const mapped = (a: number, b: number, c: number, d: number, port: number): readonly [number, number[]] => [
  0x0020,
  [0, 1, (port >> 8) ^ 0x21, (port & 255) ^ 0x12, a ^ 0x21, b ^ 0x12, c ^ 0xa4, d ^ 0x42],
];

for (const { section, transactionId, message, mapped: address } of responses)
  stun(`the response of RFC 5769 section ${section}`, () => {
    assert.ok(isStun(bytes(message)));
    assert.is(readBindingResponse(bytes(message), bytes(transactionId)), address);
    const other = bytes(transactionId);
    other[11] ^= 1;
    assert.is(readBindingResponse(bytes(message), other), undefined, "an answer to somebody else's question");
    for (let cut = 0; cut < message.length / 2; cut++)
      assert.is(readBindingResponse(bytes(message).subarray(0, cut), bytes(transactionId)), undefined);
  });

stun("a Binding request: 20 bytes, cookie, no attributes", () => {
  assert.is(hex(stunBindingRequest(bytes("000102030405060708090a0b"))), "000100002112a442000102030405060708090a0b");
  assert.throws(() => stunBindingRequest(new Uint8Array(11)), /12 bytes/);
});

stun("MAPPED-ADDRESS of an old server, an attribute nobody knows, an error response", () => {
  const id = bytes("0102030405060708090a0b0c");
  assert.is(
    readBindingResponse(response(0x0101, id, [[0x0001, [0, 1, 0x13, 0xc4, 192, 0, 2, 7]]]), id),
    "192.0.2.7:5060",
  );
  const both = response(0x0101, id, [[0x0001, [0, 1, 0, 9, 10, 0, 0, 1]], mapped(192, 0, 2, 7, 5060)]);
  assert.is(readBindingResponse(both, id), "192.0.2.7:5060", "the XORed one counts: NATs rewrite the other");
  const strange = response(0x0101, id, [mapped(192, 0, 2, 7, 5060), [0x7ffe, [1, 2, 3]]]);
  assert.is(readBindingResponse(strange, id), undefined, "it would have to be understood");
  const optional = response(0x0101, id, [[0x8fff, [1, 2, 3]], mapped(192, 0, 2, 7, 5060)]);
  assert.is(readBindingResponse(optional, id), "192.0.2.7:5060");
  const error = response(0x0111, id, [[0x0009, [0, 0, 4, 0]]]);
  assert.ok(isBindingError(error, id));
  assert.is(readBindingResponse(error, id), undefined);
});

stun("random and changed bytes never throw", () => {
  const sample = bytes(responses[0].message);
  const id = bytes(responses[0].transactionId);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { maxLength: 6 }),
      fc.nat(80),
      (edits, cut) => {
        const changed = sample.slice(0, sample.length - cut);
        for (const [at, value] of edits) if (at < changed.length) changed[at] = value;
        const read = readBindingResponse(changed, id);
        assert.ok(read === undefined || /^(\d+\.){3}\d+:\d+$|^\[[0-9a-f:]+\]:\d+$/.test(read));
      },
    ),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (any) => void readBindingResponse(any, id)),
    { numRuns: 2000 },
  );
});

/** A flow to {@link edge} in virtual time. */
function flow(options: FlowOptions = {}) {
  const time = new VirtualTime();
  const sent: { readonly atMs: number; readonly bytes: Uint8Array }[] = [];
  let counter = 0;
  let alive = 0;
  const failures: string[] = [];
  const flows = new UdpKeepAlive({
    timers: time,
    random: (count) => new Uint8Array(count).fill(++counter),
    send: (data) => sent.push({ atMs: time.now(), bytes: data }),
  });
  const opened = flows.open(edge, { answered: true, alive: () => alive++, ...options }, (error) =>
    failures.push(error.message),
  );
  return {
    ...{ time, sent, flows, failures, opened },
    alive: () => alive,
    answer: (address: readonly [number, number[]], from = edge) =>
      flows.receive(response(0x0101, sent.at(-1)!.bytes.subarray(8), [address]), from),
  };
}

stun("asked at once, then every 24 to 29 s (80 to 100 % of 29); Flow-Timer in its place", () => {
  for (const [everyMs, low, high] of [
    [undefined, 23_200, 29_000],
    [10_000, 8000, 10_000],
  ] as const) {
    const { time, sent, answer, alive, failures } = flow(everyMs === undefined ? {} : { everyMs });
    time.advance(0);
    for (let i = 0; i < 50; i++) {
      assert.is(sent.length, i + 1);
      assert.ok(answer(mapped(198, 51, 100, 7, 40_000)));
      const before = time.now();
      while (sent.length === i + 1) time.advance(100);
      const gap = sent[i + 1].atMs - before;
      assert.ok(gap >= low && gap <= high, `${gap} ms`);
    }
    assert.is(alive(), 50);
    assert.equal(failures, []);
    assert.is(new Set(sent.map((one) => hex(one.bytes))).size, 51, "each has a transaction ID of its own");
  }
});

stun("no answer: seven requests at RFC 5389's distances, the same ID in all, failed after 39.5 s", () => {
  const { time, sent, failures } = flow();
  time.advance(39_499);
  assert.equal(
    sent.map(({ atMs }) => atMs),
    [0, 500, 1500, 3500, 7500, 15_500, 31_500],
  );
  assert.is(new Set(sent.map((one) => hex(one.bytes))).size, 1);
  assert.equal(failures, []);
  time.advance(1);
  assert.equal(failures, ["a keep-alive was not answered"]);
  time.advance(100_000);
  assert.is(time.active, 0);
});

stun("an answer to a later copy is as good", () => {
  const { time, answer, failures } = flow();
  time.advance(20_000);
  assert.ok(answer(mapped(198, 51, 100, 7, 40_000)));
  time.advance(20_000);
  assert.equal(failures, []);
});

stun("our address as the edge sees it changes: the flow has failed", () => {
  const { time, answer, failures, sent } = flow();
  time.advance(0);
  answer(mapped(198, 51, 100, 7, 40_000));
  time.advance(30_000);
  assert.ok(sent.length > 1);
  answer(mapped(198, 51, 100, 7, 40_001));
  assert.match(failures[0], /changed from 198\.51\.100\.7:40000 to 198\.51\.100\.7:40001/);
  assert.is(time.active, 0);
});

stun("an error response: the flow has failed; answers of others are none", () => {
  const { time, answer, failures, flows, sent } = flow();
  time.advance(0);
  assert.not.ok(answer(mapped(198, 51, 100, 7, 40_000), { ...edge, host: "203.0.113.5" }), "another address");
  assert.not.ok(flows.receive(response(0x0111, new Uint8Array(12), [[0x0009, [0, 0, 4, 0]]]), edge), "another ID");
  assert.equal(failures, []);
  assert.ok(flows.receive(response(0x0111, sent[0].bytes.subarray(8), [[0x0009, [0, 0, 4, 0]]]), edge));
  assert.match(failures[0], /refused/);
});

stun("let go: nothing is sent any more", () => {
  const { time, opened, sent } = flow();
  time.advance(0);
  opened.close();
  time.advance(100_000);
  assert.is(sent.length, 1);
  assert.is(time.active, 0);
});

stun("where nobody need answer CRLFs keep a NAT's binding", () => {
  const { time, sent, failures, alive } = flow({ answered: false });
  time.advance(300_000);
  assert.ok(sent.length >= 10 && sent.length <= 13, `${sent.length}`);
  assert.ok(sent.every((one) => hex(one.bytes) === "0d0a0d0a"));
  assert.is(alive(), sent.length);
  assert.equal(failures, []);
});

stun("over a socket: asked from the SIP port, the answer is no SIP message", async () => {
  const server: Socket = createSocket("udp4");
  const asked: number[] = [];
  server.on("message", (data, from) => {
    if (!isStun(data)) return;
    asked.push(from.port);
    server.send(response(0x0101, data.subarray(8, 20), [mapped(127, 0, 0, 1, from.port)]), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  const udp = await UdpTransport.open({ host: "127.0.0.1", port: 0 });
  const heard: string[] = [];
  udp.start({ message: () => heard.push("message"), failed: () => {}, count: (what) => heard.push(what) });
  let alive = 0;
  const to: SipAddress = { host: "127.0.0.1", port: server.address().port, transport: "udp" };
  udp.keepOpen(to, { answered: true, everyMs: 40, alive: () => alive++ }, (error) => heard.push(error.message));
  await eventually("three answers", 20_000, () => alive >= 3);
  assert.ok(asked.every((port) => port === udp.local.port));
  assert.equal([...new Set(heard)], ["keep-alive"]);
  await udp.close();
  server.close();
});

stun.run();
