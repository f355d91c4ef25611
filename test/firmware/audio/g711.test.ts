// G.711 against the recommendation's own figures: decision values, code words, and the sequences of a 1 kHz sine at 0 dBm0.

import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findCodec, findStaticCodec } from "../../../firmware/audio/codec.js";
import { decodeAlaw, decodeUlaw, encodeAlaw, encodeUlaw, pcma, pcmu } from "../../../firmware/audio/g711.js";

/** Segment end points of G.711 tables 1 and 2, in the tables' units (A-law 4096, µ-law 8159 is the virtual full load). */
const alawEnds = [0, 64, 128, 256, 512, 1024, 2048, 4096];
const ulawEnds = [0, 31, 95, 223, 479, 991, 2015, 4063, 8159];

/** Decision values and output levels of one law's positive side, in 16-bit units, built from the tables' text alone. */
function alawTable(): { from: number[]; level: number[] } {
  const from: number[] = [];
  const level: number[] = [];
  for (let s = 0; s < 7; s++) {
    const intervals = s === 0 ? 32 : 16;
    const step = (alawEnds[s + 1] - alawEnds[s]) / intervals;
    for (let i = 0; i < intervals; i++) {
      from.push((alawEnds[s] + i * step) * 8);
      level.push((alawEnds[s] + (i + 0.5) * step) * 8);
    }
  }
  return { from, level };
}
function ulawTable(): { from: number[]; level: number[] } {
  // The first interval is half a step (0 to 1) and stands for 0.
  const from = [0];
  const level = [0];
  for (let s = 0; s < 8; s++) {
    const first = s === 0 ? 1 : ulawEnds[s];
    const intervals = s === 0 ? 15 : 16;
    const step = (ulawEnds[s + 1] - first) / intervals;
    for (let i = 0; i < intervals; i++) {
      from.push((first + i * step) * 4);
      level.push((first + (i + 0.5) * step) * 4);
    }
  }
  return { from, level };
}

for (const [name, table, encode, decode, word] of [
  ["A-law", alawTable(), encodeAlaw, decodeAlaw, (i: number) => (0x80 | i) ^ 0x55],
  ["µ-law", ulawTable(), encodeUlaw, decodeUlaw, (i: number) => ~i & 0xff],
] as const) {
  test(`${name}: 128 intervals a side, each with its code word and level`, () => {
    assert.is(table.from.length, 128);
    for (let i = 0; i < 128; i++) {
      assert.is(decode(word(i)), table.level[i], `level ${i}`);
      assert.is(decode(word(i) ^ 0x80), -table.level[i] + 0, `level -${i}`);
    }
  });

  test(`${name}: all 65536 samples fall into their interval`, () => {
    let interval = 0;
    for (let sample = 0; sample < 32768; sample++) {
      while (interval < 127 && sample >= table.from[interval + 1]) interval++;
      assert.is(encode(sample), word(interval), `sample ${sample}`);
      if (sample > 0) assert.is(encode(-sample), word(interval) ^ 0x80, `sample -${sample}`);
    }
    assert.is(encode(-32768), word(127) ^ 0x80);
  });

  test(`${name}: every code word survives decoding and encoding`, () => {
    for (let code = 0; code < 256; code++) {
      // µ-law has two zeros; the negative one comes back as the positive.
      const expected = name === "µ-law" && code === 0x7f ? 0xff : code;
      assert.is(encode(decode(code)), expected, `code ${code}`);
    }
  });

  test(`${name}: agrees with sox over the whole range, save on a decision value`, () => {
    const samples = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
    const type = name === "A-law" ? "al" : "ul";
    const raw = ["-t", "raw", "-r", "8000", "-c", "1"];
    const sox = spawnSync("sox", ["-D", ...raw, "-e", "signed", "-b", "16", "-", "-t", type, "-r", "8000", "-"], {
      input: new Uint8Array(samples.buffer),
      maxBuffer: 1 << 20,
    });
    if (sox.error) {
      console.log("skipped: sox is not installed");
      return;
    }
    assert.is(sox.stdout.length, 65536, sox.stderr.toString());
    // sox first rounds to the law's 13 or 14 bits, so a sample within half such a step of a decision value may cross it.
    const slack = name === "A-law" ? 8 : 2;
    let different = 0;
    for (let i = 0; i < 65536; i++) {
      if (sox.stdout[i] === encode(samples[i])) continue;
      different++;
      const magnitude = Math.abs(samples[i]);
      const nearest = Math.min(...table.from.map((value) => Math.abs(value - magnitude)));
      assert.ok(nearest <= slack, `sample ${samples[i]}: sox ${sox.stdout[i]}, ours ${encode(samples[i])}`);
    }
    assert.ok(different < 65536 / 16, `${different} differ`);
  });
}

