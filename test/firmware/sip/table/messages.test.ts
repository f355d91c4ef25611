// The lines of firmware/sip/README.md about messages, each checked by the test that is named after it.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  findBody,
  Headers,
  parseMessage,
  parseSipUri,
  printMessage,
  type SipMessage,
  type SipUri,
  sipUriEquals,
  unescapeUri,
  uriParam,
  uriScheme,
} from "../../../../firmware/sip/index.js";
import { agent, Peer } from "../support.js";
import { connected, from, settle, to, world } from "../world.js";

const table = suite("SIP messages");

function read(text: string): SipMessage {
  const parsed = parseMessage(Buffer.from(text));
  if (!parsed.ok) throw new Error(parsed.error.text);
  return parsed.value;
}
function uri(text: string): SipUri {
  const parsed = parseSipUri(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error.text}`);
  return parsed.value;
}

/** A peer and an agent; `ask` sends a request and gives the status of the answer. */
function asking() {
  const all = world();
  const peer = new Peer(all.network, 1);
  const bob = agent(all.network, 2, { accepts: (wanted) => wanted.user === "u2" });
  bob.events = { invite: (call) => call.reject(486) };
  let calls = 0;
  const ask = (method: string, more: Record<string, string | undefined> = {}, body = ""): number | undefined => {
    const before = peer.received.length;
    peer.request(2, method, { "Call-ID": `c${calls++}`, ...more }, body);
    all.time.advance(20);
    const answer = peer.received[before]?.message;
    return answer?.kind === "response" ? answer.status : undefined;
  };
  return { ...all, peer, bob, ask };
}

table("messages", () => {
  const text = [
    "FROB sip:bob@b.test SIP/2.0",
    "v: SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/TCP g;branch=z9hG4bK0",
    'f: "Grüße, 大" <sip:a@b>;tag=1',
    "Subject: one, two",
    "X-Unknown: first,",
    "  folded",
    "l: 2",
    "",
    "ok that is all",
  ].join("\r\n");
  const message = read(text);
  assert.ok(message.kind === "request" && message.method === "FROB");
  assert.is(message.headers.all("Via").length, 2, "a list");
  assert.equal(message.headers.all("Subject"), ["one, two"], "none");
  assert.is(message.headers.get("X-Unknown"), "first, folded");
  assert.is(message.headers.get("From"), '"Grüße, 大" <sip:a@b>;tag=1');
  assert.is(Buffer.from(message.body).toString(), "ok", "Content-Length ends the body");
  assert.equal(read(Buffer.from(printMessage(message)).toString()).headers.entries(), message.headers.entries());
  assert.not(parseMessage(Buffer.from(text.replace("l: 2", "l: 200"))).ok, "more than the datagram has");
  const { ask, peer } = asking();
  for (const [length, name] of [
    [10, "Call-ID"],
    [1300, "i"],
  ] as const) {
    assert.is(ask("OPTIONS", { "Call-ID": "c".repeat(length) }), 200);
    assert.match(peer.received[peer.received.length - 1].text, new RegExp(`^${name}: c{${length}}\r$`, "m"));
  }
});

table("URIs", () => {
  const one = uri("sip:%61lice%40home:pw@[2001:DB8::1]:5070;transport=TCP;lr?Subject=a%20b");
  assert.equal([unescapeUri(one.user ?? ""), one.host, one.port], ["alice@home", "[2001:DB8::1]", 5070]);
  assert.is(uriParam(one, "transport"), "TCP");
  assert.is(one.headers.length, 1);
  assert.is(uri("sips:bob@b.test").scheme, "sips");
  const same = (a: string, b: string): boolean => sipUriEquals(uri(a), uri(b));
  assert.ok(same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
  assert.not(same("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
  assert.ok(same("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::0:1]"));
  assert.is(uriScheme("tel:+49-123"), "tel");
  assert.not(parseSipUri("tel:+49-123").ok);
});

table("bodies of several parts", () => {
  const part = (type: string, content: string, more = ""): string =>
    `--x\r\nContent-Type: ${type}\r\n${more}\r\n${content}\r\n`;
  const body = (kind: string, ...parts: string[]) => {
    const content = Buffer.from(`${parts.join("")}--x--\r\n`);
    return { headers: new Headers([["Content-Type", `multipart/${kind};boundary=x`]]), body: content };
  };
  const found = (message: ReturnType<typeof body>): string => {
    const result = findBody({ kind: "response", status: 200, reason: "", ...message }, ["application/sdp"]);
    return result.ok ? Buffer.from(result.value?.content ?? []).toString() : result.error.code;
  };
  const optional = "Content-Disposition: render;handling=optional\r\n";
  assert.is(found(body("mixed", part("image/x", "?", optional), part("application/sdp", "v=0"))), "v=0");
  assert.is(found(body("mixed", part("image/x", "?"), part("application/sdp", "v=0"))), "unsupported");
  assert.is(found(body("alternative", part("text/x", "?"), part("application/sdp", "v=0"))), "v=0");
});

table("refusals", () => {
  const { ask, bob, time } = asking();
  const body = { "Content-Type": "x/y" };
  assert.is(ask("INVITE", { Contact: undefined }), 400);
  assert.is(ask("INVITE", { uri: "sip:other@192.0.2.2" }), 404);
  assert.is(ask("REFER"), 405);
  assert.is(ask("INVITE", { Accept: "text/x" }), 406);
  assert.is(ask("INVITE", body, "x"), 415);
  assert.is(ask("INVITE", { uri: "mailto:u2@192.0.2.2" }), 416);
  assert.is(ask("INVITE", { Require: "nosuch" }), 420);
  assert.is(ask("INVITE", { "Session-Expires": "30", Supported: "timer" }), 422);
  assert.is(ask("BYE", { To: "<sip:u2@192.0.2.2>;tag=none" }), 481);
  assert.is(ask("INVITE", { "Call-ID": "merged" }), 486, "the owner's");
  assert.is(ask("INVITE", { "Call-ID": "merged" }), 482);
  assert.is(ask("FROB"), 501);
  bob.events = undefined;
  assert.is(ask("INVITE"), 480);
  void bob.close();
  assert.is(ask("INVITE"), 503);
  time.advance(100_000);
  const other = asking();
  other.peer.raw(
    2,
    "OPTIONS sip:u2@192.0.2.2 SIP/7.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCSeq: 1 OPTIONS\r\n\r\n",
  );
  other.time.advance(20);
  assert.is(other.peer.kinds(), "505");
});

table("others", () => {
  const { ask, bob, network, time } = asking();
  assert.is(ask("OPTIONS"), 200);
  bob.events = { invite() {}, options: () => ({ status: 486 }) };
  assert.is(ask("OPTIONS"), 486, "what an INVITE would get");
  const alice = agent(network, 3);
  const outcomes: number[] = [];
  alice.request("PUBLISH", { target: to(2), from }, (got) =>
    outcomes.push("ok" in got ? got.ok.status : got.failed.status),
  );
  alice.request("OPTIONS", { target: to(2), from }, (got) =>
    outcomes.push("ok" in got ? got.ok.status : got.failed.status),
  );
  time.advance(100);
  assert.equal(outcomes, [405, 486]);
  const call = connected();
  const peer = new Peer(call.network, 9);
  peer.request(2, "OPTIONS", {
    From: `<sip:u1@192.0.2.1>;tag=${/tag=(\S+)/.exec(call.dialogs.bob.callId)?.[1] ?? "x"}`,
  });
  call.time.advance(20);
  assert.is(peer.kinds(), "200", "and while a call is up");
});

table("not: REFER, SUBSCRIBE, INFO, REGISTER towards us", () => {
  const { ask, peer, bob, time } = asking();
  for (const method of ["REFER", "SUBSCRIBE", "NOTIFY", "INFO", "REGISTER", "PUBLISH"]) {
    assert.is(ask(method), 405, method);
    assert.ok(peer.last(405).headers.has("Allow"));
  }
  settle(time, bob);
});

table.run();
