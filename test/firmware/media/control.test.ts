// RTCP on the wire: compound, secured, through hold, to the goodbye; and the round trip it measures.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseRtcp, type RtcpPacket, writeRtcpInto } from "../../../firmware/rtp/index.js";
import { SrtpReceiver } from "../../../firmware/srtp/index.js";
import { freeRange } from "../../support/ports.js";
import { closeAll, connect, hangUp, Phone, pair, pause, randomKeys, toward, until } from "./phones.js";
import { RawPeer, readRtp } from "./raw-peer.js";

const test = suite("control");
const quick = { voice: { rtcpIntervalMs: 100 } };

function read(data: Uint8Array): RtcpPacket[] {
  const parsed = parseRtcp(data);
  if (!parsed.ok) throw new Error(parsed.error.text);
  return parsed.value;
}

test("reports in the clear: SR with the figures sent, a block on the peer, CNAME; RR on hold; BYE at the end", async () => {
  const [phone, peer] = [new Phone("control-clear", quick), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer));
  peer.sequence = 65_534;
  for (let i = 0; i < 5; i++) {
    const { buffer, length } = peer.voice();
    // The third packet is lost.
    if (i !== 2) peer.send(buffer.slice(0, length), phone.stream.rtpPort);
  }
  await until("a report", () => peer.rtcp.some(({ data }) => data[1] === 200));
  const found = peer.rtcp.find(({ data }) => data[1] === 200)!;
  assert.is(found.port, phone.stream.rtcpPort, "symmetric RTCP");
  const [report, description] = read(found.data);
  const { ssrc } = readRtp(peer.rtp[0].data);
  assert.is(report.type === "sr" && report.ssrc, ssrc);
  assert.is(report.type === "sr" && report.octets, report.type === "sr" && report.packets * 160);
  const blocks = peer.rtcp.flatMap(({ data }) => read(data)).flatMap((p) => ("reports" in p ? p.reports : []));
  assert.is(blocks[0].ssrc, peer.ssrc);
  assert.is(blocks[0].cumulativeLost, 1);
  assert.is(blocks[0].highestSequence, 65_536 + 2);
  assert.ok(description.type === "sdes" && description.chunks[0].items[0].text.length === 16);

  phone.stream.start(toward(peer, { direction: "inactive" }));
  await until("receiver reports", () => peer.rtcp.at(-1)!.data[1] === 201);
  assert.is((await phone.stream.statistics()).packetsLost, 1);
  await phone.stream.close();
  await pause(30);
  const last = read(peer.rtcp.at(-1)!.data).at(-1)!;
  assert.equal(last, { type: "bye", sources: [ssrc] });
  await hangUp(phone);
  peer.close();
});

test("secured: no RTCP before keys, every compound protected afterwards, goodbye included", async () => {
  const [phone, peer] = [new Phone("control-srtp", quick), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer, { security: "srtp" }));
  await pause(250);
  assert.is(peer.rtcp.length, 0);
  const tx = randomKeys();
  phone.stream.keys(tx, randomKeys());
  await until("two reports", () => peer.rtcp.length >= 2);
  await phone.stream.close();
  await pause(30);
  const receiver = new SrtpReceiver(tx);
  const kinds = peer.rtcp.map(({ data }) => {
    assert.not(parseRtcp(data).ok, "not readable as it is");
    const length = receiver.unprotectRtcp(data, data.length);
    assert.ok(length > 0);
    return read(data.slice(0, length)).map(({ type }) => type);
  });
  assert.equal(kinds[0].slice(0, 2), ["sr", "sdes"]);
  assert.is(kinds.at(-1)!.at(-1), "bye");
  await hangUp(phone);
  peer.close();
});

test("a stream that never said a word says no goodbye", async () => {
  const [phone, peer] = [new Phone("control-mum"), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer, { direction: "inactive" }));
  await phone.stream.close();
  await pause(30);
  assert.is(peer.rtcp.length, 0);
  await hangUp(phone);
  peer.close();
});

