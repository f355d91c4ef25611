// Call-progress tones by region: rendered, and measured against the numbers of ITU-T E.180.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ToneGenerator, type ToneName, toneTables } from "../../../firmware/audio/index.js";
import { goertzel } from "../../support/tones.js";
import { vectors } from "../../vectors.js";

type Fact = { readonly hertz: number[]; readonly cadenceMs: number[] };
const { regions } = vectors<{ regions: Record<keyof typeof toneTables, Record<string, Fact>> }>("call-progress-tones");
const RATE = 8000;
const MS = RATE / 1000;

/** Lengths of sound and silence, ms, seen in windows of 5 ms. */
function cadence(samples: Int16Array): number[] {
  const window = 5 * MS;
  const lengths: number[] = [];
  let was: boolean | undefined;
  for (let at = 0; at + window <= samples.length; at += window) {
    let energy = 0;
    for (let i = at; i < at + window; i++) energy += samples[i] ** 2;
    const sounds = energy / window > 100 ** 2;
    if (sounds === was) lengths[lengths.length - 1] += 5;
    else lengths.push(5);
    was = sounds;
  }
  return lengths;
}

assert.equal(Object.keys(regions).sort(), Object.keys(toneTables).sort());
for (const [region, facts] of Object.entries(regions))
  for (const name of ["ringback", "busy", "error", "call-waiting"] as const)
    test(`${region}: ${name}`, () => {
      const { hertz, cadenceMs } = facts[name];
      const generator = new ToneGenerator(RATE);
      generator.play(toneTables[region as keyof typeof toneTables][name as ToneName]);
      const round = cadenceMs.reduce((sum, ms) => sum + ms, 0);
      const samples = new Int16Array((round * 2 + 100) * MS);
      assert.ok(generator.playInto(samples, samples.length));
      const seen = cadence(samples);
      const wanted = [...cadenceMs, ...cadenceMs];
      wanted.forEach((ms, i) => assert.ok(Math.abs(seen[i] - ms) <= 15, `${seen.join()} for ${wanted.join()}`));
      // The middle of the first sound: its energy lies at the frequencies named, evenly, and nowhere else.
      const count = Math.min(cadenceMs[0], 400) * MS - 20 * MS;
      const parts = hertz.map((hz) => goertzel(samples, RATE, hz, 10 * MS, count));
      const whole = parts.reduce((sum, { tone }) => sum + tone, 0);
      assert.ok(
        whole / parts[0].total > 0.9,
        `${((whole / parts[0].total) * 100).toFixed(1)} % at ${hertz.join("+")} Hz`,
      );
      for (const { tone } of parts) assert.ok(tone / whole > 0.8 / hertz.length);
    });

test.run();
