// Loss concealment by what it must achieve: a period goes on, no seam clicks, level falls as in G.711 appendix I, speech gains by it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { WaveformConcealment } from "../../../firmware/audio/concealment.js";
import { readWav } from "../../../firmware/audio/wav.js";

const FRAME = 160;

/** A voiced sound: a pulse train through decaying resonances, with period `period` samples. */
function voiced(length: number, period: number, peak = 8000): Int16Array {
  const out = new Int16Array(length);
  for (let i = 0; i < length; i++) {
    const t = (i % period) / 8000;
    const wave =
      Math.exp(-t * 300) * Math.sin(2 * Math.PI * 500 * t) +
      0.5 * Math.exp(-t * 500) * Math.sin(2 * Math.PI * 1500 * t);
    out[i] = Math.round(peak * wave);
  }
  return out;
}

/** Passes a signal through in frames, losing those for which `lost` says so. */
function passThrough(
  pcm: Int16Array,
  lost: (frame: number) => boolean,
  concealment = new WaveformConcealment(8000),
  size = FRAME,
): Int16Array {
  const out = Int16Array.from(pcm);
  for (let at = 0, frame = 0; at + size <= pcm.length; at += size, frame++) {
    const part = out.subarray(at, at + size);
    if (lost(frame)) concealment.concealInto(part, size);
    else concealment.received(part, size);
  }
  return out;
}

function rms(pcm: Int16Array, from = 0, to = pcm.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += pcm[i] * pcm[i];
  return Math.sqrt(sum / (to - from));
}
function snrDb(said: Int16Array, heard: Int16Array, from: number, to: number): number {
  let [signal, noise] = [0, 0];
  for (let i = from; i < to; i++) {
    signal += said[i] ** 2;
    noise += (said[i] - heard[i]) ** 2;
  }
  return 10 * Math.log10(signal / Math.max(noise, 1e-9));
}
const steepest = (pcm: Int16Array, from: number, to: number) => {
  let most = 0;
  for (let i = from; i < to; i++) most = Math.max(most, Math.abs(pcm[i] - pcm[i - 1]));
  return most;
};

test("nothing lost: every sample as it came", () => {
  const pcm = voiced(3200, 71);
  assert.equal([...passThrough(pcm, () => false)], [...pcm]);
});

test("a periodic sound goes on through 10 ms as if nothing had been lost, at any pitch from 66 to 200 Hz", () => {
  for (let period = 40; period <= 120; period++) {
    const pcm = voiced(3200, period);
    const heard = passThrough(pcm, (frame) => frame === 20, new WaveformConcealment(8000), 80);
    const snr = snrDb(pcm, heard, 1600, 1680);
    assert.ok(snr > 30, `period ${period}: ${snr} dB`);
  }
});

test("through 30 ms it stays in phase while the repetition widens", () => {
  for (let period = 41; period <= 119; period += 6) {
    const pcm = voiced(3200, period);
    const heard = passThrough(pcm, (frame) => frame >= 20 && frame < 23, new WaveformConcealment(8000), 80);
    for (const [from, to] of [
      [80, 160],
      [160, 240],
    ]) {
      // Against the same sound at the level it has fallen to.
      const expected = pcm.map((s, i) => Math.round(s * (1 - (0.2 * (i - 1680)) / 80)));
      const snr = snrDb(expected, heard, 1600 + from, 1600 + to);
      assert.ok(snr > 25, `period ${period}, ${from / 8} ms on: ${snr} dB`);
    }
  }
});

test("a pitch that is no whole number of samples too", () => {
  for (const period of [41.3, 57.5, 80.7, 118.4]) {
    const pcm = Int16Array.from({ length: 3200 }, (_, i) => {
      const phase = (2 * Math.PI * i) / period;
      return 5000 * (Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.3 * Math.sin(3 * phase));
    });
    const heard = passThrough(pcm, (frame) => frame === 10);
    assert.ok(snrDb(pcm, heard, 1600, 1680) > 15, `period ${period}: ${snrDb(pcm, heard, 1600, 1680)} dB`);
  }
});