test("1 kHz at 0 dBm0 gives the digital sequences of G.711 tables 5 and 6", () => {
  const sequences = [
    // Full load is a sine of 3.14 dBm0 in A-law, 3.17 dBm0 in µ-law.
    { codec: pcma, fullLoad: 32768, dbm0: 3.14, words: [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4] },
    { codec: pcmu, fullLoad: 32636, dbm0: 3.17, words: [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e] },
  ];
  for (const { codec, fullLoad, dbm0, words } of sequences) {
    const peak = fullLoad * 10 ** (-dbm0 / 20);
    const sine = Int16Array.from({ length: 8 }, (_, i) => Math.round(-peak * Math.sin(((i + 0.5) * Math.PI) / 4)));
    const out = new Uint8Array(8);
    assert.is(codec.open().encodeInto(out, sine, 8), 8);
    assert.equal([...out], words, codec.name);
    const back = new Int16Array(8);
    assert.is(codec.open().decodeInto(back, out, 8), 8);
    const rms = Math.sqrt(back.reduce((sum, s) => sum + s * s, 0) / 8);
    const level = 20 * Math.log10((rms * Math.SQRT2) / peak);
    assert.ok(Math.abs(level) < 0.1, `${codec.name} ${level} dB`);
  }
});

test("silence is 0xFF in µ-law and 0xD5 in A-law", () => {
  assert.is(encodeUlaw(0), 0xff);
  assert.is(encodeAlaw(0), 0xd5);
});

test("the table finds codecs by name, rate and static payload type (RFC 3551 table 4)", () => {
  assert.is(findCodec({ name: "pcmu", clockRate: 8000 }), pcmu);
  assert.is(findCodec({ name: "PCMA", clockRate: 8000 }), pcma);
  assert.is(findCodec({ name: "PCMA", clockRate: 16000 }), undefined);
  assert.is(findCodec({ name: "opus", clockRate: 48000 }), undefined);
  assert.is(findStaticCodec(0), pcmu);
  assert.is(findStaticCodec(8), pcma);
  assert.is(findStaticCodec(9), undefined);
});

test("frames: 20 ms are 160 samples and 160 bytes; impossible packet times are refused", () => {
  assert.is(pcmu.samplesPerFrame(20), 160);
  assert.is(pcmu.samplesPerFrame(2.5), 20);
  assert.is(pcma.maxBytes(160), 160);
  for (const ptime of [0, -20, 20.01, Number.NaN]) assert.throws(() => pcmu.samplesPerFrame(ptime), /ptime/);
});

test("a payload longer than the room is cut, misuse of the encoder is refused", () => {
  const codec = pcmu.open();
  assert.is(codec.decodeInto(new Int16Array(10), new Uint8Array(20), 20), 10);
  assert.is(codec.decodeInto(new Int16Array(30), new Uint8Array(20), 25), 20);
  assert.throws(() => codec.encodeInto(new Uint8Array(10), new Int16Array(20), 20), /out must hold 20/);
  assert.throws(() => codec.encodeInto(new Uint8Array(30), new Int16Array(20), 21), /samples must be/);
});

test.run();
