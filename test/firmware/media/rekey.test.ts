// New keys in a running stream: nothing under way is lost, and ours change only when the peer has them.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SrtpReceiver, SrtpSender } from "../../../firmware/srtp/index.js";
import { connect, hangUp, Phone, pair, pause, randomKeys, toward, until } from "./phones.js";
import { RawPeer } from "./raw-peer.js";

const test = suite("new keys in a running stream");
/** What a test has open; closed after it however it ends. */
const phones: Phone[] = [];
const peers: RawPeer[] = [];
test.after.each(async () => {
  await hangUp(...phones.splice(0));
  for (const peer of peers.splice(0)) peer.close();
});
const opened = (name: string): Phone => {
  const phone = new Phone(name);
  phones.push(phone);
  return phone;
};
const rawPeer = async (): Promise<RawPeer> => {
  const peer = await RawPeer.open();
  peers.push(peer);
  return peer;
};

test("the answering side takes both keys at once and sends under the new one after the peer's first packet under it", async () => {
  const phone = opened("rekey-answer");
  const peer = await rawPeer();
  await phone.open();
  const [tx, rx, nextTx, nextRx] = [randomKeys(), randomKeys(), randomKeys(), randomKeys()];
  phone.stream.keys(tx, rx);
  phone.stream.start(toward(peer, { security: "srtp" }));
  const [old, fresh] = [new SrtpSender(rx), new SrtpSender(rx)];
  const say = (sender: SrtpSender) => {
    const { buffer, length } = peer.voice();
    peer.send(buffer.subarray(0, sender.protectRtp(buffer, length)), phone.stream.rtpPort);
  };
  /** Under which of our keys the packets since `from` came: o, n, or ? for neither. */
  const under = (from: number): string => {
    const [byOld, byNew] = [new SrtpReceiver(tx), new SrtpReceiver(nextTx)];
    return peer.rtp
      .slice(from)
      .map(({ data }) => {
        if (byOld.unprotectRtp(Uint8Array.from(data), data.length) >= 0) return "o";
        return byNew.unprotectRtp(Uint8Array.from(data), data.length) >= 0 ? "n" : "?";
      })
      .join("");
  };
  await until("voice", () => peer.rtp.length > 3);
  await phone.stream.rekey(nextTx, nextRx, "confirmed");
  const mark = peer.rtp.length;
  for (let i = 0; i < 5; i++) say(old);
  await until("more voice", () => peer.rtp.length > mark + 5);
  assert.match(under(mark), /^o+$/, "the peer has not shown the new key yet");
  fresh.replaceKeys(nextRx);
  // Sequence numbers go on where the old sender stands.
  for (let i = 0; i < 3; i++) say(fresh);
  const shown = peer.rtp.length;
  await until("voice under the new key", () => under(mark).includes("n"));
  await pause(60);
  assert.match(under(mark), /^o+n+$/, "one change, and nothing under neither key");
  assert.ok(under(shown).includes("n"));
  const { packetsReceived, dropped } = await phone.stream.statistics();
  assert.is(packetsReceived, 8);
  assert.equal(Object.values(dropped).filter(Boolean), []);
});

test("confirmKeys changes over without a packet; a later agreement forgets what waits", async () => {
  const phone = opened("rekey-confirm");
  const peer = await rawPeer();
  await phone.open();
  const [tx, rx, nextTx, lastTx] = [randomKeys(), randomKeys(), randomKeys(), randomKeys()];
  phone.stream.keys(tx, rx);
  phone.stream.start(toward(peer, { security: "srtp" }));
  await phone.stream.rekey(nextTx, randomKeys(), "confirmed");
  await phone.stream.rekey(lastTx, randomKeys(), "confirmed");
  phone.stream.confirmKeys();
  const receiver = new SrtpReceiver(lastTx);
  const from = peer.rtp.length;
  await until("voice", () => peer.rtp.length > from + 5);
  const last = peer.rtp[peer.rtp.length - 1].data;
  assert.ok(receiver.unprotectRtp(Uint8Array.from(last), last.length) > 0);
});

test("two phones change keys again and again, from either end: no packet is lost or refused", async () => {
  const [a, b] = [opened("rekey-a"), opened("rekey-b")];
  await pair(a, b);
  connect(a, b, { security: "srtp" });
  await until("voice", async () => (await a.stream.statistics()).packetsReceived > 5);
  for (let i = 0; i < 8; i++) {
    const [offerer, answerer] = i % 2 === 0 ? [a, b] : [b, a];
    const [one, other] = [randomKeys(), randomKeys()];
    await answerer.stream.rekey(other, one, "confirmed");
    await pause(70);
    await offerer.stream.rekey(one, other, "now");
    await pause(70);
  }
  for (const phone of [a, b]) {
    const { packetsLost, packetsReceived, dropped } = await phone.stream.statistics();
    assert.ok(packetsReceived > 20, `${packetsReceived}`);
    assert.is(packetsLost, 0);
    assert.equal(
      Object.entries(dropped).filter(([, count]) => count > 0),
      [],
    );
  }
});

test("the age of the sending key is told before it ends and at its end, where nothing more is sent", async () => {
  const phone = opened("rekey-age");
  const peer = await rawPeer();
  const { ages } = phone.heard;
  await phone.open();
  phone.stream.keys({ ...randomKeys(), lifetime: 16 }, randomKeys());
  phone.stream.start(toward(peer, { security: "srtp" }));
  await until("the end of the key", () => ages.includes("expired"));
  assert.equal(ages, ["expiring", "expired"]);
  await pause(60);
  assert.is(peer.rtp.length, 16);
  await phone.stream.rekey(randomKeys(), randomKeys(), "now");
  await until("voice again", () => peer.rtp.length > 20);
});

test.run();
