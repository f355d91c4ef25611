// What a secured stream lets out and takes in, seen by a peer made of bare sockets.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SrtpReceiver, SrtpSender } from "../../../firmware/srtp/index.js";
import { hangUp, level, Phone, pause, randomKeys, recorded, toward, until } from "./phones.js";
import { RawPeer, readRtp } from "./raw-peer.js";

const test = suite("security");
let phone: Phone;
let peer: RawPeer;
let count = 0;
test.before.each(async () => {
  phone = new Phone(`security-${++count}`);
  peer = await RawPeer.open();
  await phone.open();
});
test.after.each(async () => {
  await hangUp(phone);
  peer.close();
});

const statistics = () => phone.stream.statistics();
const dropped = async (reason: string): Promise<number> => (await statistics()).dropped[reason] ?? 0;

test("nothing leaves before keys; then everything is protected", async () => {
  phone.stream.start(toward(peer, { security: "srtp" }));
  await pause(150);
  assert.is(peer.rtp.length, 0);
  const [tx, rx] = [randomKeys(), randomKeys()];
  phone.stream.keys(tx, rx);
  await until("packets", () => peer.rtp.length >= 10);
  const receiver = new SrtpReceiver(tx);
  let last = -1;
  for (const { data, port } of peer.rtp) {
    assert.is(port, phone.stream.rtpPort, "symmetric RTP");
    assert.is(data.length, 12 + 160 + 10);
    const length = receiver.unprotectRtp(data, data.length);
    assert.is(length, 172);
    const packet = readRtp(data.subarray(0, length));
    assert.is(packet.payloadType, 0);
    assert.is(packet.marker, last < 0, "a marker at the beginning only");
    if (last >= 0) assert.is(packet.sequence, (last + 1) & 0xffff);
    last = packet.sequence;
  }
});

test("clear packets into a secured stream are refused and not heard", async () => {
  phone.stream.keys(randomKeys(), randomKeys());
  phone.stream.start(toward(peer, { security: "srtp" }));
  for (let i = 0; i < 15; i++) {
    const { buffer, length } = peer.voice();
    peer.send(buffer.subarray(0, length), phone.stream.rtpPort);
    await pause(20);
  }
  await until("all counted", async () => (await dropped("clear-refused")) === 15);
  assert.is((await statistics()).packetsReceived, 0);
  assert.equal(phone.heard.first.includes("received"), false);
  await hangUp(phone);
  assert.is(level(recorded(phone)), 0);
});

test("wrong tags and repeats are dropped and counted; the good voice is heard", async () => {
  const [tx, rx] = [randomKeys(), randomKeys()];
  phone.stream.keys(tx, rx);
  phone.stream.start(toward(peer, { security: "srtp" }));
  const sender = new SrtpSender(rx);
  for (let i = 0; i < 20; i++) {
    const { buffer, length } = peer.voice();
    const bytes = sender.protectRtp(buffer, length);
    const packet = buffer.subarray(0, bytes);
    const spoiled = packet.slice();
    spoiled[20 + i] ^= 1 << (i & 7);
    peer.send(spoiled, phone.stream.rtpPort);
    peer.send(packet, phone.stream.rtpPort);
    peer.send(packet, phone.stream.rtpPort);
    await pause(20);
  }
  await until("all counted", async () => (await dropped("replayed")) === 20);
  assert.is(await dropped("bad-tag"), 20);
  assert.is((await statistics()).packetsReceived, 20);
  assert.is((await statistics()).packetsLost, 0);
  await pause(100);
  await hangUp(phone);
  // Silence is 0; how much of 0.4 s of voice is in the recording depends on how busy the machine is.
  assert.ok(level(recorded(phone)) > 200, `${level(recorded(phone))}`);
});

test("packets quicker than start and keys are kept and used", async () => {
  const [tx, rx] = [randomKeys(), randomKeys()];
  const sender = new SrtpSender(rx);
  const send = () => {
    const { buffer, length } = peer.voice();
    peer.send(buffer.slice(0, sender.protectRtp(buffer, length)), phone.stream.rtpPort);
  };
  for (let i = 0; i < 5; i++) send();
  await pause(30);
  phone.stream.start(toward(peer, { security: "srtp" }));
  for (let i = 0; i < 5; i++) send();
  await pause(30);
  assert.is((await statistics()).packetsReceived, 0);
  phone.stream.keys(tx, rx);
  assert.is((await statistics()).packetsReceived, 10);
  assert.equal((await statistics()).dropped, {});
});

test("no more than fifty of them", async () => {
  for (let i = 0; i < 70; i++) {
    const { buffer, length } = peer.voice();
    peer.send(buffer.slice(0, length), phone.stream.rtpPort);
  }
  await until("the overflow is counted", async () => (await dropped("no-keys")) === 20);
  phone.stream.start(toward(peer));
  assert.is((await statistics()).packetsReceived, 50);
});

test("secured never becomes clear; clear may become secured", async () => {
  phone.stream.start(toward(peer, { security: "clear" }));
  await until("clear packets", () => peer.rtp.length > 2);
  phone.stream.start(toward(peer, { security: "srtp" }));
  await pause(40);
  const before = peer.rtp.length;
  await pause(100);
  assert.is(peer.rtp.length, before, "silent until keys come");
  assert.throws(() => phone.stream.start(toward(peer, { security: "clear" })), /cannot be turned into a clear one/);
  const tx = randomKeys();
  phone.stream.keys(tx, randomKeys());
  await until("secured packets", () => peer.rtp.length > before + 2);
  const receiver = new SrtpReceiver(tx);
  for (const { data } of peer.rtp.slice(before)) assert.ok(receiver.unprotectRtp(data, data.length) > 0);
});

