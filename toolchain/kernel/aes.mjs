// AES as vector permutations: the S-box is computed with 16-entry tables that lie in registers, so that no address and no branch depends
// on a secret. The idea is Hamburg's ("Accelerating AES with Vector Permute Instructions", CHES 2009); the tables are computed here.
//
// A byte x is written in a normal basis of GF(2^8) over GF(2^4): x = i z + j z', z + z' = 1, z z' = n. With k = i + j and a = 1/n,
//   1 / (1/(1/i + a/k) + j) = (n k + i) / |x|   and   1 / (1/(1/j + a/k) + i) = (n k + j) / |x|,   |x| = n k^2 + i j,
// and the inverse of x, hence the S-box, is a linear function of these two: two more tables. Infinity is a number above 15, for which
// the vector lookup answers 0. The state stays in the form (i << 4 | k) between rounds.

import { doWhile, get, I32, i32, set, V128, v128, when, whileDo } from "./assembler.mjs";
import { BLOCK, ROUND_KEYS, ROUNDS } from "./layout.mjs";

function times(a, b) {
  let product = 0;
  for (; b; b >>= 1) {
    if (b & 1) product ^= a;
    a = (a << 1) ^ (a & 0x80 ? 0x11b : 0);
  }
  return product;
}
function power(a, n) {
  let result = 1;
  for (let i = 0; i < n; i++) result = times(result, a);
  return result;
}
const inverse = (a) => power(a, 254);
const all = Array.from({ length: 256 }, (_, i) => i);
const INFINITE = 0x80;

/** Tables of 16 bytes, by name. */
export function tables() {
  const field = all.filter((x) => power(x, 16) === x);
  const g = field.find((x) => new Set(Array.from({ length: 15 }, (_, n) => power(x, n))).size === 15);
  /** The element of GF(2^4) that four bits stand for, and back. */
  const element = Array.from({ length: 16 }, (_, bits) =>
    [0, 1, 2, 3].reduce((sum, n) => sum ^ ((bits >> n) & 1 ? power(g, n) : 0), 0),
  );
  const nibble = (x) => element.indexOf(x);
  const z = all.find((x) => (x ^ power(x, 16)) === 1);
  const zz = power(z, 16);
  const n = times(z, zz);
  const a = inverse(n);

  const form = [];
  for (let i = 0; i < 16; i++)
    for (let j = 0; j < 16; j++) form[times(element[i], z) ^ times(element[j], zz)] = (i << 4) | (i ^ j);
  /** The S-box without its constant (FIPS 197 section 5.1.1). */
  const linear = (x) => [0, 1, 2, 3, 4].reduce((sum, turn) => sum ^ (((x << turn) | (x >> (8 - turn))) & 255), 0);
  const u = (x) => linear(times(x, times(n, z) ^ times(n ^ 1, zz)));
  const v = (x) => linear(times(x, times(n ^ 1, z) ^ times(n, zz)));
  const nibbles = (f) => Array.from({ length: 16 }, (_, bits) => (bits === 0 ? 0 : f(inverse(element[bits]))));
  const result = {
    toLow: Array.from({ length: 16 }, (_, x) => form[x]),
    toHigh: Array.from({ length: 16 }, (_, x) => form[x << 4]),
    inverses: Array.from({ length: 16 }, (_, x) => (x === 0 ? INFINITE : nibble(inverse(element[x])))),
    aOver: Array.from({ length: 16 }, (_, x) => (x === 0 ? INFINITE : nibble(times(a, inverse(element[x]))))),
    onceU: nibbles((x) => form[u(x)]),
    onceV: nibbles((x) => form[v(x)]),
    twiceU: nibbles((x) => form[times(2, u(x))]),
    twiceV: nibbles((x) => form[times(2, v(x))]),
    lastU: nibbles(u),
    lastV: nibbles(v),
    /** The S-box' constant, which goes into the round keys (MixColumns leaves it as it is). */
    constant: form[0x63],
  };
  // The whole S-box, checked against its definition.
  const look = (table, index) => (index > 15 ? 0 : table[index]);
  for (const x of all) {
    const i = form[x] >> 4;
    const k = form[x] & 15;
    const near = result.aOver[k];
    const io = look(result.inverses, result.inverses[i] ^ near) ^ i ^ k;
    const jo = look(result.inverses, result.inverses[i ^ k] ^ near) ^ i;
    if ((look(result.lastU, io) ^ look(result.lastV, jo)) !== linear(inverse(x))) throw new Error(`S-box of ${x}`);
  }
  return result;
}

