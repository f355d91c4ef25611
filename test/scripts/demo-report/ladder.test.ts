// Two phones' records of the same messages become arrows; what must not be seen is not there.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { buildLadder, readTaps, type SipTap, tapLine } from "../../../scripts/demo-report/ladder.js";
import { DIALLED, fixtureTaps, PAYLOAD } from "./fixture.js";

test("each message is one arrow with both moments, in order", () => {
  const ladder = buildLadder(fixtureTaps());
  assert.equal(
    ladder.map((entry) => `${entry.from}>${entry.to} ${entry.summary}`),
    [
      "alice>bob INVITE sip:bob@127.0.0.1:5062",
      "bob>alice 100 Trying",
      "bob>alice 180 Ringing",
      "bob>alice 200 OK",
      "alice>bob ACK sip:bob@127.0.0.1:5062",
      "alice>bob BYE sip:bob@127.0.0.1:5062",
      "bob>alice 200 OK",
    ],
  );
  const [invite, trying] = ladder;
  assert.is(invite.sentMs, DIALLED + 6.42);
  assert.is(invite.receivedMs, DIALLED + 6.42 + 0.61);
  assert.is(invite.method, "INVITE");
  assert.is(trying.method, "INVITE");
  assert.is(trying.status, 100);
  assert.ok(ladder.every((entry) => !entry.retransmission && entry.receivedMs !== null));
});

test("the keying payload is shown by its length only, and the size is that on the wire", () => {
  const taps = fixtureTaps();
  const [invite] = buildLadder(taps);
  const length = Buffer.from(PAYLOAD, "base64").length;
  assert.equal(invite.sdp, { profile: "RTP/SAVP", keyManagement: `MIKEY (${length} bytes)` });
  assert.is(invite.bytes, Buffer.byteLength(taps.alice[0].text));
  assert.ok(invite.lines.includes(`a=key-mgmt:mikey MIKEY (${length} bytes)`));
  assert.not.match(JSON.stringify(invite), /AQAFgAAAAAAC/);
  const [clear] = buildLadder(fixtureTaps(false));
  assert.equal(clear.sdp, { profile: "RTP/AVP" });
});

test("a tap file holds no secret, and gives the same ladder as the messages themselves", () => {
  const taps = fixtureTaps();
  const files = { alice: taps.alice.map(tapLine).join("\n"), bob: taps.bob.map(tapLine).join("\n") + "\n" };
  assert.not.match(files.alice + files.bob, /AQAFgAAAAAAC/);
  const read = { alice: readTaps(files.alice), bob: readTaps(files.bob) };
  assert.is(read.alice.unreadable + read.bob.unreadable, 0);
  assert.equal(buildLadder({ alice: read.alice.taps, bob: read.bob.taps }), buildLadder(taps));
});

test("credentials, SDES keys and bodies that are not SDP do not get in", () => {
  const text = [
    "REGISTER sip:example.com SIP/2.0",
    "v: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx",
    'Authorization: Digest username="alice", realm="r",',
    ' nonce="n", response="6629fae49393a05397450978507c4ef1"',
    "From: <sip:alice:hunter2@example.com>",
    "Content-Type: application/sdp",
    "",
    "v=0",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
    "k=base64:c2VjcmV0c2VjcmV0",
    "a=ice-pwd:asd88fgpdd777uzjYhagZg",
    "",
  ].join("\r\n");
  const other = "MESSAGE sip:bob@b SIP/2.0\r\nContent-Type: text/plain\r\n\r\nmy password is hunter2";
  for (const message of [text, other]) {
    const line = tapLine({ atMs: 1, direction: "sent", peer: "10.0.0.2:5060", text: message });
    assert.not.match(line, /6629fae|hunter2|d0Rmdmcm|c2VjcmV0|asd88f/);
  }
  const [entry] = buildLadder({ alice: [{ atMs: 1, direction: "sent", peer: "x", text: other }], bob: [] });
  assert.is(entry.lines.at(-1), "[22 bytes of text/plain]");
});

test("retransmissions are told apart; a lost one has no arrival", () => {
  const options =
    "OPTIONS sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
  const ladder = buildLadder({
    alice: [
      { atMs: 0, direction: "sent", peer: "b", text: options },
      { atMs: 500, direction: "sent", peer: "b", text: options },
      { atMs: 1500, direction: "sent", peer: "b", text: options },
    ],
    bob: [
      { atMs: 500.4, direction: "received", peer: "a", text: options },
      { atMs: 1500.6, direction: "received", peer: "a", text: options },
    ],
  });
  assert.equal(
    ladder.map((entry) => [entry.sentMs, entry.receivedMs, entry.retransmission, entry.to]),
    [
      [0, null, false, "bob"],
      [500, 500.4, true, "bob"],
      [1500, 1500.6, true, "bob"],
    ],
  );
});

test("a message of a stranger keeps the stranger's address", () => {
  const text = "OPTIONS sip:bob@b SIP/2.0\r\nCall-ID: s\r\nCSeq: 1 OPTIONS\r\n\r\n";
  const tap: SipTap = { atMs: 3, direction: "received", peer: "192.0.2.9:5060", text };
  const [entry] = buildLadder({ alice: [], bob: [tap] });
  assert.is(entry.from, "192.0.2.9:5060");
  assert.is(entry.to, "bob");
  assert.is(entry.sentMs, null);
});

test("what is no record is counted, not thrown at the reader", () => {
  const good = tapLine({ atMs: 1, direction: "sent", peer: "p", text: "ACK sip:b SIP/2.0\r\n\r\n" });
  const { taps, unreadable } = readTaps(`${good}\n{"atMs":1}\nnull\n{"atMs":2,"direc`);
  assert.is(taps.length, 1);
  assert.is(unreadable, 3);
  assert.ok(buildLadder({ alice: [{ atMs: 0, direction: "sent", peer: "p", text: "" }], bob: [] }).length === 1);
});

test.run();