test("no seam clicks: into the gap, inside it, out of it", () => {
  for (const period of [45, 64, 83, 111])
    for (let losses = 1; losses <= 5; losses++) {
      const pcm = Int16Array.from(
        { length: 4800 },
        (_, i) => 6000 * Math.sin((2 * Math.PI * i) / period) + 2000 * Math.sin((2 * Math.PI * i) / 23.7),
      );
      const natural = steepest(pcm, 1, 1600);
      const heard = passThrough(pcm, (frame) => frame >= 10 && frame < 10 + losses);
      const gap = steepest(heard, 1600, 1600 + (losses + 2) * FRAME);
      assert.ok(gap < natural * 1.6, `period ${period}, ${losses} lost: ${gap} against ${natural}`);
    }
});

test("full level for 10 ms, then 20 % less every 10 ms, silent from 60 ms on", () => {
  const pcm = Int16Array.from({ length: 3200 }, (_, i) => 10000 * Math.sin((2 * Math.PI * i) / 50));
  const heard = passThrough(pcm, (frame) => frame >= 10);
  const level = (ms: number) => rms(heard, 1600 + ms * 8, 1600 + ms * 8 + 50) / (10000 / Math.SQRT2);
  assert.ok(Math.abs(level(1) - 1) < 0.02, `${level(1)}`);
  for (const [ms, expected] of [
    [10, 0.94],
    [20, 0.74],
    [30, 0.54],
    [40, 0.34],
    [50, 0.14],
  ])
    assert.ok(Math.abs(level(ms) - expected) < 0.06, `${ms} ms: ${level(ms)}`);
  assert.ok(heard.subarray(1600 + 480).every((s) => s === 0));
});

test("long gaps do not repeat one period only: two from 10 ms on, three from 20 ms on", () => {
  // Periods that differ in loudness show which of them are said again.
  const pcm = Int16Array.from({ length: 3200 }, (_, i) => {
    const loudness = 1 + 0.25 * ((Math.floor(i / 60) * 7) % 5);
    return 2000 * loudness * Math.sin((2 * Math.PI * i) / 60);
  });
  const heard = passThrough(pcm, (frame) => frame >= 10 && frame < 13);
  // Undo the fade, and compare neighbouring periods of the last part.
  const at = (n: number) => {
    const from = 1600 + 170 + n * 60;
    const fade = 1 - (0.2 * (170 + n * 60 + 30 - 80)) / 80;
    return rms(heard, from, from + 60) / fade;
  };
  const loudness = [at(0), at(1), at(2)];
  assert.ok(Math.max(...loudness) / Math.min(...loudness) > 1.1, loudness.join(" "));
});

test("recovery glides back within 10 ms and is exact from there", () => {
  const pcm = voiced(4800, 67);
  for (let losses = 1; losses <= 6; losses++) {
    const heard = passThrough(pcm, (frame) => frame >= 10 && frame < 10 + losses);
    const back = 1600 + losses * FRAME;
    assert.equal(
      [...heard.subarray(back + 80, back + 400)],
      [...pcm.subarray(back + 80, back + 400)],
      `${losses} lost`,
    );
  }
});

test("before anything was heard, and after silence, a gap is silence", () => {
  const concealment = new WaveformConcealment(8000);
  const out = new Int16Array(FRAME).fill(99);
  concealment.concealInto(out, FRAME);
  assert.ok(out.every((s) => s === 0));
  concealment.received(voiced(1600, 60), 1600);
  concealment.reset();
  concealment.concealInto(out, FRAME);
  assert.ok(out.every((s) => s === 0));
});

test("the size of the portions does not matter", () => {
  const pcm = voiced(3200, 73);
  const whole = passThrough(pcm, (frame) => frame >= 10 && frame < 13);
  for (const size of [40, 80, 16]) {
    const per = FRAME / size;
    const parts = passThrough(
      pcm,
      (frame) => frame >= 10 * per && frame < 13 * per,
      new WaveformConcealment(8000),
      size,
    );
    // Only the fade out of the gap may differ: it lies within the first portion received.
    assert.equal([...parts.subarray(0, 2080)], [...whole.subarray(0, 2080)], `portions of ${size}`);
  }
});

