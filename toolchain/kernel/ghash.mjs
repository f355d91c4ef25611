// GHASH and GCM (NIST SP 800-38D) for the packet kernel, with ordinary 64-bit multiplications and no table: every fourth bit of a factor
// is kept, so that carries die in the holes between them. The upper halves of products come from the bit-reversed factors. The factors'
// three parts (low, high, their sum: Karatsuba) are split once per key.

import { call, get, I32, I64, i32, i64, set, V128, v128, when, whileDo } from "./assembler.mjs";
import { BLOCK, DIGEST, GHASH, HASH_KEY, PRODUCTS } from "./layout.mjs";

const holes = [0, 1, 2, 3].map((n) => 0x1111111111111111n << BigInt(n));
const bytes = (f) => Array.from({ length: 16 }, (_, i) => f(i));
const reversedNibble = (n) => ((n & 1) << 3) | ((n & 2) << 1) | ((n & 4) >> 1) | ((n & 8) >> 3);
const low = v128.const(bytes(() => 15));
const backwards = v128.const(bytes((i) => 15 - i));
const toHigh = v128.const(bytes((i) => reversedNibble(i) << 4));
const toLow = v128.const(bytes(reversedNibble));
/** The bits of each byte in reverse order. */
const reverseBytes = (x) =>
  v128.or(v128.swizzle(toHigh, v128.and(get(x), low)), v128.swizzle(toLow, v128.and(v128.shr16(get(x), 4), low)));
const halves = (a, b) => v128.withLane64(v128.splat64(a), 1, b);
const turnHalves = v128.const(bytes((i) => (i & 8) | (7 - (i & 7))));

/** Powers of the hash key that are at hand: so many blocks go at a time. */
const POWERS = 2;
/** Bytes of the factors of one. */
const POWER = 192;

