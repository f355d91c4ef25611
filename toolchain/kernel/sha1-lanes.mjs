// SHA-1 of four messages at once, one in each lane of a vector, and MIKEY's chain of two HMACs under four keys made of it
// (FIPS 180-4 section 6.1.2; RFC 3830 section 4.1.2).

import { call, get, I32, i32, Module, set, V128, v128 } from "./assembler.mjs";

// Where things lie, bytes; firmware/crypto/sha1-lanes.ts says the same. A word of four lanes has 16 bytes.
/** The keys' states: five words inside, five outside. */
const INNER = 0;
const OUTER = 80;
/** The first message, and the second, whose first five words become the first one's HMAC: 16 words that all lanes share. */
const FIRST = 160;
const SECOND = 224;
/** Each lane's own first two words of the first message, which are the sixth and seventh of the second. */
const OWN = 368;
/** The second message's HMAC, five words. */
const RESULT = 288;
/** What is compressed, 16 words. */
const BLOCK = 400;
const STATE = 656;
/** The state that hashing starts from. */
const START = 736;

const splat = (word) => v128.const(Array.from({ length: 16 }, (_, i) => (word >>> (8 * (i & 3))) & 255));
const rotate = (x, by) => v128.or(v128.shl32(x, by), v128.shr32(x, 32 - by));
const words = (count, each) => Array.from({ length: count }, (_, i) => each(i));
const at = (address) => i32.const(address);

/** FIPS 180-4 sections 4.1.1 and 4.2.1: function and constant of each 20 rounds. */
const stages = [
  { k: 0x5a827999, f: (b, c, d) => v128.xor(d, v128.and(b, v128.xor(c, d))) },
  { k: 0x6ed9eba1, f: (b, c, d) => v128.xor(v128.xor(b, c), d) },
  { k: 0x8f1bbcdc, f: (b, c, d) => v128.or(v128.and(b, c), v128.and(d, v128.or(b, c))) },
  { k: 0xca62c1d6, f: (b, c, d) => v128.xor(v128.xor(b, c), d) },
];

/** compress(state, out): folds the block into the state at an address, and writes what comes of it to another. */
function addCompress(module) {
  return module.add(undefined, [I32, I32], [], (f) => {
    const [state, out] = f.params;
    const w = words(16, () => f.local(V128));
    const h = words(5, () => f.local(V128));
    const x = f.local(V128);
    const body = [
      w.map((word, i) => set(word, v128.load(at(0), BLOCK + 16 * i))),
      h.map((word, i) => set(word, v128.load(get(state), 16 * i))),
    ];
    let roles = h;
    for (let t = 0; t < 80; t++) {
      const [a, b, c, d, e] = roles;
      const { f: mix, k } = stages[Math.floor(t / 20)];
      const word = (back) => get(w[(t - back) & 15]);
      if (t >= 16)
        body.push(
          set(x, v128.xor(v128.xor(word(3), word(8)), v128.xor(word(14), word(16)))),
          set(w[t & 15], rotate(get(x), 1)),
        );
      body.push(
        set(
          e,
          v128.add32(
            v128.add32(v128.add32(get(e), word(0)), splat(k)),
            v128.add32(mix(get(b), get(c), get(d)), rotate(get(a), 5)),
          ),
        ),
        set(b, rotate(get(b), 30)),
      );
      roles = [e, a, b, c, d];
    }
    return [
      body,
      h.map((word, i) => v128.store(get(out), v128.add32(get(word), v128.load(get(state), 16 * i)), 16 * i)),
    ];
  });
}

/** The module's bytes. */
export function sha1Lanes() {
  const module = new Module();
  const compress = addCompress(module);
  const block = (i, value) => v128.store(at(0), value, BLOCK + 16 * i);
  const share = (message, from) =>
    words(16 - from, (i) => block(from + i, v128.loadSplat32(at(0), message + 4 * (from + i))));
  const own = (from) => words(2, (i) => block(from + i, v128.load(at(0), OWN + 16 * i)));
  /** The inner hash is the start of the next block. */
  const link = words(5, (i) => block(i, v128.load(at(0), STATE + 16 * i)));
  // The hash of 20 bytes behind the key's 64, with its padding.
  const outer = (out) => [
    link,
    block(5, splat(0x80000000)),
    words(9, (i) => block(6 + i, splat(0))),
    block(15, splat((64 + 20) << 3)),
    call(compress, at(OUTER), at(out)),
  ];

  /** keys(): from the block, four keys XORed with ipad, makes their states. */
  module.add("keys", [], [], () => [
    call(compress, at(START), at(INNER)),
    words(16, (i) => block(i, v128.xor(v128.load(at(0), BLOCK + 16 * i), splat(0x36363636 ^ 0x5c5c5c5c)))),
    call(compress, at(START), at(OUTER)),
  ]);
  /** chain(): the HMAC of the second message, which begins with the HMAC of the first, under each of the four keys. */
  module.add("chain", [], [], () => [
    own(0),
    share(FIRST, 2),
    call(compress, at(INNER), at(STATE)),
    outer(STATE),
    link,
    own(5),
    share(SECOND, 7),
    call(compress, at(INNER), at(STATE)),
    outer(RESULT),
  ]);
  return module.bytes(1);
}
