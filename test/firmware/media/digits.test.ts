// DTMF digits as telephone-events, both ways, secured, and with packets lost.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeUlaw } from "../../../firmware/audio/index.js";
import { closeAll, connect, hangUp, Phone, pair, pause, toward, until } from "./phones.js";
import { RawPeer, readRtp } from "./raw-peer.js";

const test = suite("digits");

test("digits cross a secured call both ways, in order, with their durations", async () => {
  const [a, b] = [new Phone("digits-a"), new Phone("digits-bb")];
  await pair(a, b);
  connect(a, b, { security: "srtp" });
  for (const digit of "1*#") a.stream.digit(digit, 60);
  b.stream.digit("D", 100);
  await until("all digits", () => b.heard.digits.length === 3 && a.heard.digits.length === 1);
  await pause(80);
  assert.is(b.heard.digits.join(""), "1*#");
  assert.equal(a.heard.digits, ["D"]);
  for (const duration of b.heard.durations) assert.ok(duration >= 60 && duration <= 80, `${duration} ms`);
  const { packetsLost, concealed } = await b.stream.statistics();
  assert.is(packetsLost, 0, "events are no loss");
  assert.type(concealed, "number");
  await hangUp(a, b);
});

test("what a digit is on the wire: RFC 4733 section 2.5.1", async () => {
  const [phone, peer] = [new Phone("digits-wire"), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer));
  await until("voice", () => peer.rtp.length >= 3);
  phone.stream.digit("5", 100);
  await until("voice again", () => {
    const types = peer.rtp.map(({ data }) => readRtp(data).payloadType);
    return types.includes(101) && types.at(-1) === 0;
  });
  const packets = peer.rtp.map(({ data }) => readRtp(data));
  const events = packets.filter(({ payloadType }) => payloadType === 101);
  assert.ok(events[0].marker && events.slice(1).every(({ marker }) => !marker));
  assert.is(new Set(events.map(({ timestamp }) => timestamp)).size, 1, "the time of its beginning throughout");
  assert.ok(events.every(({ payloadLength, data }) => payloadLength === 4 && data[12] === 5));
  const ends = events.filter(({ data }) => (data[13] & 0x80) !== 0);
  assert.is(ends.length, 3);
  assert.ok(ends.every(({ data }) => ((data[14] << 8) | data[15]) === 800));
  for (let i = 1; i < packets.length; i++)
    assert.is(packets[i].sequence, (packets[i - 1].sequence + 1) & 0xffff, "no gap, no voice between");
  const after = packets[packets.indexOf(events.at(-1)!) + 1];
  assert.is(((after.timestamp - events[0].timestamp) >>> 0) % 160, 0, "the voice goes on in its own time");
  await hangUp(phone);
  peer.close();
});

test("a digit whose end never came is told all the same, once", async () => {
  const [phone, peer] = [new Phone("digits-lost"), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer));
  const { timestamp } = peer;
  for (let i = 1; i <= 4; i++) {
    const { buffer } = peer.voice(101);
    buffer.set([7, 10, (i * 160) >> 8, i * 160], 12);
    buffer[4] = timestamp >>> 24;
    buffer[5] = timestamp >>> 16;
    buffer[6] = timestamp >>> 8;
    buffer[7] = timestamp;
    peer.send(buffer.slice(0, 16), phone.stream.rtpPort);
    await pause(20);
  }
  assert.equal(phone.heard.digits, []);
  await until("the digit", () => phone.heard.digits.length === 1);
  assert.equal(phone.heard.digits, ["7"]);
  assert.is(phone.heard.durations[0], 80);
  await pause(200);
  assert.is(phone.heard.digits.length, 1);
  await hangUp(phone);
  peer.close();
});

test("another source's digits are not taken for repetitions of the first one's", async () => {
  const [phone, peer] = [new Phone("digits-source"), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer));
  const report = (digit: number) => {
    const { buffer } = peer.voice(101);
    buffer.set([digit, 0x80 | 10, 800 >> 8, 800 & 0xff], 12);
    peer.send(buffer.slice(0, 16), phone.stream.rtpPort);
  };
  report(1);
  await until("the first", () => phone.heard.digits.length === 1);
  peer.ssrc++;
  peer.timestamp -= 8000;
  // Two packets in a row make a new source believed.
  const { buffer, length } = peer.voice();
  peer.send(buffer.slice(0, length), phone.stream.rtpPort);
  report(2);
  await until("the second", () => phone.heard.digits.length === 2);
  assert.equal(phone.heard.digits, ["1", "2"]);
  await hangUp(phone);
  peer.close();
});

/** Power of one frequency in a sound (Goertzel), per sample. */
function power(pcm: Int16Array, hertz: number): number {
  const w = (2 * Math.PI * hertz) / 8000;
  let [s1, s2] = [0, 0];
  for (const sample of pcm) [s2, s1] = [s1, sample + 2 * Math.cos(w) * s1 - s2];
  return (s1 * s1 + s2 * s2 - 2 * Math.cos(w) * s1 * s2) / pcm.length ** 2;
}

test("a peer that takes no events hears the digit's two frequencies, and no voice meanwhile", async () => {
  const [phone, peer] = [new Phone("digits-inband"), await RawPeer.open()];
  await phone.open();
  phone.stream.start({ ...toward(peer), telephoneEventSend: undefined });
  await until("voice", () => peer.rtp.length >= 5);
  phone.stream.digit("5", 120);
  const before = peer.rtp.length;
  await until("twelve packets", () => peer.rtp.length >= before + 14);
  const frames = peer.rtp.map(({ data }) => Int16Array.from(data.subarray(12), decodeUlaw));
  const isFive = (pcm: Int16Array) => {
    const tones = [697, 770, 852, 941, 1209, 1336, 1477, 1633].map((hertz) => power(pcm, hertz));
    return tones[1] > 1e5 && tones[5] > 1e5 && tones.every((p, i) => i === 1 || i === 5 || p < tones[1] / 10);
  };
  const first = frames.findIndex(isFive);
  assert.ok(first >= before - 1);
  const count = frames.filter(isFive).length;
  assert.ok(count >= 5 && count <= 7, `${count} frames of 20 ms`);
  await hangUp(phone);
  peer.close();
});

test("a peer that takes no events gets none; a held stream sends none, nor later", async () => {
  const [phone, peer] = [new Phone("digits-none"), await RawPeer.open()];
  await phone.open();
  phone.stream.start({ ...toward(peer), telephoneEventSend: undefined });
  phone.stream.digit("5", 100);
  await until("voice", () => peer.rtp.length >= 8);
  phone.stream.start(toward(peer, { direction: "recvonly" }));
  phone.stream.digit("6", 100);
  await pause(60);
  phone.stream.start(toward(peer));
  const before = peer.rtp.length;
  await until("voice", () => peer.rtp.length >= before + 8);
  assert.ok(peer.rtp.every(({ data }) => readRtp(data).payloadType === 0));
  await hangUp(phone);
  peer.close();
});

test.after(closeAll);
test.run();