const t = tables();
const splat = (byte) => new Array(16).fill(byte);
const swap32 = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
/** Byte b of the block after ShiftRows, then each column turned by `turn` rows. Column c, row r is byte 4 c + r. */
const rows = (turn) =>
  Array.from({ length: 16 }, (_, b) => {
    const row = (b + turn) & 3;
    return (4 * ((b >> 2) + row) + row) & 15;
  });
const turned = Array.from({ length: 16 }, (_, b) => (b & 12) | ((b + 1) & 3));

/** Tables in locals: `local(V128)` for each, and the statements that fill them. */
function constants(local, names) {
  const index = {};
  const code = Object.entries(names).map(([name, bytes]) => {
    index[name] = local(V128);
    return set(index[name], v128.const(bytes));
  });
  return { index, code };
}

const wanted = {
  low: splat(15),
  inverses: t.inverses,
  aOver: t.aOver,
  onceU: t.onceU,
  onceV: t.onceV,
  twiceU: t.twiceU,
  twiceV: t.twiceV,
};

/** What encrypting needs: call once per function, put `code` first. */
export function cipher({ local }) {
  const { index, code } = constants(local, wanted);
  const key = local(I32);
  const left = local(I32);
  const temporaries = [];
  const scratch = (n) => (temporaries[n] ??= Array.from({ length: 4 }, () => local(V128)));

  /** x in the state's form, from standard bytes. */
  const convert = (x) => [
    v128.xor(
      v128.swizzle(v128.const(t.toLow), v128.and(get(x), get(index.low))),
      v128.swizzle(v128.const(t.toHigh), v128.and(v128.shr16(get(x), 4), get(index.low))),
    ),
  ];
  const substitute = (x, [io, jo, k]) => [
    set(k, v128.and(get(x), get(index.low))),
    set(io, v128.and(v128.shr16(get(x), 4), get(index.low))),
    set(jo, v128.xor(get(io), get(k))),
    set(k, v128.swizzle(get(index.aOver), get(k))),
    set(
      x,
      v128.xor(
        v128.swizzle(get(index.inverses), v128.xor(v128.swizzle(get(index.inverses), get(io)), get(k))),
        get(jo),
      ),
    ),
    set(
      jo,
      v128.xor(
        v128.swizzle(get(index.inverses), v128.xor(v128.swizzle(get(index.inverses), get(jo)), get(k))),
        get(io),
      ),
    ),
    set(io, get(x)),
  ];
  const pair = (u, v, io, jo) => v128.xor(v128.swizzle(u, get(io)), v128.swizzle(v, get(jo)));
  const fixed = (a, mask) => v128.swizzle(a, v128.const(mask));

  /** SubBytes, ShiftRows, MixColumns, AddRoundKey. */
  const round = (x, [io, jo, k, once]) => [
    substitute(x, [io, jo, k]),
    set(once, pair(get(index.onceU), get(index.onceV), io, jo)),
    set(k, pair(get(index.twiceU), get(index.twiceV), io, jo)),
    // 2 s0 + 3 s1 + s2 + s3, with r for "each column turned by a row": k + r(once), turned and added, and r^3(once).
    set(k, v128.xor(fixed(get(k), rows(0)), fixed(get(once), rows(1)))),
    set(
      x,
      v128.xor(
        v128.xor(fixed(get(k), turned), fixed(get(once), rows(3))),
        v128.xor(get(k), v128.load(get(key), ROUND_KEYS)),
      ),
    ),
  ];
  const last = (x, [io, jo, k]) => [
    substitute(x, [io, jo, k]),
    set(
      x,
      v128.xor(fixed(pair(v128.const(t.lastU), v128.const(t.lastV), io, jo), rows(0)), v128.load(get(key), ROUND_KEYS)),
    ),
  ];

  /** Encrypts the blocks in the locals `blocks` (standard bytes in, standard bytes out) under the key at the address in `context`. */
  const encrypt = (context, blocks) => [
    set(key, get(context)),
    set(left, i32.load(get(context), ROUNDS)),
    blocks.map((x) => set(x, v128.xor(convert(x), v128.load(get(key), ROUND_KEYS)))),
    set(key, i32.add(get(key), i32.const(16))),
    doWhile(
      [
        blocks.map((x, n) => round(x, scratch(n))),
        set(key, i32.add(get(key), i32.const(16))),
        set(left, i32.sub(get(left), i32.const(1))),
      ],
      i32.ltU(i32.const(1), get(left)),
    ),
    blocks.map((x, n) => last(x, scratch(n))),
  ];
  return { code, encrypt, convert, substitute, scratch, pair, fixed };
}

