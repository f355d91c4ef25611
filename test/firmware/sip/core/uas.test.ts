// What the core answers by itself: OPTIONS, refusals of section 8.2, malformed requests, merged ones, too many of them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import type { SipMessage, UserAgentOptions } from "../../../../firmware/sip/index.js";
import { agent, Network, outgoing, Peer, sdp } from "../support.js";

function world(options: Partial<UserAgentOptions> = {}) {
  const time = new VirtualTime();
  const network = new Network(time);
  const peer = new Peer(network, 1);
  const bob = agent(network, 2, options);
  const invited: SipMessage[] = [];
  bob.events = { invite: (call) => void invited.push(call.request) };
  /** Sends a request and gives what came back. */
  const ask = (method: string, more: Record<string, string | undefined> = {}, body = ""): SipMessage | undefined => {
    const before = peer.received.length;
    peer.request(2, method, { "Call-ID": `c${before}-${time.now()}`, ...more }, body);
    time.advance(20);
    return peer.received[before]?.message;
  };
  return { time, network, peer, bob, invited, ask };
}
const line = (message: SipMessage | undefined): string =>
  message === undefined
    ? "nothing"
    : message.kind === "response"
      ? `${message.status} ${message.reason}`
      : message.method;

test("OPTIONS: 200 with Allow, Accept, Accept-Encoding, Accept-Language, Supported, Contact (11.2)", () => {
  const { ask } = world();
  const answer = ask("OPTIONS")!;
  assert.is(line(answer), "200 OK");
  assert.equal(answer.headers.all("Allow"), [
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "PRACK",
    "UPDATE",
    "MESSAGE",
  ]);
  assert.is(answer.headers.get("Accept"), "application/sdp");
  assert.is(answer.headers.get("Accept-Encoding"), "identity");
  assert.is(answer.headers.get("Accept-Language"), "en");
  assert.is(answer.headers.all("Supported").join(), "100rel,timer");
  assert.is(answer.headers.get("Contact"), "<sip:u2@192.0.2.2:5060>");
  assert.match(answer.headers.get("To")!, /;tag=[0-9a-f]{20}$/);
});

test("OPTIONS: the status an INVITE would get and a body, when the owner says them", () => {
  const { ask, bob } = world();
  bob.events = { invite() {}, options: () => ({ status: 486, headers: [["Retry-After", "60"]], body: sdp("v=0") }) };
  const answer = ask("OPTIONS")!;
  assert.is(line(answer), "486 Busy Here");
  assert.is(answer.headers.get("Retry-After"), "60");
  assert.is(Buffer.from(answer.body).toString(), "v=0");
});

test("Max-Forwards 0 is no matter for a user agent (RFC 4475 3.3.11)", () => {
  const { ask } = world();
  assert.is(line(ask("OPTIONS", { "Max-Forwards": "0" })), "200 OK");
  assert.is(line(ask("OPTIONS", { "Max-Forwards": undefined })), "200 OK");
});

