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

/** A MIKEY answer of bob's, carried by his own INVITE answer; alice sees bob's 200 body in a 183 first. */
for (const sameFork of [true, false])
  test(`MIKEY's answer in a 183, then ${sameFork ? "the same in the 200" : "the 200 of another phone"}`, async () => {
    const exchange = new Exchange();
    // On its way bob's 180 becomes a 183 with what his 200 will say: as a phone would that agrees on keys while it rings.
    const alice = exchange.phone(1);
    const bob = exchange.phone(2, {
      autoAnswerMs: 100,
      tamper: (text) => {
        if (!text.startsWith("SIP/2.0 200") || !/CSeq: \d+ INVITE/.test(text)) return text;
        if (seen) return text;
        seen = true;
        const early = text.replace("200 OK", "183 Session Progress");
        return sameFork ? early : early.replace(/(\r\nTo: [^\r]*;tag=)[0-9a-f]+/, "$1other");
      },
    });
    let seen = false;
    alice.calls.dial(bob.uri);
    await exchange.until("the end or the call", () => ["active", "ended"].includes(alice.call()?.state ?? ""), 10_000);
    if (sameFork) {
      assert.is(alice.call()?.state, "active");
      assert.is(alice.call()?.security.state, "secure");
      assert.is(alice.voice.streams[0].keyed.length, 1, "keys were agreed on once");
      assert.equal(alice.voice.streams[0].keyed[0].tx, bob.voice.streams[0].keyed[0].rx);
    } else assert.is(alice.call()?.end?.code, "forked-after-early-keys");
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