/** Adds the functions of AES. Answers their indices. */
export function addAes(module) {
  /** XORs bytes of two ranges, fewer than 16. */
  const mixTail = module.add(undefined, [I32, I32, I32], [], ({ params: [data, stream, length] }) =>
    whileDo(get(length), [
      i32.store8(get(data), i32.xor(i32.load8(get(data)), i32.load8(get(stream)))),
      set(data, i32.add(get(data), i32.const(1))),
      set(stream, i32.add(get(stream), i32.const(1))),
      set(length, i32.sub(get(length), i32.const(1))),
    ]),
  );

  /** mix(data, stream, length): XORs keystream made before onto data. */
  const mix = module.add("mix", [I32, I32, I32], [], ({ params: [data, stream, length] }) => [
    whileDo(i32.geU(get(length), i32.const(16)), [
      v128.store(get(data), v128.xor(v128.load(get(data)), v128.load(get(stream)))),
      set(data, i32.add(get(data), i32.const(16))),
      set(stream, i32.add(get(stream), i32.const(16))),
      set(length, i32.sub(get(length), i32.const(16))),
    ]),
    get(data),
    get(stream),
    get(length),
    [0x10, mixTail],
  ]);

  /** block(key, at): encrypts 16 bytes in place. */
  const block = module.add("block", [I32, I32], [], (f) => {
    const [context, at] = f.params;
    const x = f.local(V128);
    const { code, encrypt } = cipher(f);
    return [code, set(x, v128.load(get(at))), encrypt(context, [x]), v128.store(get(at), get(x))];
  });

  /** counter(key, data, length, c0, c1, c2, c3): counter mode, the last word counting modulo 2^32. */
  const counter = module.add("counter", [I32, I32, I32, I32, I32, I32, I32], [], (f) => {
    const [context, data, length, c0, c1, c2, c3] = f.params;
    const count = f.local(V128);
    const x = f.local(V128);
    const y = f.local(V128);
    const { code, encrypt } = cipher(f);
    const bytes = (n = 0) =>
      v128.swizzle(
        n ? v128.add32(get(count), v128.const([...splat(0).slice(4), n, 0, 0, 0])) : get(count),
        v128.const(swap32),
      );
    const step = (n) => [
      set(count, v128.add32(get(count), v128.const([...splat(0).slice(4), n, 0, 0, 0]))),
      set(data, i32.add(get(data), i32.const(16 * n))),
      set(length, i32.sub(get(length), i32.const(16 * n))),
    ];
    return [
      code,
      set(
        count,
        v128.withLane32(v128.withLane32(v128.withLane32(v128.splat32(get(c0)), 1, get(c1)), 2, get(c2)), 3, get(c3)),
      ),
      whileDo(i32.geU(get(length), i32.const(32)), [
        set(x, bytes()),
        set(y, bytes(1)),
        encrypt(context, [x, y]),
        v128.store(get(data), v128.xor(v128.load(get(data)), get(x))),
        v128.store(get(data), v128.xor(v128.load(get(data), 16), get(y)), 16),
        step(2),
      ]),
      whileDo(get(length), [
        set(x, bytes()),
        encrypt(context, [x]),
        when(
          i32.geU(get(length), i32.const(16)),
          [v128.store(get(data), v128.xor(v128.load(get(data)), get(x))), step(1)],
          [
            v128.store(i32.const(BLOCK), get(x)),
            [get(data), i32.const(BLOCK), get(length), 0x10, mixTail],
            set(length, i32.const(0)),
          ],
        ),
      ]),
    ];
  });

  /**
   * f8(key, mask, data, length): AES-f8 (RFC 3711 section 4.1.2). `mask` is the key for IV'; the IV lies in {@link BLOCK}.
   */
  const f8 = module.add("f8", [I32, I32, I32, I32], [], (f) => {
    const [context, mask, data, length] = f.params;
    const iv = f.local(V128);
    const s = f.local(V128);
    const j = f.local(I32);
    const { code, encrypt } = cipher(f);
    const chosen = f.local(I32);
    return [
      code,
      set(iv, v128.load(i32.const(BLOCK))),
      encrypt(mask, [iv]),
      whileDo(get(length), [
        // j is the block's last word, big-endian.
        set(
          s,
          v128.xor(
            v128.xor(get(s), get(iv)),
            v128.swizzle(v128.withLane32(v128.const(splat(0)), 3, get(j)), v128.const(swap32)),
          ),
        ),
        encrypt(context, [s]),
        v128.store(i32.const(BLOCK), get(s)),
        set(chosen, get(length)),
        when(i32.ltU(i32.const(16), get(length)), set(chosen, i32.const(16))),
        [get(data), i32.const(BLOCK), get(chosen), 0x10, mix],
        set(data, i32.add(get(data), get(chosen))),
        set(length, i32.sub(get(length), get(chosen))),
        set(j, i32.add(get(j), i32.const(1))),
      ]),
      v128.store(i32.const(BLOCK), v128.const(splat(0))),
    ];
  });

  /** substitute(word): the S-box on each byte of a word, for the key schedule. */
  module.add("substitute", [I32], [I32], (f) => {
    const [word] = f.params;
    const x = f.local(V128);
    const { code, convert, substitute, scratch, pair } = cipher(f);
    const [io, jo, k] = scratch(0);
    return [
      code,
      set(x, v128.splat32(get(word))),
      set(x, convert(x)),
      substitute(x, [io, jo, k]),
      i32.xor(v128.lane32(pair(v128.const(t.lastU), v128.const(t.lastV), io, jo), 0), i32.const(0x63636363)),
    ];
  });

  /** prepare(key): turns standard round keys into the kernel's form, in place. */
  module.add("prepare", [I32], [], (f) => {
    const [context] = f.params;
    const left = f.local(I32);
    const x = f.local(V128);
    const { code, convert } = cipher(f);
    const next = set(context, i32.add(get(context), i32.const(16)));
    return [
      code,
      set(left, i32.load(get(context), ROUNDS)),
      set(x, v128.load(get(context), ROUND_KEYS)),
      v128.store(get(context), convert(x), ROUND_KEYS),
      next,
      doWhile(
        [
          set(x, v128.load(get(context), ROUND_KEYS)),
          v128.store(get(context), v128.xor(convert(x), v128.const(splat(t.constant))), ROUND_KEYS),
          next,
          set(left, i32.sub(get(left), i32.const(1))),
        ],
        i32.ltU(i32.const(1), get(left)),
      ),
      v128.store(get(context), v128.xor(v128.load(get(context), ROUND_KEYS), v128.const(splat(0x63))), ROUND_KEYS),
    ];
  });
  return { counter, mix, mixTail, block, f8 };
}
