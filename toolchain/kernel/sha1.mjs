// SHA-1 and HMAC-SHA1 for the packet kernel: rounds in local variables, the message schedule four words at a time in vectors.
// Words 16-31 follow FIPS 180-4 section 6.1.2; from 32 on the same recurrence applied twice,
// w[t] = (w[t-6] ^ w[t-16] ^ w[t-28] ^ w[t-32]) <<< 2, in which no word needs another of its own four.

import { call, doWhile, get, I32, i32, set, V128, v128 } from "./assembler.mjs";
import { DIGEST, INNER, OUTER, OUTER_STATE, SCHEDULE, STATE } from "./layout.mjs";

const splat32 = (word) => Array.from({ length: 16 }, (_, i) => (word >>> (8 * (i & 3))) & 255);
const swap32 = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
const zero = v128.const(splat32(0));
/** 16 bytes of `a` and `b` in a row, from byte `from` on. */
const join = (a, b, from) =>
  v128.shuffle(
    a,
    b,
    Array.from({ length: 16 }, (_, i) => from + i),
  );
const rotate = (x, by) => v128.or(v128.shl32(get(x), by), v128.shr32(get(x), 32 - by));

/** FIPS 180-4 sections 4.1.1 and 4.2.1: function and constant of each 20 rounds. */
const stages = [
  { k: 0x5a827999, f: (b, c, d) => i32.xor(d, i32.and(b, i32.xor(c, d))) },
  { k: 0x6ed9eba1, f: (b, c, d) => i32.xor(i32.xor(b, c), d) },
  { k: 0x8f1bbcdc, f: (b, c, d) => i32.add(i32.and(c, d), i32.and(b, i32.xor(c, d))) },
  { k: 0xca62c1d6, f: (b, c, d) => i32.xor(i32.xor(b, c), d) },
];

