// Before the answer: early media against ringback, keys in a 183, forks that disagree, offers that come late (RFC 3960, RFC 3262 section 5).

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CallSnapshot } from "../../../firmware/call/index.js";
import { viewOf } from "../../../firmware/handset/index.js";
import { Peer } from "../sip/support.js";
import { Exchange } from "./support.js";

const sdp = (port: number): string =>
  ["v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0", `m=audio ${port} RTP/AVP 0`, ""].join(
    "\r\n",
  );

const shown = (call: CallSnapshot) =>
  viewOf({ calls: [call], silenced: false, vibrate: true, entry: "", account: "sip:u1@192.0.2.1" });

function calling() {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { security: "off" });
  const peer = new Peer(exchange.network, 9);
  alice.calls.dial("sip:peer@192.0.2.9");
  return { exchange, alice, peer };
}

test("a 183 with an answer: its voice is heard when it comes, our microphone is off, then our ringback stops", async () => {
  const { exchange, alice, peer } = calling();
  await exchange.until("INVITE", () => peer.received.length > 0);
  const invite = peer.last("INVITE");
  peer.respond(invite, 183, "t", peer.contact, sdp(6000));
  await exchange.until("the stream", () => alice.voice.streams[0].started.length > 0);
  const [stream] = alice.voice.streams;
  assert.is(stream.started[0].remotePort, 6000);
  assert.is(shown(alice.call()!).tone, "ringback", "nothing is heard yet");
  stream.events.firstPacket("received", 1);
  await exchange.run(10);
  assert.is(alice.call()?.earlyMedia, true);
  assert.is(shown(alice.call()!).tone, undefined);
  peer.respond(invite, 200, "t", peer.contact, sdp(6000));
  await exchange.until("active", () => alice.call()?.state === "active");
  assert.is(stream.started.length, 1, "the same answer changes nothing");
  assert.is(alice.call()?.earlyMedia, undefined);
});

test("180 alone: our ringback, whatever comes on the media port", async () => {
  const { exchange, alice, peer } = calling();
  await exchange.until("INVITE", () => peer.received.length > 0);
  peer.respond(peer.last("INVITE"), 180, "t", peer.contact);
  await exchange.until("ringing", () => alice.call()?.state === "ringing");
  assert.is(shown(alice.call()!).tone, "ringback");
});

test("early media of one fork, the answer of another: the answer counts", async () => {
  const { exchange, alice, peer } = calling();
  await exchange.until("INVITE", () => peer.received.length > 0);
  const invite = peer.last("INVITE");
  peer.respond(invite, 183, "one", peer.contact, sdp(6000));
  await exchange.until("early", () => alice.voice.streams[0].started.length > 0);
  peer.respond(invite, 200, "two", peer.contact, sdp(7000));
  await exchange.until("active", () => alice.call()?.state === "active");
  assert.is(alice.voice.streams[0].started.at(-1)?.remotePort, 7000);
});

/** Sends an INVITE on to several phones, and what they answer back: a proxy that forks and says nothing of its own. */
async function forking(exchange: Exchange, at: number, phones: readonly number[], done: () => boolean): Promise<void> {
  const proxy = new Peer(exchange.network, at);
  let handled = 0;
  await exchange.until(
    "the outcome",
    () => {
      for (; handled < proxy.received.length; handled++) {
        const { text, message } = proxy.received[handled];
        const via = `Via: SIP/2.0/UDP 192.0.2.${at};branch=z9hG4bK-p`;
        if (message.kind === "request")
          for (const phone of phones) proxy.raw(phone, text.replace(/\r\n(?=Via:|v:)/, `\r\n${via}${phone}\r\n`));
        else proxy.raw(1, text.replace(/\r\n(?:Via|v): SIP\/2\.0\/UDP 192\.0\.2\.2[^\r]*/, ""));
      }
      return done();
    },
    10_000,
  );
}

/** What its 200 says, a phone says in a 183 already: it agrees on keys while it rings. `then` says how it goes on. */
function earlyAnswer(then: "answers" | "rings"): (text: string) => string {
  let early = false;
  return (text) => {
    if (!text.startsWith("SIP/2.0 200") || !/CSeq: \d+ INVITE/.test(text) || (early && then === "answers")) return text;
    early = true;
    return text.replace("200 OK", "183 Session Progress");
  };
}

