// Writes firmware/crypto/sha1-compress.ts: SHA-1's 80 rounds unrolled, with the message schedule in 16 local variables.
// The variables change their roles from round to round instead of their values, which V8's register allocator rewards
// (docs/decisions.md). Usage: node toolchain/generate-sha1.mjs   (a test sees to it that the file is this program's output)

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** FIPS 180-4 sections 4.1.1 and 4.2.1: function and constant of each 20 rounds. Constants as int32. */
const stages = [
  { f: (b, c, d) => `(${d} ^ (${b} & (${c} ^ ${d})))`, k: "+ 0x5a827999" },
  { f: (b, c, d) => `(${b} ^ ${c} ^ ${d})`, k: "+ 0x6ed9eba1" },
  { f: (b, c, d) => `((${b} & ${c}) | (${d} & (${b} | ${c})))`, k: "- 0x70e44324" },
  { f: (b, c, d) => `(${b} ^ ${c} ^ ${d})`, k: "- 0x359d3e2a" },
];

/** The text of sha1-compress.ts. */
export function generate() {
  const words = Array.from({ length: 16 }, (_, i) => `w${i}`);
  const names = ["a", "b", "c", "d", "e"];
  const lines = [
    "// SHA-1's compression function (FIPS 180-4 section 6.1.2), unrolled. Written by toolchain/generate-sha1.mjs; change that instead.",
    "// biome-ignore-all format: one line per round reads best",
    "",
    "/** The message block the next {@link sha1Compress} takes, 16 words. Shared by everything in this thread that hashes. */",
    "export const sha1Block = new Int32Array(16);",
    "",
    "/** Folds the block in {@link sha1Block} into `state` (5 words). The block stays as it is. */",
    "export function sha1Compress(state: Int32Array): void {",
    ...words.map((word, i) => `  let ${word} = sha1Block[${i}];`),
    ...names.map((name, i) => `  let ${name} = state[${i}];`),
    "  let x: number;",
  ];
  let roles = names;
  for (let t = 0; t < 80; t++) {
    const [a, b, c, d, e] = roles;
    const { f, k } = stages[Math.floor(t / 20)];
    const word = (back) => `w${(t - back) & 15}`;
    const expand =
      t < 16 ? "" : `x = ${word(3)} ^ ${word(8)} ^ ${word(14)} ^ ${word(16)}; ${word(0)} = (x << 1) | (x >>> 31); `;
    lines.push(
      `  ${expand}${e} = (${e} + ((${a} << 5) | (${a} >>> 27)) + ${f(b, c, d)} + ${word(0)} ${k}) | 0; ${b} = (${b} << 30) | (${b} >>> 2);`,
    );
    roles = [e, a, b, c, d];
  }
  lines.push(...names.map((name, i) => `  state[${i}] = (state[${i}] + ${name}) | 0;`), "}", "");
  return lines.join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(
    join(dirname(dirname(fileURLToPath(import.meta.url))), "firmware", "crypto", "sha1-compress.ts"),
    generate(),
  );
