// What the transport layer makes of a message's size: long names, compact ones, TCP (RFC 3261 sections 7.3.3 and 18.1.1). To the byte.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { silentLog } from "../../../../firmware/runtime/log.js";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import type { SipAddress } from "../../../../firmware/sip/contract.js";
import { Counters } from "../../../../firmware/sip/counters.js";
import {
  defaultParseLimits,
  Headers,
  parseMessage,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from "../../../../firmware/sip/grammar/index.js";
import { type SendDone, type SipTransport, TransportLayer } from "../../../../firmware/sip/transport/index.js";

const here = { host: "192.0.2.1", port: 5060 };
const contactUri = "sip:u@192.0.2.1:5060";

/** Keeps what is sent; `refuse` makes sends fail. */
class Recorder implements SipTransport {
  readonly maxBytes = 65507;
  readonly sent: string[] = [];
  refuse = false;
  constructor(
    readonly local: SipAddress,
    readonly reliable: boolean,
  ) {}
  start(): void {}
  send(bytes: Uint8Array, _to: SipAddress, done: SendDone): void {
    this.sent.push(Buffer.from(bytes).toString("latin1"));
    done(this.refuse ? new Error("refused") : undefined, 0);
  }
  async close(): Promise<void> {}
}

function world() {
  const udp = new Recorder({ ...here, transport: "udp" }, false);
  const tcp = new Recorder({ ...here, transport: "tcp" }, true);
  const counters = new Counters();
  const layer = new TransportLayer({
    transports: [udp, tcp],
    clock: new VirtualTime(),
    counters,
    log: silentLog,
    limits: defaultParseLimits,
    messageBytes: 65535,
    contactUri: () => contactUri,
    statelessTag: () => "tag",
  });
  return { udp, tcp, layer, overMtu: () => counters.read()["sent-over-mtu"] };
}

const toUdp: SipAddress = { host: "192.0.2.2", port: 5060, transport: "udp" };
const toTcp: SipAddress = { ...toUdp, transport: "tcp" };

/** Bytes that the compact names of {@link fields} save: v, f, t, i, m, k, x, c, l. */
const SAVED = 2 + 3 + 1 + 6 + 6 + 8 + 14 + 11 + 13;

/** Bytes by which our Contact is longer in what goes over TCP because that was asked for. */
const OVER_TCP = ";transport=tcp".length;

const fields = (transport: string): readonly (readonly [string, string])[] => [
  ["Via", `SIP/2.0/${transport} 192.0.2.1:5060;rport;branch=z9hG4bK1`],
  ["Max-Forwards", "70"],
  ["From", "<sip:u@192.0.2.1>;tag=1"],
  ["To", "<sip:b@192.0.2.2>"],
  ["Call-ID", "one"],
  ["CSeq", "1 INVITE"],
  ["Contact", `<${contactUri}>`],
  ["Supported", "timer"],
  ["Session-Expires", "1800"],
  ["User-Agent", "u".repeat(300)],
  ["Content-Type", "text/plain"],
];

/** Length in bytes of the message with long names, counted here and not by our printer. */
function longBytes(first: string, headers: readonly (readonly [string, string])[], body: number): number {
  const lines = [first, ...headers.map(([name, value]) => `${name}: ${value}`), `Content-Length: ${body}`, "", ""];
  return Buffer.byteLength(lines.join("\r\n")) + body;
}

/** A body with which the message takes so many bytes with long names. */
function bodyFor(bytes: number, first: string, headers: readonly (readonly [string, string])[]): Uint8Array {
  const body = bytes - longBytes(first, headers, 999) + 999;
  assert.is(longBytes(first, headers, body), bytes, "a length of three digits");
  return Buffer.alloc(body, "x");
}

function invite(bytes: number, more: readonly (readonly [string, string])[] = [], transport = "UDP"): SipRequest {
  const headers = [...fields(transport), ...more];
  const uri = "sip:b@192.0.2.2";
  const body = bodyFor(bytes, `INVITE ${uri} SIP/2.0`, headers);
  return { kind: "request", method: "INVITE", uri, headers: new Headers(headers), body };
}

function ok(bytes: number, transport = "UDP"): SipResponse {
  const headers = fields(transport);
  const body = bodyFor(bytes, "SIP/2.0 200 OK", headers);
  return { kind: "response", status: 200, reason: "OK", headers: new Headers(headers), body };
}

const names = (text: string): string =>
  text
    .slice(0, text.indexOf("\r\n\r\n"))
    .split("\r\n")
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(":")))
    .join(" ");
const LONG =
  "Via Max-Forwards From To Call-ID CSeq Contact Supported Session-Expires User-Agent Content-Type Content-Length";
const COMPACT = "v Max-Forwards f t i CSeq m k x User-Agent c l";

