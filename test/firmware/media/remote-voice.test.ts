// The thread boundary without a thread: a voice that never answers, keys that are moved and wiped, errors on the right side.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  RemoteVoice,
  type StreamStatistics,
  serveVoice,
  type Voice,
  type VoiceStream,
  type WirePort,
} from "../../../firmware/media/index.js";
import { emptyStatistics } from "../../../firmware/media/statistics.js";
import { VirtualTime } from "../../../firmware/runtime/index.js";
import type { SrtpKeys } from "../../../firmware/srtp/keys.js";
import { Heard, randomKeys, toward } from "./phones.js";

const test = suite("remote voice");
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const nobody = { device: () => {}, failed: () => {} };

/** Two ports that deliver structured clones to each other, as threads do. */
function line(): [WirePort, WirePort] {
  const listeners: ((message: unknown) => void)[][] = [[], []];
  const port = (own: number): WirePort => ({
    postMessage: (message, transfer) => {
      const copy = structuredClone(message, { transfer: transfer as ArrayBuffer[] | undefined });
      setImmediate(() => listeners[1 - own].forEach((listener) => void listener(copy)));
    },
    on: (_event, listener) => listeners[own].push(listener),
  });
  return [port(0), port(1)];
}

function fakeVoice(stream: Partial<VoiceStream>): Voice {
  return {
    open: async () =>
      ({
        rtpPort: 4000,
        rtcpPort: 4001,
        keys: () => {},
        rekey: async () => {},
        confirmKeys: () => {},
        start: () => {},
        digit: () => {},
        mute: () => {},
        statistics: async () => emptyStatistics,
        close: async (): Promise<StreamStatistics> => ({ ...emptyStatistics, packetsSent: 7 }),
        ...stream,
      }) satisfies VoiceStream,
    tone: () => {},
    volume: () => {},
    close: async () => {},
  };
}

test("a voice that never answers is given up after a while; closing settles", async () => {
  const time = new VirtualTime();
  const [near] = line();
  const voice = new RemoteVoice(near, nobody, time);
  const opened = voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events).then(
    () => "opened",
    (error: Error) => error.message,
  );
  time.advance(5000);
  assert.match(await opened, /did not answer within 5000 ms/);
  const closed = voice.close();
  time.advance(5000);
  await closed;
  assert.is(time.active, 0);
});

test("keys are copied, moved and wiped; the caller's stay", async () => {
  const [near, far] = line();
  const got: { tx: SrtpKeys; copy: string }[] = [];
  serveVoice(
    far,
    () => fakeVoice({ keys: (tx) => void got.push({ tx, copy: Buffer.from(tx.masterKey).toString("hex") }) }),
    () => {},
  );
  const voice = new RemoteVoice(near, nobody);
  const stream = await voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  const keys = { ...randomKeys(), mki: Uint8Array.of(1, 2) };
  const before = Buffer.from(keys.masterKey).toString("hex");
  stream.keys(keys, randomKeys());
  await settle();
  await settle();
  assert.is(got[0].copy, before);
  assert.is(Buffer.from(keys.masterKey).toString("hex"), before);
  assert.ok(got[0].tx.masterKey.every((byte) => byte === 0) && got[0].tx.masterSalt.every((byte) => byte === 0));
  assert.equal(got[0].tx.mki, keys.mki);
  for (const [wrong, pattern] of [
    [{ masterKey: new Uint8Array(5) }, /masterKey must have 16 bytes, has 5/],
    [{ masterSalt: new Uint8Array(5) }, /masterSalt/],
    [{ suite: "NULL" }, /suite is not supported: NULL/],
    [{ roc: -1 }, /roc/],
    [{ mki: new Uint8Array(200) }, /mki/],
  ] as const)
    assert.throws(() => stream.keys({ ...keys, ...wrong } as SrtpKeys, randomKeys()), pattern);
  await voice.close();
});

test("misuse throws where it happened; a closed stream is quiet", async () => {
  const [near, far] = line();
  const calls: string[] = [];
  serveVoice(
    far,
    () => fakeVoice({ start: () => void calls.push("start"), digit: () => void calls.push("digit") }),
    () => {},
  );
  const voice = new RemoteVoice(near, nobody);
  const stream = await voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  const good = toward({ rtpPort: 5000, rtcpPort: 5001 }, { security: "srtp" });
  stream.start(good);
  assert.throws(() => stream.start({ ...good, security: "clear" }), /cannot be turned into a clear one/);
  assert.throws(() => stream.start({ ...good, ptimeMs: 7 }), /ptimeMs/);
  assert.throws(() => stream.digit("z", 100), /digit/);
  assert.throws(() => voice.volume(Number.NaN), /volume/);
  assert.is((await stream.close()).packetsSent, 7);
  assert.is((await stream.statistics()).packetsSent, 7);
  stream.digit("1", 100);
  stream.start(good);
  await settle();
  await settle();
  assert.equal(calls, ["start"]);
  await voice.close();
});

