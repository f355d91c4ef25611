// Port pairs: even below odd, one bound ahead, and a clear word when there are none.

import { createSocket } from "node:dgram";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LocalVoice } from "../../../firmware/media/index.js";
import { PortPairs } from "../../../firmware/media/ports.js";
import type { PortNumbers } from "../../../firmware/media/voice.js";
import { freeRange } from "../../support/ports.js";
import { eventually } from "../../support/wait.js";
import { Heard } from "./phones.js";

const test = suite("ports");

const nobody = { device: () => {}, failed: () => {} };
const ports = async (pairs: number) => {
  const { portMin, portMax } = await freeRange(2 * pairs);
  return { min: portMin, max: portMax };
};
const close = (pair: { rtp: { close(): void }; rtcp: { close(): void } }) => {
  pair.rtp.close();
  pair.rtcp.close();
};

test("RTP even, RTCP above it, every pair once around", async () => {
  const range = await ports(3);
  const pairs = new PortPairs("127.0.0.1", range, 12345);
  const taken = [await pairs.take(), await pairs.take(), await pairs.take()];
  for (const { rtp, rtcp, rtpPort, rtcpPort } of taken) {
    assert.is(rtpPort % 2, 0);
    assert.is(rtcpPort, rtpPort + 1);
    assert.is(rtp.address().port, rtpPort);
    assert.is(rtcp.address().port, rtcpPort);
  }
  assert.equal(taken.map(({ rtpPort }) => rtpPort).sort(), [range.min, range.min + 2, range.min + 4]);
  try {
    await pairs.take();
    assert.unreachable();
  } catch (error) {
    assert.is(
      (error as Error).message,
      `no free RTP port pair on 127.0.0.1 between ${range.min} and ${range.max}: all 3 are in use`,
    );
  }
  close(taken[1]);
  const again = await pairs.take();
  assert.is(again.rtpPort, taken[1].rtpPort, "a pair that came free is found");
  await pairs.close();
  for (const pair of [taken[0], again, taken[2]]) close(pair);
});

test("a range that begins odd; a port somebody else has is passed over", async () => {
  const range = await ports(3);
  const other = createSocket("udp4");
  await new Promise<void>((resolve) => other.bind(range.min + 3, "127.0.0.1", resolve));
  const pairs = new PortPairs("127.0.0.1", { min: range.min + 1, max: range.max }, 0);
  const pair = await pairs.take();
  assert.is(pair.rtpPort, range.min + 4);
  close(pair);
  other.close();
  await pairs.close();
});

test("ports are told before a stream asks, again after one took them, and given up at the end; a small range keeps its own", async () => {
  const voiceOn = async (pairs: number) => {
    const range = await ports(pairs);
    const told: PortNumbers[] = [];
    const openAudio = () => Promise.reject(new Error("no card"));
    const voice = new LocalVoice(
      { localAddress: "127.0.0.1", ports: range, audio: { rate: 8000, periodFrames: 160, periods: 4 } },
      { openAudio },
      nobody,
    );
    voice.offerPorts((numbers) => void told.push(numbers));
    return { range, told, voice };
  };
  const { range, told, voice } = await voiceOn(32);
  await eventually("two are told", 10_000, () => told.length === 2);
  const { rtpPort, rtcpPort } = told[0];
  assert.is(rtcpPort, rtpPort + 1);
  const stream = voice.openAt(rtpPort, { call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  assert.is(stream.rtpPort, rtpPort);
  for (const port of [rtpPort, range.max + 2])
    assert.throws(
      () => voice.openAt(port, { call: 2, ssrc: 2, cname: "b" }, new Heard().events),
      /was not told, or is in use/,
    );
  await eventually("another is told", 10_000, () => told.length === 3);
  await voice.close();
  for (const { rtpPort: port } of told) {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve, reject) => socket.once("error", reject).bind(port, "127.0.0.1", resolve));
    socket.close();
  }
  const small = await voiceOn(3);
  await small.voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(small.told, []);
  await small.voice.close();
});

test("an address that is not ours is told at once", async () => {
  const pairs = new PortPairs("192.0.2.1", await ports(3), 0);
  try {
    await pairs.take();
    assert.unreachable();
  } catch (error) {
    assert.is((error as NodeJS.ErrnoException).code, "EADDRNOTAVAIL");
  }
  await pairs.close();
});

test("closing lets the spare go", async () => {
  const range = await ports(1);
  const pairs = new PortPairs("127.0.0.1", range, 0);
  pairs.prepare();
  await pairs.close();
  const next = new PortPairs("127.0.0.1", range, 0);
  close(await next.take());
  await next.close();
});

test.run();