/** How it left: its size and its names. */
const left = ({ sent }: Recorder): [number, string] => [sent[0].length, names(sent[0])];

/** The ways a request is tried. */
const ways = (layer: TransportLayer, request: SipRequest): string =>
  layer
    .attempts(request, toUdp)
    .map(({ transport, bySize }) => (bySize ? `${transport} by size` : transport))
    .join();

test("a request of up to 1300 bytes goes over UDP with long names", () => {
  for (const bytes of [1264, 1265, 1277, 1299, 1300]) {
    const { layer, udp, overMtu } = world();
    const request = invite(bytes);
    assert.is(ways(layer, request), "udp");
    layer.send(request, toUdp);
    assert.equal(left(udp), [bytes, LONG]);
    assert.is(overMtu(), 0);
  }
});

test("a request that is up to 1300 bytes with compact names goes over UDP with them, at once", () => {
  for (const bytes of [1301, 1330, 1360, 1299 + SAVED, 1300 + SAVED]) {
    const { layer, udp, overMtu } = world();
    const request = invite(bytes);
    assert.is(ways(layer, request), "udp", `${bytes}`);
    layer.send(request, toUdp);
    assert.equal(left(udp), [bytes - SAVED, COMPACT]);
    assert.is(overMtu(), 0);
    const read = parseMessage(Buffer.from(udp.sent[0], "latin1"));
    assert.ok(read.ok && read.value.headers.get("Session-Expires") === "1800");
  }
});

test("a larger one is tried over TCP with long names, then over UDP with compact ones", () => {
  for (const bytes of [1301 + SAVED, 1500]) {
    const { layer, udp, tcp, overMtu } = world();
    const request = invite(bytes);
    assert.is(ways(layer, request), "tcp by size,udp", `${bytes}`);
    const [first, second] = layer.attempts(request, toUdp);
    tcp.refuse = true;
    layer.send(request, first);
    assert.equal(left(tcp), [bytes, LONG]);
    assert.is(overMtu(), 0);
    layer.send(request, second);
    assert.equal(left(udp), [bytes - SAVED, COMPACT]);
    assert.is(overMtu(), 1);
    assert.is(ways(layer, request), "udp", "no TCP is remembered");
  }
});

test("bytes are counted, not characters", () => {
  const { layer, udp, overMtu } = world();
  // 1300 bytes with its compact name (s saves 6 more), and one more than that.
  const most = invite(1300 + SAVED + 6, [["Subject", "Grüße, 大"]]);
  assert.is(ways(layer, most), "udp");
  layer.send(most, toUdp);
  assert.is(udp.sent[0].length, 1300);
  assert.is(overMtu(), 0);
  assert.is(ways(layer, invite(1301 + SAVED + 6, [["Subject", "Grüße, 大"]])), "tcp by size,udp");
});

test("a body that is too large by itself needs no names", () => {
  const { layer } = world();
  for (const bytes of [1299, 1300, 1301, 5000])
    assert.is(ways(layer, { ...invite(1300), body: Buffer.alloc(bytes) }), "tcp by size,udp", `${bytes}`);
});

test("where TCP is asked for nothing is written shorter", () => {
  const { layer, tcp, overMtu } = world();
  const request = invite(1330, [], "TCP");
  assert.is(
    layer
      .attempts(request, toTcp)
      .map(({ transport }) => transport)
      .join(),
    "tcp",
  );
  layer.send(request, toTcp);
  assert.equal(left(tcp), [1330 + OVER_TCP, LONG]);
  assert.is(overMtu(), 0);
});

test("a response over UDP has compact names from 1301 bytes on, over TCP never", () => {
  const send = (message: SipMessage, to: SipAddress, by: "udp" | "tcp"): [number, string] => {
    const all = world();
    all.layer.send(message, to);
    assert.is(all.overMtu(), 0, "of requests");
    return left(all[by]);
  };
  assert.equal(send(ok(1300), toUdp, "udp"), [1300, LONG]);
  assert.equal(send(ok(1301), toUdp, "udp"), [1301 - SAVED, COMPACT]);
  assert.equal(send(ok(1500), toUdp, "udp"), [1500 - SAVED, COMPACT]);
  assert.equal(send(ok(1301, "TCP"), toTcp, "tcp"), [1301 + OVER_TCP, LONG]);
  assert.equal(send(ok(1500, "TCP"), toTcp, "tcp"), [1500 + OVER_TCP, LONG]);
});

test("a response whose connection is gone has compact names where it goes on over UDP", () => {
  const { layer, tcp, udp } = world();
  tcp.refuse = true;
  layer.send(ok(1400), { ...toTcp, alternatives: [toUdp] });
  assert.equal(left(tcp), [1400 + OVER_TCP, LONG]);
  assert.equal(left(udp), [1400 - SAVED, COMPACT]);
});

test.run();