test("loud noise stays within range and never fails, whatever is lost", () => {
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const pcm = Int16Array.from({ length: 80_000 }, () => Math.round((random() - 0.5) * 65535));
  const heard = passThrough(pcm, () => random() < 0.3);
  assert.ok(heard.every((s) => Number.isInteger(s)));
});

test("16 kHz works alike", () => {
  const pcm = Int16Array.from({ length: 6400 }, (_, i) => 8000 * Math.sin((2 * Math.PI * i) / 133));
  const heard = passThrough(pcm, (frame) => frame === 10, new WaveformConcealment(16_000), 160);
  assert.ok(snrDb(pcm, heard, 1600, 1760) > 30, `${snrDb(pcm, heard, 1600, 1760)}`);
});

test("rates it cannot do are refused", () => {
  for (const rate of [0, 4000, 11_025, Number.NaN]) assert.throws(() => new WaveformConcealment(rate), /rate/);
});

/** Energies of 16 bands of 250 Hz in one frame, dB, no lower than 20 dB. */
function bands(pcm: Int16Array, from: number): number[] {
  const out: number[] = [];
  for (let band = 0; band < 16; band++) {
    let energy = 0;
    for (let bin = band * 5; bin < band * 5 + 5; bin++) {
      let [re, im] = [0, 0];
      for (let i = 0; i < FRAME; i++) {
        re += pcm[from + i] * Math.cos((2 * Math.PI * bin * i) / FRAME);
        im += pcm[from + i] * Math.sin((2 * Math.PI * bin * i) / FRAME);
      }
      energy += (re * re + im * im) / FRAME ** 2;
    }
    out.push(Math.max(20, 10 * Math.log10(energy + 1e-9)));
  }
  return out;
}

test("real speech with 5 % lost: the gaps sound like what was said, and better than the last frame again", () => {
  const bytes = readFileSync(join(process.cwd(), "scripts/demo-voices/alice.wav"));
  const sound = readWav(bytes);
  if (!sound.ok) throw new Error(sound.error.text);
  const said = sound.value.samples;
  const lost = (frame: number) => frame % 20 === 7;
  const concealed = passThrough(said, lost);
  const silence = Int16Array.from(said);
  const repeated = Int16Array.from(said);
  for (let frame = 1; (frame + 1) * FRAME <= said.length; frame++)
    if (lost(frame)) {
      silence.fill(0, frame * FRAME, (frame + 1) * FRAME);
      repeated.copyWithin(frame * FRAME, (frame - 1) * FRAME, frame * FRAME);
    }
  /** Mean difference of the spectra in the gaps, dB, and the steps at their seams. */
  const judge = (pcm: Int16Array) => {
    let [distance, seams, count] = [0, 0, 0];
    for (let frame = 7; (frame + 2) * FRAME <= said.length; frame += 20) {
      const from = frame * FRAME;
      const there = bands(said, from);
      if (Math.max(...there) < 30) continue;
      const here = bands(pcm, from);
      distance += there.reduce((sum, level, i) => sum + Math.abs(level - here[i]), 0) / there.length;
      seams += Math.abs(pcm[from] - pcm[from - 1]) + Math.abs(pcm[from + FRAME] - pcm[from + FRAME - 1]);
      count++;
    }
    return { distance: distance / count, seams: seams / count };
  };
  const [ours, none, again, true_] = [judge(concealed), judge(silence), judge(repeated), judge(said)];
  const words = JSON.stringify({ ours, none, again, said: true_ });
  assert.ok(ours.distance < none.distance / 2, words);
  assert.ok(ours.distance < again.distance * 1.1, words);
  assert.ok(ours.seams < again.seams * 0.6 && ours.seams < none.seams, words);
  // In samples, too: repeating the frame is wrong by more than the sound itself.
  const [error, errorAgain] = [snrDb(said, concealed, 0, said.length), snrDb(said, repeated, 0, said.length)];
  assert.ok(error > errorAgain + 0.5, `${error} against ${errorAgain}`);
});

test.run();