test("methods of extensions: 405 with Allow; methods nobody knows: 501 with Allow (8.2.1, 21.5.2, RFC 4475 3.1.1.2)", () => {
  const { ask, bob } = world();
  for (const method of ["REGISTER", "INFO", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH"]) {
    const answer = ask(method);
    assert.is(line(answer), "405 Method Not Allowed", method);
    assert.equal(answer!.headers.all("Allow"), [
      "INVITE",
      "ACK",
      "CANCEL",
      "BYE",
      "OPTIONS",
      "PRACK",
      "UPDATE",
      "MESSAGE",
    ]);
  }
  const answer = ask("FROB");
  assert.is(line(answer), "501 Not Implemented");
  assert.equal(answer!.headers.all("Allow"), [
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "PRACK",
    "UPDATE",
    "MESSAGE",
  ]);
  assert.is(bob.counters().refused, 7);
});

test("unknown Require: 420 with Unsupported; supported ones pass; Proxy-Require is the proxy's", () => {
  const { ask } = world({ supported: ["norefersub"] });
  const answer = ask("INVITE", { Require: "timer, 100rel, norefersub, bar, foo" }, "x")!;
  assert.is(line(answer), "420 Bad Extension");
  assert.equal(answer.headers.all("Unsupported"), ["bar", "foo"]);
  assert.is(line(ask("OPTIONS", { Require: "Timer", "Proxy-Require": "foo" })), "200 OK");
});

test("Request-URI: other schemes 416, not ours 404, with headers 400", () => {
  const { ask } = world({ accepts: (uri) => uri.user === "u2" });
  for (const uri of [
    "tel:+123",
    "sips:u2@192.0.2.2",
    "http://example.com",
    "nobodyKnowsThisScheme:totallyopaquecontent",
  ])
    assert.is(line(ask("OPTIONS", { uri })), "416 Unsupported URI Scheme", uri);
  assert.is(line(ask("OPTIONS", { uri: "sip:other@192.0.2.2" })), "404 Not Found");
  assert.is(line(ask("INVITE", { uri: "sip:192.0.2.2" }, "x")), "404 Not Found");
  assert.is(
    line(ask("OPTIONS", { uri: "sip:u2@192.0.2.2?Route=%3Csip:x%3E" })),
    "400 Bad Request: Request-URI with header fields",
  );
  assert.is(line(ask("OPTIONS", { uri: "sip:u2@2001:db8::10" })), "400 Bad Request: Bad Request-URI");
  assert.is(line(ask("OPTIONS")), "200 OK");
});

test("bodies: 415 with Accept or Accept-Encoding, unless optional; 400 without a type", () => {
  const { ask, invited } = world();
  const unknown = ask("INVITE", { "Content-Type": "application/unknownformat" }, "x")!;
  assert.is(line(unknown), "415 Unsupported Media Type");
  assert.is(unknown.headers.get("Accept"), "application/sdp");
  const packed = ask("INVITE", { "Content-Encoding": "gzip" }, "x")!;
  assert.is(line(packed), "415 Unsupported Media Type");
  assert.is(packed.headers.get("Accept-Encoding"), "identity");
  assert.is(line(ask("INVITE", { "Content-Type": undefined }, "x")), "400 Bad Request: Missing Content-Type");
  assert.is(line(ask("INVITE", { "Content-Type": "x" }, "x")), "400 Bad Request: Bad Content-Type");
  assert.is(invited.length, 0);
  ask("INVITE", { "Content-Type": "x/y", "Content-Disposition": "icon;handling=optional" }, "x");
  ask("INVITE", { "Content-Type": "Application/SDP;version=1", "Content-Encoding": "identity" }, "x");
  ask("INVITE", {}, "");
  assert.is(invited.length, 3);
});

test("an INVITE needs a SIP Contact; one of an RFC 2543 client may do without", () => {
  const { ask, invited } = world();
  assert.is(line(ask("INVITE", { Contact: undefined }, "x")), "400 Bad Request: Missing Contact");
  assert.is(line(ask("INVITE", { Contact: "<tel:+1>" }, "x")), "400 Bad Request: Bad Contact");
  ask("INVITE", { Contact: undefined, Via: "SIP/2.0/UDP 192.0.2.1;rport" }, "x");
  assert.is(invited.length, 1);
});

test("malformed requests: 400 that says why, 505 for another version; responses and ACK in silence", () => {
  const { ask, peer, time, bob } = world();
  assert.is(line(ask("OPTIONS", { "Call-ID": undefined })), "400 Bad Request: Missing Call-ID");
  assert.is(line(ask("OPTIONS", { From: undefined })), "400 Bad Request: Missing From");
  assert.is(line(ask("OPTIONS", { To: "Bell, Alexander <sip:a@b>" })), "400 Bad Request: Bad To");
  assert.is(line(ask("OPTIONS", { CSeq: "1 INVITE" })), "400 Bad Request: CSeq method differs from the request's");
  assert.is(line(ask("OPTIONS", { CSeq: "99999999999 OPTIONS" })), "400 Bad Request: Bad CSeq");
  assert.is(line(ask("OPTIONS", { "content-length": "7" })), "400 Bad Request: bad or repeated Content-Length");
  assert.is(line(ask("OPTIONS", { "bad name": "x" })), "400 Bad Request: a header field has no proper name");
  assert.is(line(ask("OPTIONS", { Via: "SIP/2.0/UDP 192.0.2.1;;rport" })), "400 Bad Request: Bad Via");
  assert.is(bob.counters()["malformed-answered"], 8);
  const before = peer.received.length;
  const drop = (text: string): void => {
    peer.raw(2, text.replaceAll("\n", "\r\n"));
    time.advance(20);
    assert.is(peer.received.length, before, text);
  };
  drop("SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\nCSeq: 1 INVITE\nl: 100\n\n");
  drop("SIP/2.0 200 OK\nVia: x\nCSeq: x\n\n");
  drop("ACK sip:a@b SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nCSeq: 1 ACK\nl: 100\n\n");
  drop("OPTIONS sip:a@b SIP/2.0\nFrom: <sip:a@b>\n\n");
  drop("nonsense\n\n");
  assert.is(bob.counters()["malformed-dropped"], 5);
  peer.raw(2, "OPTIONS sip:a@b SIP/3.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCSeq: 1 OPTIONS\r\n\r\n");
  time.advance(20);
  assert.is(line(peer.received[before].message), "505 Version Not Supported");
});

test("a stateless 400 has the same To tag for a copy of the request (8.2.7)", () => {
  const { ask } = world();
  const more = { "Call-ID": "same", From: "<sip:a@b", Via: "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKs" };
  const first = ask("OPTIONS", more)!;
  const second = ask("OPTIONS", more)!;
  assert.match(first.headers.get("To")!, /;tag=[0-9a-f]{20}$/);
  assert.is(first.headers.get("To"), second.headers.get("To"));
});

test("noise on the port is counted: keep-alives, what cannot be SIP, too large", () => {
  const { peer, time, bob } = world({ limits: { messageBytes: 5000 } });
  for (const text of ["\r\n\r\n", "\0\0\0\0", "\u0001\u0002binary", `OPTIONS ${"x".repeat(6000)}`]) peer.raw(2, text);
  time.advance(20);
  const counters = bob.counters();
  assert.is(counters["keep-alive"], 2);
  assert.is(counters["not-sip"], 1);
  assert.is(counters["oversize-dropped"], 1);
  assert.is(peer.received.length, 0);
});

test("the same INVITE by two paths: the first is served, the second gets 482 (8.2.2.2)", () => {
  const { peer, time, bob, invited } = world();
  const path = (branch: string): void => {
    peer.request(2, "INVITE", { Via: `SIP/2.0/UDP 192.0.2.1:5060;rport;branch=${branch}` }, "x");
    time.advance(20);
  };
  path("z9hG4bKa");
  path("z9hG4bKb");
  path("z9hG4bKb");
  assert.is(invited.length, 1);
  assert.is(peer.kinds(), "482 482");
  assert.is(bob.counters().merged, 1);
  path("z9hG4bKa");
  assert.is(invited.length, 1);
});

test("a full transaction table: 503 with Retry-After for strangers, calls in progress are still served", () => {
  const { peer, time, bob, ask } = world({ limits: { serverTransactions: 10 } });
  let ended = 0;
  bob.events = {
    invite(call) {
      call.accept({}).events = { acked() {}, reinvite() {}, ended: () => void ended++ };
    },
  };
  peer.request(2, "INVITE", {}, "x");
  time.advance(20);
  const To = peer.last(200).headers.get("To")!;
  peer.request(2, "ACK", { To, CSeq: "1 ACK" });
  for (let i = 0; i < 9; i++) assert.is(line(ask("OPTIONS")), "200 OK");
  const full = ask("OPTIONS")!;
  assert.is(line(full), "503 Service Unavailable");
  const after = Number(full.headers.get("Retry-After"));
  assert.ok(after >= 1 && after <= 10);
  assert.is(bob.counters()["transactions-full"], 1);
  assert.is(line(ask("BYE", { To, CSeq: "2 BYE", "Call-ID": "call-1" })), "200 OK");
  assert.is(ended, 1);
  time.advance(40_000);
  assert.is(line(ask("OPTIONS")), "200 OK");
});

test("too many calls: 503; a call of ours fails", () => {
  const { time, bob, ask, invited } = world({ limits: { dialogs: 3 } });
  for (let i = 0; i < 3; i++) ask("INVITE", {}, "x");
  assert.is(line(ask("INVITE", {}, "x")), "503 Service Unavailable");
  assert.is(invited.length, 3);
  assert.is(bob.counters()["dialogs-full"], 1);
  const log: string[] = [];
  bob.invite({ target: "sip:a@192.0.2.1", from: { uri: "sip:b@c" } }, outgoing(log, "bob"));
  time.advance(1);
  assert.equal(log, ["bob failed 503 transport"]);
});

test("an answered call leaves no timer of its ringing behind", () => {
  const { peer, time, bob } = world();
  bob.events = {
    invite(call) {
      call.provisional(180);
      const dialog = call.accept({});
      dialog.events = { acked: () => dialog.bye(), reinvite() {}, ended() {} };
    },
  };
  peer.request(2, "INVITE", { Expires: "300" }, "x");
  time.advance(20);
  peer.request(2, "ACK", { To: peer.last(200).headers.get("To"), CSeq: "1 ACK" });
  time.advance(20);
  peer.respond(peer.last("BYE"), 200, undefined);
  time.advance(33_000);
  assert.is(time.active, 0);
});

test("an RFC 2543 client: retransmission, ACK of a refusal, CANCEL are matched without a branch", () => {
  const { peer, time, bob } = world();
  const log: string[] = [];
  bob.events = {
    invite(call) {
      log.push("invited");
      call.events = { cancelled: () => log.push("cancelled") };
      call.provisional(180);
    },
  };
  const old = { Via: "SIP/2.0/UDP 192.0.2.1:5060;branch=old", Contact: undefined };
  for (let i = 0; i < 2; i++) {
    peer.request(2, "INVITE", old, "x");
    time.advance(20);
  }
  assert.is(peer.kinds(), "180 180");
  peer.request(2, "CANCEL", old);
  time.advance(20);
  assert.is(peer.kinds(), "180 180 200 487");
  peer.request(2, "ACK", { ...old, CSeq: "1 ACK", To: peer.last(487).headers.get("To") });
  time.advance(5000);
  assert.is(peer.kinds(), "180 180 200 487");
  assert.equal(log, ["invited", "cancelled"]);
});

test("an RFC 2543 client's ACK of a 200 reaches the call (RFC 6026 section 6)", () => {
  const { peer, time, bob } = world();
  let acked = 0;
  bob.events = {
    invite(call) {
      call.accept({}).events = { acked: () => void acked++, reinvite() {}, ended() {} };
    },
  };
  const old = { Via: "SIP/2.0/UDP 192.0.2.1:5060;branch=old" };
  peer.request(2, "INVITE", old, "x");
  time.advance(20);
  peer.request(2, "ACK", { ...old, CSeq: "1 ACK", To: peer.last(200).headers.get("To") });
  time.advance(5000);
  assert.is(acked, 1);
  assert.is(peer.kinds(), "200");
});

test("Record-Route is copied into 180 and 200, as it came, and used for the BYE (12.1.1)", () => {
  const { peer, time, bob, network } = world();
  const proxy = new Peer(network, 9);
  bob.events = {
    invite(call) {
      call.provisional(180);
      const dialog = call.accept({});
      dialog.events = { acked: () => dialog.bye(), reinvite() {}, ended() {} };
    },
  };
  const routes = "<sip:192.0.2.9;lr;x=%41>;y=z, <sip:192.0.2.8;lr>";
  peer.request(2, "INVITE", { "Record-Route": routes }, "x");
  time.advance(20);
  for (const status of [180, 200])
    assert.equal(peer.last(status).headers.all("Record-Route"), ["<sip:192.0.2.9;lr;x=%41>;y=z", "<sip:192.0.2.8;lr>"]);
  peer.request(2, "ACK", { To: peer.last(200).headers.get("To"), CSeq: "1 ACK" });
  time.advance(20);
  assert.is(proxy.kinds(), "BYE");
  assert.equal(proxy.last("BYE").headers.all("Route"), ["<sip:192.0.2.9;lr;x=%41>;y=z", "<sip:192.0.2.8;lr>"]);
});

test("request(): OPTIONS answered, refused, unanswered, unsendable", () => {
  const { peer, time, bob } = world();
  const log: string[] = [];
  const send = (target: string): void =>
    bob.request("OPTIONS", { target, from: { uri: "sip:u2@192.0.2.2" } }, (outcome) =>
      log.push("ok" in outcome ? `ok ${outcome.ok.status}` : `${outcome.failed.status} ${outcome.failed.cause}`),
    );
  for (const status of [200, 404]) {
    send("sip:peer@192.0.2.1");
    time.advance(10);
    peer.respond(peer.last("OPTIONS"), status, "t");
    time.advance(10);
  }
  send("sip:peer@192.0.2.99");
  time.advance(32_000);
  send("sip:peer@192.0.2.1;transport=tls");
  assert.equal(log, ["ok 200", "404 response", "408 timeout", "503 transport"]);
  assert.is(peer.last("OPTIONS").headers.get("Accept"), "application/sdp");
  time.advance(10_000);
  assert.equal(bob.size(), { dialogs: 0, client: 0, server: 0 });
});

test("stray responses are dropped and counted: no transaction, not our Via (18.1.2)", () => {
  const { peer, time, bob } = world();
  const stray = (via: string): void => {
    peer.raw(
      2,
      `SIP/2.0 200 OK\r\nVia: ${via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n`,
    );
    time.advance(20);
  };
  stray("SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKunknown");
  stray("SIP/2.0/UDP 192.0.2.2:5060");
  stray("SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bK1");
  stray("SIP/2.0/TCP 192.0.2.2:5060;branch=z9hG4bK1");
  stray("SIP/2.0/UDP 192.0.2.2:5061;branch=z9hG4bK1");
  assert.is(bob.counters()["stray-response"], 2);
  assert.is(bob.counters()["response-not-ours"], 3);
  assert.is(peer.received.length, 0);
});

test.run();