test("ports told ahead: a stream is there at once, and all it is told in one turn goes in one message", async () => {
  const [near, far] = line();
  const messages: { type: string }[][] = [];
  const counted: WirePort = {
    postMessage: (message, transfer) => {
      messages.push((message as { type: string }[]).map(({ type }) => ({ type })));
      near.postMessage(message, transfer);
    },
    on: (event, listener) => near.on(event, listener),
  };
  const opened: number[] = [];
  const calls: string[] = [];
  serveVoice(
    far,
    () => ({
      ...fakeVoice({}),
      offerPorts: (tell) => tell({ rtpPort: 6000, rtcpPort: 6001 }),
      openAt: (rtpPort) => {
        opened.push(rtpPort);
        return {
          rtpPort,
          rtcpPort: rtpPort + 1,
          keys: () => void calls.push("keys"),
          rekey: async () => void calls.push("rekey"),
          confirmKeys: () => void calls.push("confirmKeys"),
          start: () => void calls.push("start"),
          digit: () => {},
          mute: () => {},
          statistics: async () => emptyStatistics,
          close: async () => emptyStatistics,
        };
      },
    }),
    () => {},
  );
  const voice = new RemoteVoice(counted, nobody);
  await settle();
  await settle();
  const stream = await voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  assert.equal([stream.rtpPort, stream.rtcpPort], [6000, 6001]);
  assert.equal(messages, [], "nobody was asked");
  stream.keys(randomKeys(), randomKeys());
  stream.start(toward({ rtpPort: 5000, rtcpPort: 5001 }, { security: "srtp" }));
  stream.confirmKeys();
  await settle();
  await settle();
  assert.equal(
    messages,
    [[{ type: "openAt" }, { type: "keys" }, { type: "start" }]],
    "first keys need no confirmation",
  );
  assert.equal(opened, [6000]);
  assert.equal(calls, ["keys", "start"]);
  const rekeyed = stream.rekey(randomKeys(), randomKeys(), "confirmed");
  stream.confirmKeys();
  stream.confirmKeys();
  await rekeyed;
  assert.equal(calls.slice(2), ["rekey", "confirmKeys"]);
  const second = await voice.open({ call: 2, ssrc: 2, cname: "b" }, new Heard().events);
  assert.is(second.rtpPort, 4000, "without ports it asks");
  await voice.close();
});

test("a thread that told ports and then opens nothing has failed, and says so", async () => {
  const time = new VirtualTime();
  const [near, far] = line();
  const failures: string[] = [];
  const voice = new RemoteVoice(near, { device: () => {}, failed: (text) => void failures.push(text) }, time);
  far.postMessage({ type: "ports", rtpPort: 6000, rtcpPort: 6001 });
  await settle();
  await settle();
  const stream = await voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  assert.is(stream.rtpPort, 6000);
  time.advance(5000);
  await settle();
  assert.equal(failures, ["the voice thread did not answer within 5000 ms"]);
  assert.is((await stream.close()).packetsSent, 0);
});

test("keys that were on their way when the voice ended are wiped", async () => {
  const [near, far] = line();
  serveVoice(
    far,
    () => fakeVoice({}),
    () => {},
  );
  const sent: SrtpKeys[] = [];
  const voice = new RemoteVoice(near, nobody);
  const stream = await voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  const post = voice.post.bind(voice);
  voice.post = (command, transfer) => {
    if (command.type === "keys") sent.push(command.tx, command.rx);
    post(command, transfer);
  };
  stream.keys(randomKeys(), randomKeys());
  assert.is(sent.length, 2);
  assert.ok(sent.every(({ masterKey }) => masterKey.some((byte) => byte !== 0)));
  voice.failed("it ended");
  assert.ok(sent.every(({ masterKey, masterSalt }) => [...masterKey, ...masterSalt].every((byte) => byte === 0)));
});

test("failed: once, and everything waiting is rejected", async () => {
  const [near] = line();
  const failures: string[] = [];
  const voice = new RemoteVoice(near, { device: () => {}, failed: (text) => void failures.push(text) });
  const opened = voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events).then(
    () => "opened",
    (error: Error) => error.message,
  );
  voice.failed("the voice thread ended");
  voice.failed("again");
  assert.is(await opened, "the voice thread ended");
  assert.equal(failures, ["the voice thread ended"]);
  await voice.close();
});

test.run();