/** Adds the functions of SHA-1. Answers their indices. */
export function addSha1(module) {
  /** compress(data, blocks): folds blocks of 64 bytes into the state. */
  const compress = module.add("compress", [I32, I32], [], (f) => {
    const [data, blocks] = f.params;
    const words = ["a", "b", "c", "d", "e"].map(() => f.local(I32));
    const h = ["a", "b", "c", "d", "e"].map(() => f.local(I32));
    const ring = Array.from({ length: 8 }, () => f.local(V128));
    const x = f.local(V128);
    const y = f.local(V128);
    const w = (group) => ring[group & 7];
    const keep = (group) =>
      v128.store(
        i32.const(0),
        v128.add32(get(w(group)), v128.const(splat32(stages[Math.floor(group / 5)].k))),
        SCHEDULE + 16 * group,
      );

    /** Words 4 group to 4 group + 3 of the schedule. */
    const schedule = (group) => {
      if (group < 4)
        return [set(w(group), v128.swizzle(v128.load(get(data), 16 * group), v128.const(swap32))), keep(group)];
      if (group < 8)
        return [
          set(
            x,
            v128.xor(
              v128.xor(join(get(w(group - 1)), zero, 4), get(w(group - 2))),
              v128.xor(join(get(w(group - 4)), get(w(group - 3)), 8), get(w(group - 4))),
            ),
          ),
          // The fourth word needs the first one: its share is added afterwards.
          set(y, join(zero, get(x), 4)),
          set(w(group), v128.xor(rotate(x, 1), rotate(y, 2))),
          keep(group),
        ];
      return [
        set(
          x,
          v128.xor(
            v128.xor(join(get(w(group - 2)), get(w(group - 1)), 8), get(w(group - 4))),
            v128.xor(get(w(group - 7)), get(w(group - 8))),
          ),
        ),
        set(w(group), rotate(x, 2)),
        keep(group),
      ];
    };

    const body = [];
    for (let group = 0; group < 4; group++) body.push(schedule(group));
    let roles = h;
    for (let round = 0; round < 80; round++) {
      const [a, b, c, d, e] = roles;
      const group = Math.floor(round / 4) + 4;
      if (round % 4 === 0 && group < 20) body.push(schedule(group));
      body.push(
        set(
          e,
          i32.add(
            i32.add(
              i32.add(get(e), i32.load(i32.const(0), SCHEDULE + 4 * round)),
              stages[Math.floor(round / 20)].f(get(b), get(c), get(d)),
            ),
            i32.rotl(get(a), i32.const(5)),
          ),
        ),
        set(b, i32.rotl(get(b), i32.const(30))),
      );
      roles = [e, a, b, c, d];
    }
    return [
      words.map((word, i) => set(word, i32.load(i32.const(0), STATE + 4 * i))),
      doWhile(
        [
          words.map((word, i) => set(h[i], get(word))),
          body,
          words.map((word, i) => set(word, i32.add(get(word), get(h[i])))),
          set(data, i32.add(get(data), i32.const(64))),
          set(blocks, i32.sub(get(blocks), i32.const(1))),
        ],
        get(blocks),
      ),
      words.map((word, i) => i32.store(i32.const(0), get(word), STATE + 4 * i)),
    ];
  });

  const swap = (word) =>
    i32.or(
      i32.and(i32.rotl(get(word), i32.const(8)), i32.const(0x00ff00ff)),
      i32.and(i32.rotl(get(word), i32.const(24)), i32.const(0xff00ff00)),
    );
  const load = (context, offset) => [
    v128.store(i32.const(STATE), v128.load(get(context), offset)),
    i32.store(i32.const(STATE), i32.load(get(context), offset + 16), 16),
  ];
  /** The state as bytes, to `at`. */
  const write = (at, word) => [
    v128.store(i32.const(at), v128.swizzle(v128.load(i32.const(STATE)), v128.const(swap32))),
    set(word, i32.load(i32.const(STATE), 16)),
    i32.store(i32.const(at), swap(word), 16),
  ];

  /**
   * hmac(key, data, length, suffix, suffixed): HMAC-SHA1 of data, then of the word `suffix` when `suffixed` is 1 (else 0), into
   * {@link DIGEST}. 80 bytes behind the data are overwritten with padding.
   */
  const hmac = module.add("hmac", [I32, I32, I32, I32, I32], [], (f) => {
    const [context, data, length, suffix, suffixed] = f.params;
    const end = f.local(I32);
    const blocks = f.local(I32);
    return [
      load(context, INNER),
      set(end, i32.add(get(data), get(length))),
      [0, 16, 32, 48, 64].map((offset) => v128.store(get(end), zero, offset)),
      // Overwritten by what follows when there is no suffix.
      i32.store(get(end), swap(suffix)),
      set(length, i32.add(get(length), i32.shl(get(suffixed), i32.const(2)))),
      set(end, i32.add(get(end), i32.shl(get(suffixed), i32.const(2)))),
      i32.store(get(end), i32.const(0x80)),
      set(blocks, i32.shrU(i32.add(get(length), i32.const(64 + 8)), i32.const(6))),
      // Length in bits with the inner key's block, below 2^32 for any packet.
      set(length, i32.shl(i32.add(get(length), i32.const(64)), i32.const(3))),
      set(end, i32.sub(i32.add(get(data), i32.shl(get(blocks), i32.const(6))), i32.const(4))),
      i32.store(get(end), swap(length)),
      call(compress, get(data), get(blocks)),
      write(OUTER, blocks),
      i32.store(i32.const(OUTER), i32.const(0x80), 20),
      i32.store(i32.const(OUTER), i32.const(0), 24),
      i32.store(i32.const(OUTER), i32.const(0), 28),
      v128.store(i32.const(OUTER), zero, 32),
      v128.store(i32.const(OUTER), zero, 48),
      // 64 + 20 bytes, in bits, big-endian.
      i32.store(i32.const(OUTER), i32.const(0xa0020000), 60),
      load(context, OUTER_STATE),
      call(compress, i32.const(OUTER), i32.const(1)),
      write(DIGEST, blocks),
    ];
  });
  return { compress, hmac };
}
