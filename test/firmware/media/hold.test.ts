// Hold, resume, mute and silence: what leaves and what is heard in each direction of a stream.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeUlaw } from "../../../firmware/audio/index.js";
import { connect, hangUp, level, Phone, pair, pause, recorded, toward, until } from "./phones.js";
import { RawPeer, readRtp } from "./raw-peer.js";

const test = suite("hold");
let count = 0;
const phones: Phone[] = [];
const peers: RawPeer[] = [];
async function phone(voice = {}): Promise<Phone> {
  const made = new Phone(`hold-${++count}`, { voice });
  phones.push(made);
  await made.open();
  return made;
}
async function raw(): Promise<RawPeer> {
  const peer = await RawPeer.open();
  peers.push(peer);
  return peer;
}
test.after.each(async () => {
  await hangUp(...phones.splice(0));
  for (const peer of peers.splice(0)) peer.close();
});

test("held: nothing leaves; resumed: same SSRC, next sequence number, marker, and the timestamp counted the time", async () => {
  const [one, peer] = [await phone(), await raw()];
  one.stream.start(toward(peer));
  await until("packets", () => peer.rtp.length >= 5);
  one.stream.start(toward(peer, { direction: "inactive" }));
  await pause(40);
  const before = peer.rtp
    .splice(0)
    .map(({ data }) => readRtp(data))
    .at(-1)!;
  await pause(300);
  assert.is(peer.rtp.length, 0);
  one.stream.start(toward(peer));
  await until("packets again", () => peer.rtp.length >= 5);
  const after = readRtp(peer.rtp[0].data);
  assert.is(after.ssrc, before.ssrc);
  assert.is(after.sequence, (before.sequence + 1) & 0xffff);
  assert.ok(after.marker);
  const ticks = (after.timestamp - before.timestamp) >>> 0;
  // Held for 340 ms; a packet is out up to 20 ms after its moment.
  assert.ok(ticks >= 340 * 8 && ticks <= 380 * 8, `${ticks} ticks`);
});

test("sendonly hears nothing, recvonly says nothing", async () => {
  const [one, other] = [new Phone("hold-only-a"), new Phone("hold-only-bb")];
  phones.push(one, other);
  await pair(one, other);
  connect(one, other, { security: "srtp" });
  await until("voice", async () => (await other.stream.statistics()).packetsReceived > 5);
  one.stream.start(toward(other.stream, { security: "srtp", direction: "sendonly" }));
  other.stream.start(toward(one.stream, { security: "srtp", direction: "recvonly" }));
  const both = () => Promise.all([one.stream.statistics(), other.stream.statistics()]);
  const [, { packetsSent }] = await both();
  await until("what was under way", async () => (await both())[0].packetsReceived === packetsSent);
  const [before, otherBefore] = await both();
  // Each end's own count: what one has sent, the other need not have read yet.
  await until("more than five packets sent and heard", async () => {
    const [now, otherNow] = await both();
    return now.packetsSent > before.packetsSent + 5 && otherNow.packetsReceived > otherBefore.packetsReceived + 5;
  });
  const [after, otherAfter] = await both();
  assert.is(after.packetsReceived, packetsSent);
  assert.is(otherAfter.packetsSent, packetsSent);
});

test("what still comes for a held stream is counted, not heard", async () => {
  const [one, peer] = [await phone(), await raw()];
  one.stream.start(toward(peer, { direction: "inactive" }));
  for (let i = 0; i < 10; i++) {
    const { buffer, length } = peer.voice();
    peer.send(buffer.slice(0, length), one.stream.rtpPort);
    await pause(10);
  }
  await until("counted", async () => (await one.stream.statistics()).dropped["not-expected"] === 10);
  await hangUp(one);
  assert.is(level(recorded(one)), 0);
});

test("mute sends silence, not nothing", async () => {
  const [one, peer] = [await phone(), await raw()];
  one.stream.start(toward(peer));
  await until("packets", () => peer.rtp.length >= 5);
  one.stream.mute(true);
  await pause(60);
  peer.rtp.length = 0;
  await until("packets", () => peer.rtp.length >= 5);
  for (const { data } of peer.rtp) assert.ok(data.subarray(12).every((word) => decodeUlaw(word) === 0));
  one.stream.mute(false);
  await pause(60);
  peer.rtp.length = 0;
  await until("voice", () => peer.rtp.some(({ data }) => data.subarray(12).some((word) => decodeUlaw(word) !== 0)));
});

test("a silent peer is told of, again and again; a held one is not expected to speak", async () => {
  const [one, peer] = [await phone({ silentAfterMs: 100 }), await raw()];
  one.stream.start(toward(peer));
  await until("two warnings", () => one.heard.silent.length >= 2);
  assert.ok(one.heard.silent[0] >= 100 && one.heard.silent[1] > one.heard.silent[0]);
  one.stream.start(toward(peer, { direction: "sendonly" }));
  const told = one.heard.silent.length;
  await pause(250);
  assert.is(one.heard.silent.length, told);
});

test("other packet times and the other codec on the fly", async () => {
  const [one, peer] = [await phone(), await raw()];
  one.stream.start(toward(peer, { ptimeMs: 30 }));
  await until("packets", () => peer.rtp.length >= 3);
  assert.is(peer.rtp.at(-1)!.data.length, 12 + 240);
  one.stream.start(toward(peer, { ptimeMs: 10, codec: "PCMA" }));
  await until("packets", () => readRtp(peer.rtp.at(-1)!.data).payloadType === 8);
  assert.is(peer.rtp.at(-1)!.data.length, 12 + 80);
  const packets = peer.rtp.map(({ data }) => readRtp(data));
  for (let i = 1; i < packets.length; i++) {
    assert.is(packets[i].sequence, (packets[i - 1].sequence + 1) & 0xffff);
    assert.ok((packets[i].timestamp - packets[i - 1].timestamp) >>> 0 <= 480);
  }
});

test("parameters nobody can mean are refused where they are given", async () => {
  const [one, peer] = [await phone(), await raw()];
  const good = toward(peer);
  for (const [wrong, pattern] of [
    [{ ptimeMs: 15 }, /ptimeMs/],
    [{ ptimeMs: 200 }, /ptimeMs/],
    [{ remotePort: 70_000 }, /remotePort/],
    [{ codec: { payloadType: 72, name: "PCMU", clockRate: 8000 } }, /payloadType/],
    [{ codec: { payloadType: 96, name: "OPUS", clockRate: 48_000 } }, /OPUS/],
    [{ direction: "sideways" }, /sideways/],
    [{ security: "maybe" }, /security/],
    [{ telephoneEventSend: 200 }, /telephoneEventSend/],
  ] as const)
    assert.throws(() => one.stream.start({ ...good, ...wrong } as typeof good), pattern);
  assert.throws(() => one.stream.digit("x", 100), /digit/);
  assert.throws(() => one.stream.digit("1", 10), /durationMs/);
  assert.throws(() => one.voice.volume(2), /volume/);
});

test.run();
