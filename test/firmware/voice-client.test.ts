// The voice thread: a call through it, its errors, and its sudden end.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { startVoiceThread, type VoiceThread, type VoiceThreadOptions } from "../../firmware/voice-client.js";
import { freeRange } from "../support/ports.js";
import { eventually } from "../support/wait.js";
import { folder, Heard, portRange, randomKeys, toward } from "./media/phones.js";

const test = suite("voice thread");
const threads: VoiceThread[] = [];
test.after.each(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.close()));
});

function options(playbackWav?: string): VoiceThreadOptions {
  return {
    audio: { driver: "simulated", options: playbackWav ? { playbackWav } : {} },
    voice: {
      localAddress: "127.0.0.1",
      ports: portRange(),
      audio: { rate: 8000, periodFrames: 160, periods: 4 },
    },
  };
}

async function start(failures: string[], playbackWav?: string): Promise<VoiceThread> {
  const thread = startVoiceThread(options(playbackWav), {
    device: () => {},
    failed: (text) => void failures.push(text),
  });
  threads.push(thread);
  await thread.ready;
  return thread;
}

test("two threads talk, secured; statistics and events come through", async () => {
  const failures: string[] = [];
  const wav = join(folder, "thread-heard.wav");
  const [a, b] = await Promise.all([start(failures), start(failures, wav)]);
  const [heardA, heardB] = [new Heard(), new Heard()];
  const [one, other] = await Promise.all([
    a.voice.open({ call: 1, ssrc: 1, cname: "a" }, heardA.events),
    b.voice.open({ call: 1, ssrc: 2, cname: "b" }, heardB.events),
  ]);
  assert.equal(one.rtcpPort, one.rtpPort + 1);
  const [x, y] = [randomKeys(), randomKeys()];
  const before = Buffer.from(x.masterKey);
  one.keys(x, y);
  other.keys(y, x);
  assert.equal(Buffer.from(x.masterKey), before, "the caller's keys stay the caller's");
  one.start(toward(other, { security: "srtp" }));
  other.start(toward(one, { security: "srtp" }));
  assert.throws(() => one.start(toward(other, { security: "clear" })), /cannot be turned into a clear one/);
  await eventually("packets both ways", 30_000, async () => {
    const all = await Promise.all([one.statistics(), other.statistics()]);
    return all.every(({ packetsReceived, packetsSent }) => packetsReceived > 5 && packetsSent > 5);
  });
  assert.equal(heardA.first.sort(), ["received", "sent"]);
  await eventually("the card records", 30_000, () => existsSync(wav) && statSync(wav).size > 44);
  const last = await other.close();
  assert.ok(last.packetsReceived > 5 && last.packetsSent > 5);
  assert.equal(await other.close(), last, "closing twice is one closing");
  await Promise.all([a.close(), b.close()]);
  assert.equal(failures, []);
  assert.ok(existsSync(wav) && statSync(wav).size > 44);
});

test("a thread that cannot start says why", async () => {
  const wrong = { ...options(), audio: { driver: "theremin", options: {} } };
  const failures: string[] = [];
  const thread = startVoiceThread(wrong, { device: () => {}, failed: (text) => void failures.push(text) });
  // What is asked of it before it is up gets an answer all the same.
  const asked = thread.voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  for (const promise of [thread.ready, asked])
    assert.match(
      await promise.then(
        () => "no error",
        (error: Error) => error.message,
      ),
      /no sound driver "theremin"/,
    );
  assert.equal(failures, [], "who waits for it to be ready has been told");
});

test("no free port pair is an error of open, not of the thread", async () => {
  const failures: string[] = [];
  const { portMin, portMax } = await freeRange(2);
  const thread = startVoiceThread(
    { ...options(), voice: { ...options().voice, ports: { min: portMin, max: portMax } } },
    { device: () => {}, failed: (text) => void failures.push(text) },
  );
  threads.push(thread);
  await thread.voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  try {
    await thread.voice.open({ call: 2, ssrc: 2, cname: "a" }, new Heard().events);
    assert.unreachable();
  } catch (error) {
    const { message } = error as Error;
    assert.ok(message.startsWith(`no free RTP port pair on 127.0.0.1 between ${portMin} and ${portMax}`), message);
  }
  assert.equal(failures, []);
});

test("a thread that dies: failed is told once, what waits is rejected, closing still settles", async () => {
  const failures: string[] = [];
  const thread = await start(failures);
  const stream = await thread.voice.open({ call: 1, ssrc: 1, cname: "a" }, new Heard().events);
  const asked = stream.statistics().then(
    () => "answered",
    (error: Error) => error.message,
  );
  await thread.worker.terminate();
  assert.match(await asked, /voice thread ended|answered/);
  await eventually("failed", 30_000, () => failures.length > 0);
  assert.is(failures.length, 1);
  assert.match(failures[0], /the voice thread ended/);
  assert.is((await stream.close()).packetsSent, 0);
  stream.mute(true);
  stream.start(toward({ rtpPort: 9, rtcpPort: 9 }));
  await thread.close();
  try {
    await thread.voice.open({ call: 2, ssrc: 2, cname: "a" }, new Heard().events);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /voice thread ended/);
  }
  assert.is(failures.length, 1);
});

test.run();
