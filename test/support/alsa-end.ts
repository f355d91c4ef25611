// The process of a SoundEnd (alsa-ends.ts): speaks a file into a device over and over, and records what the device hears.

import { readFileSync, writeFileSync } from "node:fs";
import { Pcm, setRealtime } from "../../drivers/node-alsa/index.js";
import { type EndReply, type EndRequest, endRate } from "./alsa-ends.js";

const PERIOD = 80;
/** Deep: nobody waits for an end, and it must not fail before what it measures does. */
const PERIODS = 8;
const MOST_SECONDS = 300;

const [device, sayFile, heardFile] = process.argv.slice(2);
const bytes = readFileSync(sayFile);
const says = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
const record = new Int16Array(MOST_SECONDS * endRate);
let at = 0;
let xruns = 0;

/** Before the phones under test, where the system allows. */
function raise(inherited: boolean): void {
  try {
    setRealtime(15, inherited);
  } catch {
    // Then it has to do without.
  }
}

raise(true);
const pcm = Pcm.open({ capture: device, playback: device, rate: endRate, periodFrames: PERIOD, periods: PERIODS });
raise(false);
const captured = new Int16Array(PERIOD);
const play = new Int16Array(PERIOD);
pcm.start(captured, play, {
  period: () => {
    if (at + PERIOD <= record.length) record.set(captured, at);
    for (let i = 0; i < PERIOD; i++) play[i] = says[(at + i) % says.length];
    at += PERIOD;
    return PERIOD;
  },
  xrun: () => void xruns++,
});

process.on("message", (request: EndRequest) => {
  const frames = Math.min(at, record.length);
  if (request === "finish") pcm.close();
  if (request !== "frames") {
    writeFileSync(heardFile, new Uint8Array(record.buffer, 0, 2 * frames));
  }
  process.send!({ frames, xruns } satisfies EndReply, () => request === "finish" && process.exit(0));
});
