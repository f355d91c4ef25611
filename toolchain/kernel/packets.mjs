// Whole packets: encrypt then authenticate, verify then decrypt, in one call from JavaScript.

import { call, get, I32, i32, set, v128, when, whileDo } from "./assembler.mjs";
import { DIGEST, SAVED } from "./layout.mjs";

/** Adds sealing and opening. */
export function addPackets(module, { counter, mix }, { hmac }, { tag }) {
  const store = (data, at) => [
    v128.store(i32.add(get(data), get(at)), v128.load(i32.const(DIGEST))),
    i32.store(i32.add(get(data), get(at)), i32.load(i32.const(DIGEST), 16), 16),
  ];
  const keep = (data, at) => [
    v128.store(i32.const(SAVED), v128.load(i32.add(get(data), get(at)))),
    i32.store(i32.const(SAVED), i32.load(i32.add(get(data), get(at)), 16), 16),
  ];
  /** 1 when the first `length` bytes of {@link SAVED} are the digest's, in a time that does not tell where they differ. */
  const same = module.add(undefined, [I32], [I32], (f) => {
    const [length] = f.params;
    const difference = f.local(I32);
    return [
      whileDo(get(length), [
        set(length, i32.sub(get(length), i32.const(1))),
        set(
          difference,
          i32.or(get(difference), i32.xor(i32.load8(get(length), DIGEST), i32.load8(get(length), SAVED))),
        ),
      ]),
      i32.eqz(get(difference)),
    ];
  });

  /** XORs `ready` bytes of keystream from `stream` on (a multiple of 16), and makes the rest. */
  const crypt = ([context, data, from, to, c0, c1, c2, c3, stream, ready], used) => [
    set(used, i32.sub(get(to), get(from))),
    when(i32.ltU(get(ready), get(used)), set(used, get(ready))),
    when(get(used), call(mix, i32.add(get(data), get(from)), get(stream), get(used))),
    set(from, i32.add(get(from), get(used))),
    when(
      i32.ltU(get(from), get(to)),
      call(
        counter,
        get(context),
        i32.add(get(data), get(from)),
        i32.sub(get(to), get(from)),
        get(c0),
        get(c1),
        get(c2),
        i32.add(get(c3), i32.shrU(get(used), i32.const(4))),
      ),
    ),
  ];
  const words = (n) => new Array(n).fill(I32);

  /**
   * seal(key, data, from, to, c0, c1, c2, c3, stream, ready, signed, suffix, suffixed): AES-CM on [from, to), HMAC-SHA1 over [0, signed)
   * and the suffix, 20 bytes of it at `signed`.
   */
  module.add("seal", words(13), [], (f) => {
    const [context, data, , , , , , , , , signed, suffix, suffixed] = f.params;
    return [
      crypt(f.params, f.local(I32)),
      call(hmac, get(context), get(data), get(signed), get(suffix), get(suffixed)),
      store(data, signed),
    ];
  });

  /** open(…as seal, tagAt, tagLength): 1 and decrypted, or 0 and the ciphertext as it was. */
  module.add("open", words(15), [I32], (f) => {
    const [context, data, , , , , , , , , signed, suffix, suffixed, tagAt, tagLength] = f.params;
    const good = f.local(I32);
    return [
      keep(data, tagAt),
      call(hmac, get(context), get(data), get(signed), get(suffix), get(suffixed)),
      set(good, call(same, get(tagLength))),
      when(get(good), crypt(f.params, f.local(I32))),
      get(good),
    ];
  });

  /**
   * sealGcm(key, data, from, to, c0, c1, c2, c3, stream, ready, suffix, suffixed): AES-GCM on [from, to) with [0, from) and the suffix as
   * associated data; c3 is 2. The tag goes to `to`.
   */
  module.add("sealGcm", words(12), [], (f) => {
    const [context, data, from, to, c0, c1, c2, , , , suffix, suffixed] = f.params;
    const start = f.local(I32);
    return [
      set(start, get(from)),
      crypt(f.params, f.local(I32)),
      call(tag, get(context), get(data), get(start), get(to), get(c0), get(c1), get(c2), get(suffix), get(suffixed)),
      store(data, to),
    ];
  });

  /** openGcm(…as sealGcm, tagAt): 1 and decrypted, or 0 and the ciphertext as it was. */
  module.add("openGcm", words(13), [I32], (f) => {
    const [context, data, from, to, c0, c1, c2, , , , suffix, suffixed, tagAt] = f.params;
    const good = f.local(I32);
    return [
      keep(data, tagAt),
      call(tag, get(context), get(data), get(from), get(to), get(c0), get(c1), get(c2), get(suffix), get(suffixed)),
      set(good, call(same, i32.const(16))),
      when(get(good), crypt(f.params, f.local(I32))),
      get(good),
    ];
  });
}
