// WAV files: what other programs write, broken ones, and what we write read by sox.

import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  parseWav,
  readWav,
  readWavInto,
  WAV_HEADER_BYTES,
  wavFile,
  writeWavHeaderInto,
} from "../../../firmware/audio/wav.js";

const ascii = (text: string) => [...Buffer.from(text, "latin1")];
const le16 = (value: number) => [value & 255, (value >> 8) & 255];
const le32 = (value: number) => [...le16(value & 0xffff), ...le16(value >>> 16)];
const chunk = (name: string, body: number[], size = body.length) => [...ascii(name), ...le32(size), ...body];
const fmt = (format: number, channels: number, rate: number, bits: number) => [
  ...le16(format),
  ...le16(channels),
  ...le32(rate),
  ...le32((rate * channels * bits) / 8),
  ...le16((channels * bits) / 8),
  ...le16(bits),
];
const riff = (...chunks: number[][]) =>
  Uint8Array.from([...ascii("RIFF"), ...le32(4 + chunks.flat().length), ...ascii("WAVE"), ...chunks.flat()]);

function read(bytes: Uint8Array) {
  const result = readWav(bytes);
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.text}`);
  return result.value;
}
function code(bytes: Uint8Array): string {
  const result = parseWav(bytes);
  return result.ok ? "ok" : `${result.error.code}@${result.error.offset}`;
}

test("reads 16-bit mono", () => {
  const sound = read(riff(chunk("fmt ", fmt(1, 1, 8000, 16)), chunk("data", [1, 0, 0xff, 0x7f, 0, 0x80])));
  assert.is(sound.rate, 8000);
  assert.equal([...sound.samples], [1, 32767, -32768]);
  assert.is(sound.truncated, false);
});

test("reads 8-bit (unsigned), A-law and µ-law", () => {
  const with8 = (format: number, data: number[]) => [
    ...read(riff(chunk("fmt ", fmt(format, 1, 8000, 8)), chunk("data", data))).samples,
  ];
  assert.equal(with8(1, [0, 128, 255]), [-32768, 0, 32512]);
  assert.equal(with8(6, [0xd5, 0x55, 0xaa]), [8, -8, 32256]);
  assert.equal(with8(7, [0xff, 0x80, 0x00]), [0, 32124, -32124]);
});

test("mixes stereo to the mean of both channels without overflow", () => {
  const data = [...le16(32767), ...le16(32767), ...le16(100), ...le16(-50), ...le16(-32768), ...le16(-32768)];
  const sound = read(riff(chunk("fmt ", fmt(1, 2, 44100, 16)), chunk("data", data)));
  assert.equal([...sound.samples], [32767, 25, -32768]);
});

test("passes over chunks it does not know, odd sizes padded", () => {
  const file = riff(
    chunk("LIST", [1, 2, 3, 0], 3),
    chunk("fmt ", [...fmt(1, 1, 16000, 16), 0, 0]),
    chunk("fact", [0, 0, 0, 0]),
    chunk("data", [5, 0]),
    chunk("bext", [9, 9]),
  );
  assert.equal([...read(file).samples], [5]);
});

test("reads the extensible form", () => {
  const guidTail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
  const body = [...fmt(0xfffe, 1, 48000, 16), ...le16(22), ...le16(16), ...le32(4), ...le16(1), ...guidTail];
  assert.equal([...read(riff(chunk("fmt ", body), chunk("data", [7, 0]))).samples], [7]);
  body[30] = 1;
  assert.is(code(riff(chunk("fmt ", body), chunk("data", [7, 0]))), "unsupported-format@20");
});

test("a file whose writer streamed or died is read to its end", () => {
  for (const size of [0, 0xffffffff, 100]) {
    const sound = read(riff(chunk("fmt ", fmt(1, 1, 8000, 16)), chunk("data", [1, 0, 2, 0, 3], size)));
    assert.equal([...sound.samples], [1, 2], `size ${size}`);
    assert.is(sound.truncated, true);
  }
});

test("an empty recording is a sound of no samples", () => {
  const sound = read(wavFile(8000, new Int16Array(0)));
  assert.is(sound.samples.length, 0);
  assert.is(sound.truncated, false);
});

test("says what is wrong, and where", () => {
  assert.is(code(new Uint8Array(0)), "not-wav@0");
  assert.is(code(Uint8Array.from(ascii("OggSxxxxxxxxxxxx"))), "not-wav@0");
  assert.is(code(Uint8Array.from(ascii("RIFFxxxxAVI xxxx"))), "not-wav@8");
  assert.is(code(riff()), "no-format@12");
  assert.is(code(riff(chunk("data", [1, 2]))), "no-format@12");
  assert.is(code(riff(chunk("fmt ", fmt(1, 1, 8000, 16)))), "no-data@36");
  assert.is(code(riff(chunk("fmt ", [1, 0, 1, 0]))), "bad-format@20");
  assert.is(code(riff(chunk("LIST", [1, 2], 5000))), "truncated@12");
  assert.is(code(riff(chunk("fmt ", fmt(1, 6, 8000, 16)))), "unsupported-channels@22");
  assert.is(code(riff(chunk("fmt ", fmt(1, 1, 12, 16)))), "unsupported-rate@24");
  assert.is(code(riff(chunk("fmt ", fmt(3, 1, 8000, 32)))), "unsupported-format@20");
  const badAlign = fmt(1, 1, 8000, 16);
  badAlign[12] = 7;
  assert.is(code(riff(chunk("fmt ", badAlign))), "bad-format@32");
});

test("reads from any frame and never past the end", () => {
  const file = wavFile(8000, Int16Array.from([1, 2, 3, 4, 5]));
  const parsed = parseWav(file);
  assert.ok(parsed.ok);
  if (!parsed.ok) return;
  const out = new Int16Array(3);
  assert.is(readWavInto(out, file, parsed.value, 3), 2);
  assert.equal([...out], [4, 5, 0]);
  assert.is(readWavInto(out, file, parsed.value, 9), 0);
});

test("a header cannot be written into too little room, nor for an impossible sound", () => {
  assert.throws(() => writeWavHeaderInto(new Uint8Array(43), 8000, 0), RangeError);
  const room = new Uint8Array(WAV_HEADER_BYTES);
  for (const frames of [-1, 1.5, 2 ** 31, Number.NaN])
    assert.throws(() => writeWavHeaderInto(room, 8000, frames), /frames/);
  assert.throws(() => writeWavHeaderInto(room, 0, 0), /rate/);
});

test("sox reads what we write, sample for sample", () => {
  const pcm = Int16Array.from({ length: 1000 }, (_, i) => ((i * 7919) % 65536) - 32768);
  const sox = spawnSync("sox", ["-D", "-t", "wav", "-", "-t", "raw", "-e", "signed", "-b", "16", "-"], {
    input: wavFile(16000, pcm),
  });
  if (sox.error) {
    console.log("skipped: sox is not installed");
    return;
  }
  assert.is(sox.status, 0, sox.stderr.toString());
  assert.is(sox.stderr.length, 0, sox.stderr.toString());
  assert.is(Buffer.compare(sox.stdout, Buffer.from(pcm.buffer)), 0);
});

test("we read what sox writes: PCM, A-law, µ-law, 8-bit, stereo", () => {
  for (const [args, expected] of [
    [["-e", "signed", "-b", "16"], 0],
    [["-e", "signed", "-b", "16", "-c", "2"], 0],
    [["-e", "a-law"], 600],
    [["-e", "u-law"], 600],
    [["-e", "unsigned", "-b", "8"], 256],
  ] as const) {
    const pcm = Int16Array.from({ length: 800 }, (_, i) => Math.round(20000 * Math.sin(i / 5)));
    const raw = ["-D", "-t", "raw", "-r", "8000", "-c", "1", "-e", "signed", "-b", "16", "-"];
    const sox = spawnSync("sox", [...raw, "-t", "wav", ...args, "-"], { input: new Uint8Array(pcm.buffer) });
    if (sox.error) {
      console.log("skipped: sox is not installed");
      return;
    }
    const sound = read(sox.stdout);
    assert.is(sound.rate, 8000);
    assert.is(sound.samples.length, 800, args.join(" "));
    for (let i = 0; i < 800; i++)
      assert.ok(Math.abs(sound.samples[i] - pcm[i]) <= expected, `${args.join(" ")} at ${i}`);
  }
});

test("fuzz: random and mutated files never throw, and never point outside the bytes", () => {
  const good = riff(
    chunk("LIST", [1, 2, 3, 4]),
    chunk("fmt ", fmt(1, 2, 8000, 16)),
    chunk("data", [1, 0, 2, 0, 3, 0, 4, 0]),
  );
  const mutated = fc
    .tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(good.length))
    .map(([edits, length]) => {
      const bytes = Uint8Array.from(good);
      for (const [at, value] of edits) bytes[at] = value;
      return bytes.subarray(0, length);
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
      const result = parseWav(bytes);
      if (!result.ok) return typeof result.error.offset === "number" && result.error.offset <= bytes.length + 1;
      const { dataOffset, frames, channels, encoding } = result.value;
      const end = dataOffset + frames * channels * (encoding === "pcm16" ? 2 : 1);
      return end <= bytes.length && read(bytes).samples.length === frames;
    }),
    { numRuns: 5000 },
  );
});

test.run();