test("two phones measure the round trip", async () => {
  const [a, b] = [new Phone("control-a", quick), new Phone("control-bb", quick)];
  await pair(a, b);
  connect(a, b, { security: "srtp" });
  await until("round-trip times", async () => {
    const all = await Promise.all([a.stream.statistics(), b.stream.statistics()]);
    return all.every(({ roundTripMs }) => roundTripMs !== undefined);
  });
  const { roundTripMs, bufferMs, mouthToEarMs } = await a.stream.statistics();
  assert.ok(roundTripMs! >= 0 && roundTripMs! < 2000, `${roundTripMs} ms`);
  // Half the way and back, the buffer, a packet of 20 ms, and what waits in the card.
  const least = roundTripMs! / 2 + bufferMs + 20;
  assert.ok(mouthToEarMs! >= least && mouthToEarMs! < least + 500, `${mouthToEarMs} ms, at least ${least}`);
  await hangUp(a, b);
});

test("a collision: BYE for the old SSRC, reports of the new one from nothing", async () => {
  const [phone, peer] = [new Phone("control-collision", quick), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer));
  await until("packets and a report", () => peer.rtp.length >= 3 && peer.rtcp.length >= 1);
  const old = readRtp(peer.rtp[0].data).ssrc;
  peer.ssrc = old;
  const { buffer, length } = peer.voice();
  peer.send(buffer.slice(0, length), phone.stream.rtpPort);
  await until("a goodbye", () =>
    peer.rtcp.some(({ data }) => read(data).some((p) => p.type === "bye" && p.sources[0] === old)),
  );
  const after = peer.rtcp.length;
  await until("reports under another SSRC", () =>
    peer.rtcp.slice(after).some(({ data }) => read(data)[0].type === "sr"),
  );
  for (const { data } of peer.rtcp.slice(after)) {
    const [first] = read(data);
    assert.ok("ssrc" in first && first.ssrc !== old);
  }
  await hangUp(phone);
  peer.close();
});

test("reports that lie or come from elsewhere change nothing", async () => {
  const [phone, peer, stranger] = [new Phone("control-lies", quick), await RawPeer.open(), await RawPeer.open()];
  await phone.open();
  phone.stream.start(toward(peer));
  const out = new Uint8Array(200);
  const compound = (ssrc: number) =>
    out.slice(
      0,
      writeRtcpInto(out, [
        {
          type: "rr",
          ssrc: 5,
          reports: [
            {
              ssrc,
              fractionLost: 0,
              cumulativeLost: 0,
              highestSequence: 0,
              jitter: 0,
              lastSenderReport: 0x12345678,
              delaySinceLastSenderReport: 1,
            },
          ],
        },
        { type: "sdes", chunks: [{ ssrc: 5, items: [{ type: 1, text: "x" }] }] },
      ]),
    );
  await until("packets", () => peer.rtp.length >= 1);
  peer.sendControl(compound(readRtp(peer.rtp[0].data).ssrc), phone.stream.rtcpPort);
  await pause(30);
  stranger.sendControl(compound(1), phone.stream.rtcpPort);
  stranger.sendControl(new Uint8Array([0x80, 200, 0, 1]), phone.stream.rtcpPort);
  await until("both refused", async () => {
    const { dropped } = await phone.stream.statistics();
    return dropped["wrong-source"] === 1 && dropped["malformed"] === 1;
  });
  const { roundTripMs, mouthToEarMs } = await phone.stream.statistics();
  assert.ok(roundTripMs === undefined, "a round trip of hours is none");
  assert.ok(mouthToEarMs === undefined);
  await hangUp(phone);
  peer.close();
  stranger.close();
});

test("a CNAME that does not fit is an error of open and frees the ports", async () => {
  const { portMin, portMax } = await freeRange(2);
  const phone = new Phone("control-cname", { voice: { ports: { min: portMin, max: portMax } } });
  for (const cname of ["", "x".repeat(256)]) {
    try {
      await phone.voice.open({ call: 1, ssrc: 1, cname }, phone.heard.events);
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, /cname must have 1 to 255 bytes/);
    }
  }
  await phone.open();
  await hangUp(phone);
});

test.after(closeAll);
test.run();