test("MIKEY's answer in a 183, then the same in the 200: keys are agreed on once", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1);
  const bob = exchange.phone(2, { autoAnswerMs: 100, tamper: earlyAnswer("answers") });
  alice.calls.dial(bob.uri);
  await exchange.until("the call", () => ["active", "ended"].includes(alice.call()?.state ?? ""), 10_000);
  assert.is(alice.call()?.state, "active");
  assert.is(alice.call()?.security.state, "secure");
  assert.is(alice.voice.streams[0].keyed.length, 1);
  assert.equal(alice.voice.streams[0].keyed[0].tx, bob.voice.streams[0].keyed[0].rx);
});

for (const offer of ["psk", "dhhmac"] as const)
  test(`keys in the 183 of one phone, then another answers (${offer}): each agrees on its own`, async () => {
    const exchange = new Exchange();
    const alice = exchange.phone(1, { offer });
    const uri = "sip:u2@192.0.2.2";
    const desk = exchange.phone(4, { uri, offer, autoAnswerMs: 50, tamper: earlyAnswer("rings") });
    const mobile = exchange.phone(5, { uri, offer, autoAnswerMs: 400 });
    alice.calls.dial(uri);
    await forking(exchange, 2, [4, 5], () => ["active", "ended"].includes(alice.call()?.state ?? ""));
    const [stream] = alice.voice.streams;
    assert.is(alice.call()?.state, "active");
    const { security } = alice.call()!;
    assert.ok(security.state === "secure" && security.rekeys === 0);
    assert.is(stream.keyed.length, 2);
    assert.equal(stream.keyed[0].tx, desk.voice.streams[0].keyed[0].rx, "with the one that answered early");
    assert.equal(stream.keyed[1].tx, mobile.voice.streams[0].keyed[0].rx, "with the one that took the call");
    assert.equal(stream.keyed[1].rx, mobile.voice.streams[0].keyed[0].tx);
    // Where the caller alone chooses the keys (RFC 3830 section 3.1) both phones have got the same.
    assert.is(stream.keyed[1].tx === stream.keyed[0].tx, offer === "psk");
    assert.equal(stream.rekeyed, ["now"]);
    assert.is(stream.started.at(-1)?.remotePort, mobile.voice.streams[0].rtpPort);
    alice.calls.hangup();
    await exchange.until("the end", () => alice.calls.list().length === 0 && mobile.calls.list().length === 0);
  });

test("an INVITE without an offer that insists on PRACK: our offer in the 180, the answer in the PRACK, no voice before pick-up", async () => {
  const exchange = new Exchange();
  const bob = exchange.phone(2, { security: "off" });
  const peer = new Peer(exchange.network, 9);
  peer.request(2, "INVITE", { Require: "100rel" });
  await exchange.until("180", () => peer.kinds().includes("180"));
  const ringing = peer.last(180);
  assert.match(Buffer.from(ringing.body).toString(), /m=audio [1-9]/);
  peer.request(
    2,
    "PRACK",
    { To: ringing.headers.get("To")!, CSeq: "2 PRACK", RAck: `${ringing.headers.get("RSeq")} 1 INVITE` },
    sdp(6000),
  );
  await exchange.until("the stream", () => bob.voice.streams[0].started.length > 0);
  assert.is(bob.call()?.state, "ringing");
  bob.calls.answer();
  await exchange.until("200", () =>
    peer.received.some(
      ({ message }) =>
        /INVITE/.test(message.headers.get("CSeq")!) && message.kind === "response" && message.status === 200,
    ),
  );
  peer.request(2, "ACK", { To: ringing.headers.get("To")!, CSeq: "1 ACK" });
  await exchange.until("active", () => bob.call()?.state === "active");
});

test("late offer: ours in the 200, the answer in the ACK", async () => {
  const exchange = new Exchange();
  const bob = exchange.phone(2, { security: "off", autoAnswerMs: 0 });
  const peer = new Peer(exchange.network, 9);
  peer.request(2, "INVITE", {});
  await exchange.until("200", () => peer.kinds().includes("200"));
  assert.match(Buffer.from(peer.last(200).body).toString(), /m=audio [1-9]/);
  peer.request(2, "ACK", { To: peer.last(200).headers.get("To")!, CSeq: "1 ACK" }, sdp(6000));
  await exchange.until("active", () => bob.call()?.state === "active");
  assert.is(bob.voice.streams[0].started[0].remotePort, 6000);
});

test.run();