/** Adds the functions of GCM. `aes` holds the indices of AES' functions. */
export function addGhash(module, { counter, block, mixTail }) {
  /**
   * fold(n): the statements that take n blocks at `data`, y = (y ^ block 1) H^n ^ block 2 H^(n-1) ^ ... ^ block n H. Products are added up
   * before they are put together and reduced: that chain of single steps is then gone through once for all. Sums lie in memory: a store
   * keeps the compiler from putting off multiplications until their factors no longer fit into registers.
   */
  const folding = (f, context, data) => {
    const x = f.local(V128);
    const y = f.local(V128);
    const [y0, y1, y2, r0, r1, r2] = Array.from({ length: 6 }, () => f.local(I64));
    const [z0, z1, z2, h0, h1, h2] = Array.from({ length: 6 }, () => f.local(I64));
    const part = Array.from({ length: 4 }, () => f.local(I64));
    const key = Array.from({ length: 4 }, () => f.local(I64));

    /** PRODUCTS[n] = (or, `more`, ^=) the low 64 bits of the carry-less product of `factor` and factor number n of a power of the key. */
    const multiply = (factor, power, n, more) => {
      const product = holes
        .map((mask, sum) => {
          const products = holes.map((_, m) => i64.mul(get(part[m]), get(key[(sum - m) & 3])));
          return i64.and(products.reduce(i64.xor), i64.const(mask));
        })
        .reduce(i64.or);
      return [
        holes.map((mask, m) => set(part[m], i64.and(get(factor), i64.const(mask)))),
        holes.map((_, m) => set(key[m], i64.load(get(context), HASH_KEY + POWER * (power - 1) + 32 * n + 8 * m))),
        i64.store(
          i32.const(0),
          more ? i64.xor(i64.load(i32.const(0), PRODUCTS + 8 * n), product) : product,
          PRODUCTS + 8 * n,
        ),
      ];
    };
    const right = (a, n) => i64.shrU(get(a), i64.const(n));
    const left = (a, n) => i64.shl(get(a), i64.const(n));
    const sum = (...terms) => terms.reduce(i64.xor);
    const load = (at) => v128.swizzle(v128.load(get(data), 16 * at), backwards);

    const fold = (n) => [
      Array.from({ length: n }, (_, at) => [
        set(x, at === 0 ? v128.xor(load(at), halves(get(y0), get(y1))) : load(at)),
        set(y, v128.swizzle(reverseBytes(x), turnHalves)),
        set(y0, v128.lane64(get(x), 0)),
        set(y1, v128.lane64(get(x), 1)),
        set(y2, i64.xor(get(y0), get(y1))),
        set(r0, v128.lane64(get(y), 0)),
        set(r1, v128.lane64(get(y), 1)),
        set(r2, i64.xor(get(r0), get(r1))),
        multiply(y0, n - at, 0, at > 0),
        multiply(y1, n - at, 1, at > 0),
        multiply(y2, n - at, 2, at > 0),
        multiply(r0, n - at, 3, at > 0),
        multiply(r1, n - at, 4, at > 0),
        multiply(r2, n - at, 5, at > 0),
      ]),
      [z0, z1, z2, h0, h1, h2].map((z, n) => set(z, i64.load(i32.const(0), PRODUCTS + 8 * n))),
      set(z2, sum(get(z2), get(z0), get(z1))),
      set(h2, sum(get(h2), get(h0), get(h1))),
      // Back from reversed order: the upper halves, one bit too far left.
      set(x, halves(get(h0), get(h1))),
      set(x, v128.swizzle(reverseBytes(x), turnHalves)),
      set(y, v128.splat64(get(h2))),
      set(y, v128.swizzle(reverseBytes(y), turnHalves)),
      set(h0, v128.lane64(get(x), 0)),
      set(h1, v128.lane64(get(x), 1)),
      set(h2, v128.lane64(get(y), 0)),
      // The product's four words, each shifted by the bit that GCM's reversed bit order leaves over.
      set(r0, get(z0)),
      set(r1, i64.xor(right(h0, 1), get(z2))),
      set(r2, i64.xor(get(z1), right(h2, 1))),
      set(y2, right(h1, 1)),
      set(y2, i64.or(left(y2, 1), right(r2, 63))),
      set(r2, i64.or(left(r2, 1), right(r1, 63))),
      set(r1, i64.or(left(r1, 1), right(r0, 63))),
      set(r0, left(r0, 1)),
      // Reduction by x^128 + x^7 + x^2 + x + 1, word by word.
      set(r2, sum(get(r2), get(r0), right(r0, 1), right(r0, 2), right(r0, 7))),
      set(r1, sum(get(r1), left(r0, 63), left(r0, 62), left(r0, 57))),
      set(y2, sum(get(y2), get(r1), right(r1, 1), right(r1, 2), right(r1, 7))),
      set(r2, sum(get(r2), left(r1, 63), left(r1, 62), left(r1, 57))),
      set(y0, get(r2)),
      set(y1, get(y2)),
      set(data, i32.add(get(data), i32.const(16 * n))),
    ];
    return {
      load: [set(y0, i64.load(i32.const(GHASH))), set(y1, i64.load(i32.const(GHASH), 8))],
      fold,
      store: [i64.store(i32.const(GHASH), get(y0)), i64.store(i32.const(GHASH), get(y1), 8)],
    };
  };

  /** absorb(key, data, blocks): GHASH goes on over whole blocks. */
  const absorb = module.add("absorb", [I32, I32, I32], [], (f) => {
    const [context, data, blocks] = f.params;
    const { load, fold, store } = folding(f, context, data);
    const some = (n) => [fold(n), set(blocks, i32.sub(get(blocks), i32.const(n)))];
    return [load, whileDo(i32.geU(get(blocks), i32.const(POWERS)), some(POWERS)), whileDo(get(blocks), some(1)), store];
  });

  const zero = v128.const(bytes(() => 0));
  /** split(key): splits what lies in {@link BLOCK} into factors at {@link HASH_KEY}. */
  const split = module.add(undefined, [I32], [], (f) => {
    const [context] = f.params;
    const x = f.local(V128);
    const parts = Array.from({ length: 6 }, () => f.local(I64));
    const [h0, h1, h2, r0, r1, r2] = parts;
    return [
      set(x, v128.swizzle(v128.load(i32.const(BLOCK)), backwards)),
      set(h0, v128.lane64(get(x), 0)),
      set(h1, v128.lane64(get(x), 1)),
      set(h2, i64.xor(get(h0), get(h1))),
      set(x, v128.swizzle(reverseBytes(x), turnHalves)),
      set(r0, v128.lane64(get(x), 0)),
      set(r1, v128.lane64(get(x), 1)),
      set(r2, i64.xor(get(r0), get(r1))),
      parts.map((part, n) =>
        holes.map((mask, m) => i64.store(get(context), i64.and(get(part), i64.const(mask)), HASH_KEY + 32 * n + 8 * m)),
      ),
    ];
  });

  /** hashKey(key): makes the factors of the hash key that lies in {@link BLOCK}, and of its powers. */
  module.add("hashKey", [I32], [], ({ params: [context] }) => [
    call(split, get(context)),
    Array.from({ length: POWERS - 1 }, (_, n) => [
      // The power times the key: what GHASH makes of one block from nothing.
      v128.store(i32.const(GHASH), zero),
      call(absorb, get(context), i32.const(BLOCK), i32.const(1)),
      v128.store(i32.const(BLOCK), v128.swizzle(v128.load(i32.const(GHASH)), backwards)),
      call(split, i32.add(get(context), i32.const(POWER * (n + 1)))),
    ]),
  ]);

  const swap = (word) =>
    i32.or(
      i32.and(i32.rotl(get(word), i32.const(8)), i32.const(0x00ff00ff)),
      i32.and(i32.rotl(get(word), i32.const(24)), i32.const(0xff00ff00)),
    );

  /** absorbBytes(key, data, length, suffix, suffixed): the same over any length and perhaps one more word, padded with zeros. */
  const absorbBytes = module.add(undefined, [I32, I32, I32, I32, I32], [], (f) => {
    const [context, data, length, suffix, suffixed] = f.params;
    const rest = f.local(I32);
    return [
      call(absorb, get(context), get(data), i32.shrU(get(length), i32.const(4))),
      set(rest, i32.and(get(length), i32.const(15))),
      set(data, i32.sub(i32.add(get(data), get(length)), get(rest))),
      when(i32.or(get(rest), get(suffixed)), [
        v128.store(i32.const(BLOCK), zero),
        v128.store(i32.const(BLOCK), zero, 16),
        call(mixTail, i32.const(BLOCK), get(data), get(rest)),
        when(get(suffixed), [
          i32.store(i32.add(i32.const(BLOCK), get(rest)), swap(suffix)),
          set(rest, i32.add(get(rest), i32.const(4))),
        ]),
        call(absorb, get(context), i32.const(BLOCK), i32.shrU(i32.add(get(rest), i32.const(15)), i32.const(4))),
      ]),
    ];
  });

  /**
   * tag(key, data, from, to, c0, c1, c2, suffix, suffixed): GCM's tag over the associated data [0, from) and the word `suffix`, and the
   * ciphertext [from, to), into {@link DIGEST}.
   */
  const tag = module.add("tag", [I32, I32, I32, I32, I32, I32, I32, I32, I32], [], (f) => {
    const [context, data, from, to, c0, c1, c2, suffix, suffixed] = f.params;
    const lengths = f.local(I32);
    return [
      v128.store(i32.const(GHASH), zero),
      call(absorbBytes, get(context), get(data), get(from), get(suffix), get(suffixed)),
      call(
        absorbBytes,
        get(context),
        i32.add(get(data), get(from)),
        i32.sub(get(to), get(from)),
        i32.const(0),
        i32.const(0),
      ),
      v128.store(i32.const(BLOCK), zero),
      set(lengths, i32.shl(i32.add(get(from), i32.shl(get(suffixed), i32.const(2))), i32.const(3))),
      i32.store(i32.const(BLOCK), swap(lengths), 4),
      set(lengths, i32.shl(i32.sub(get(to), get(from)), i32.const(3))),
      i32.store(i32.const(BLOCK), swap(lengths), 12),
      call(absorb, get(context), i32.const(BLOCK), i32.const(1)),
      v128.store(i32.const(DIGEST), v128.swizzle(v128.load(i32.const(GHASH)), backwards)),
      call(counter, get(context), i32.const(DIGEST), i32.const(16), get(c0), get(c1), get(c2), i32.const(1)),
    ];
  });
  return { tag, block };
}