test("a re-key keeps numbering, SSRC and roll-over counter", async () => {
  const [tx, rx, tx2, rx2] = [randomKeys(), randomKeys(), randomKeys(), randomKeys()];
  phone.stream.keys(tx, rx);
  phone.stream.start(toward(peer, { security: "srtp" }));
  await until("packets", () => peer.rtp.length >= 5);
  const sender = new SrtpSender(rx);
  const send = () => {
    const { buffer, length } = peer.voice();
    peer.send(buffer.slice(0, sender.protectRtp(buffer, length)), phone.stream.rtpPort);
  };
  peer.sequence = 0xfffe;
  send();
  send();
  send();
  await until("three packets, the last beyond the wrap", async () => (await statistics()).packetsReceived === 3);
  const receiver = new SrtpReceiver(tx);
  for (const { data } of peer.rtp.splice(0)) receiver.unprotectRtp(data, data.length);
  phone.stream.keys(tx2, rx2);
  receiver.replaceKeys(tx2);
  sender.replaceKeys(rx2);
  send();
  await until("a packet under the new key", async () => (await statistics()).packetsReceived === 4);
  await until("packets", () => peer.rtp.length >= 5);
  // At most one packet of the old key was still on its way.
  const good = peer.rtp.filter(({ data }) => receiver.unprotectRtp(data, data.length) > 0);
  assert.ok(good.length >= peer.rtp.length - 1);
  assert.equal(new Set(receiver.streams().map(({ ssrc }) => ssrc)).size, 1);
});

test("hold, resume, a refresh and another address keep the contexts beyond a roll-over: the counter goes on, no index comes twice", async () => {
  const [tx, rx] = [randomKeys(), randomKeys()];
  phone.stream.keys(tx, rx);
  phone.stream.start(toward(peer, { security: "srtp" }));
  const sender = new SrtpSender(rx);
  const receiver = new SrtpReceiver(tx);
  let sent = 0;
  const send = async (from: RawPeer) => {
    const { buffer, length } = peer.voice();
    from.send(buffer.slice(0, sender.protectRtp(buffer, length)), phone.stream.rtpPort);
    sent++;
    await until(`packet ${sent} taken`, async () => (await statistics()).packetsReceived === sent);
  };
  peer.sequence = 0xffff;
  await send(peer);
  // From here on the roll-over counter is 1: a context made anew would take it for 0, and the tags would not fit.
  await send(peer);
  const other = await RawPeer.open();
  try {
    const changes: [string, RawPeer, Parameters<typeof toward>[1]][] = [
      ["refresh", peer, {}],
      ["hold", peer, { direction: "sendonly" }],
      ["resume", peer, {}],
      ["another address", other, {}],
    ];
    for (const [what, at, parameters] of changes) {
      phone.stream.start(toward(at, { security: "srtp", ...parameters }));
      if (parameters?.direction !== "sendonly") await send(at);
      at.rtp.length = 0;
      await until(`${what}: packets`, () => at.rtp.length >= 3);
      for (const { data } of at.rtp.slice(0, 3))
        assert.ok(
          receiver.unprotectRtp(data, data.length) > 0,
          `${what}: no packet for the old context (${data.length})`,
        );
    }
    assert.equal((await statistics()).dropped, {});
  } finally {
    other.close();
  }
});

test("keys of the wrong size are refused, the caller's arrays are not touched", async () => {
  const bad = { ...randomKeys(), masterKey: new Uint8Array(7) };
  assert.throws(() => phone.stream.keys(bad, randomKeys()), /16/);
  const good = randomKeys();
  const copy = Buffer.from(good.masterKey);
  phone.stream.keys(good, randomKeys());
  await phone.stream.close();
  assert.equal(Buffer.from(good.masterKey), copy);
});

test("somebody else with our SSRC: ours changes, after a BYE, and the voice goes on", async () => {
  phone.stream.start(toward(peer));
  await until("packets", () => peer.rtp.length >= 5);
  const ours = readRtp(peer.rtp[0].data).ssrc;
  peer.ssrc = ours;
  for (let i = 0; i < 3; i++) {
    const { buffer, length } = peer.voice();
    peer.send(buffer.slice(0, length), phone.stream.rtpPort);
  }
  await until("another SSRC", () => readRtp(peer.rtp.at(-1)!.data).ssrc !== ours);
  assert.is((await statistics()).packetsReceived, 3);
  const changed = readRtp(peer.rtp.at(-1)!.data).ssrc;
  await pause(100);
  assert.is(readRtp(peer.rtp.at(-1)!.data).ssrc, changed);
});

test("another payload type, another source", async () => {
  phone.stream.start(toward(peer));
  const stranger = await RawPeer.open();
  const send = (from: RawPeer, payloadType = 0) => {
    const { buffer, length } = from.voice(payloadType);
    from.send(buffer.slice(0, length), phone.stream.rtpPort);
  };
  send(peer);
  await until("one packet", async () => (await statistics()).packetsReceived === 1);
  send(peer, 18);
  send(stranger);
  await until(
    "both refused",
    async () => (await dropped("wrong-payload")) === 1 && (await dropped("wrong-source")) === 1,
  );
  assert.is((await statistics()).packetsReceived, 1);
  stranger.close();
});

test.run();
