// A packet cipher of the WebAssembly kernel. Keys, schedules and keystream lie in the kernel's memory.

import { BLOCK_AT, DIGEST_AT, KEY_BYTES, type Kernel, MESSAGE_AT } from "./kernel.js";
import type { PacketCipher, PacketCipherMode, PacketKeys, PacketLayout } from "./packet-cipher.js";

/** Offsets within a key, as in toolchain/kernel/layout.mjs. */
const ROUND_KEYS = 16;
const INNER = 256;
const OUTER = 288;

/** Gives back the memory of ciphers that nobody wiped. */
const forgotten = new FinalizationRegistry<{ kernel: Kernel; memory: Memory }>(({ kernel, memory }) =>
  memory.release(kernel),
);

/** What a cipher holds in the kernel. An object of its own, so that it can outlive the cipher. */
class Memory {
  key = 0;
  mask = 0;
  stream = 0;
  streamBytes = 0;

  release(kernel: Kernel): void {
    if (this.key > 0) kernel.release(this.key, KEY_BYTES);
    if (this.mask > 0) kernel.release(this.mask, KEY_BYTES);
    this.releaseStream(kernel);
    this.key = this.mask = 0;
  }

  releaseStream(kernel: Kernel): void {
    if (this.stream > 0) kernel.release(this.stream, this.streamBytes);
    this.stream = this.streamBytes = 0;
  }
}

/** {@link PacketCipher} in constant time: no address and no branch depends on a secret. */
export class KernelCipher implements PacketCipher {
  readonly #kernel: Kernel;
  readonly #mode: PacketCipherMode;
  readonly #memory = new Memory();
  /** Address of the key; 0 once wiped. */
  #key: number;
  #entryBytes = 0;

  /** @throws RangeError when a key has an impossible length. */
  constructor(kernel: Kernel, keys: PacketKeys) {
    this.#kernel = kernel;
    this.#mode = keys.mode;
    this.#key = this.#memory.key = kernel.allocate(KEY_BYTES);
    forgotten.register(this, { kernel, memory: this.#memory }, this);
    if (keys.mode !== "null") expand(kernel, this.#key, keys.key);
    if (keys.mode === "gcm") {
      kernel.bytes.fill(0, BLOCK_AT, BLOCK_AT + 16);
      kernel.run.block(this.#key, BLOCK_AT);
      kernel.run.hashKey(this.#key);
    } else midstates(kernel, this.#key, keys.authKey ?? new Uint8Array(0));
    if (keys.mode === "f8") {
      this.#memory.mask = kernel.allocate(KEY_BYTES);
      expand(kernel, this.#memory.mask, keys.maskedKey ?? new Uint8Array(0));
    }
    kernel.wipeScratch();
  }

  seal(packet: Uint8Array, layout: PacketLayout): void {
    const kernel = this.#kernel;
    const { run } = kernel;
    const key = this.#usable();
    const { from, to, iv, signed, tagAt, tagBytes } = layout;
    const gcm = this.#mode === "gcm";
    const end = gcm ? to : signed;
    const at = kernel.take(packet, end);
    const stream = this.#streamOf(layout);
    const ready = stream === 0 ? 0 : this.#entryBytes;
    const suffix = layout.suffix[0];
    const extra = layout.suffixed ? 1 : 0;
    if (gcm) run.sealGcm(key, at, from, to, iv[0], iv[1], iv[2], 2, stream, ready, suffix, extra);
    else {
      if (this.#mode === "f8") this.#f8(at, from, to, iv);
      const first = this.#mode === "counter" ? from : to;
      if (tagBytes === 0) this.#crypt(at, first, to, iv, stream, ready);
      else run.seal(key, at, first, to, iv[0], iv[1], iv[2], iv[3], stream, ready, signed, suffix, extra);
    }
    if (tagAt === end) kernel.give(packet, at, end + tagBytes);
    else {
      kernel.give(packet, at, end);
      const { bytes } = kernel;
      for (let i = 0; i < tagBytes; i++) packet[tagAt + i] = bytes[DIGEST_AT + i];
    }
  }

  open(packet: Uint8Array, layout: PacketLayout): boolean {
    const { run } = this.#kernel;
    const key = this.#usable();
    const { from, to, iv, signed, tagAt, tagBytes } = layout;
    const at = this.#kernel.take(packet, tagAt + tagBytes);
    const stream = this.#streamOf(layout);
    const ready = stream === 0 ? 0 : this.#entryBytes;
    const suffix = layout.suffix[0];
    const extra = layout.suffixed ? 1 : 0;
    const c0 = iv[0];
    const c1 = iv[1];
    const c2 = iv[2];
    const c3 = iv[3];
    let good = 1;
    if (this.#mode === "gcm") good = run.openGcm(key, at, from, to, c0, c1, c2, 2, stream, ready, suffix, extra, tagAt);
    else {
      const first = this.#mode === "counter" ? from : to;
      if (tagBytes === 0) this.#crypt(at, first, to, iv, stream, ready);
      else good = run.open(key, at, first, to, c0, c1, c2, c3, stream, ready, signed, suffix, extra, tagAt, tagBytes);
    }
    if (good === 0) return false;
    if (this.#mode === "f8") this.#f8(at, from, to, iv);
    // Nothing but [from, to) changed; what lies before it is the same. The padding behind it stays in the kernel.
    if (from < to) this.#kernel.give(packet, at, to);
    return true;
  }

  keystreamInto(out: Uint8Array, iv: Int32Array): void {
    out.fill(0);
    const kernel = this.#kernel;
    const at = kernel.take(out, out.length);
    kernel.run.counter(this.#usable(), at, out.length, iv[0], iv[1], iv[2], iv[3]);
    kernel.give(out, at, out.length);
    kernel.wipeScratch();
  }

  reserve(entries: number, bytes: number): void {
    this.#usable();
    this.#memory.releaseStream(this.#kernel);
    this.#memory.streamBytes = entries * bytes;
    this.#memory.stream = this.#kernel.allocate(entries * bytes);
    this.#entryBytes = bytes;
  }

  precompute(entry: number, iv: Int32Array): void {
    const kernel = this.#kernel;
    const bytes = this.#entryBytes;
    const at = this.#memory.stream + entry * bytes;
    kernel.bytes.fill(0, at, at + bytes);
    kernel.run.counter(this.#usable(), at, bytes, iv[0], iv[1], iv[2], this.#mode === "gcm" ? 2 : iv[3]);
  }

  wipe(): void {
    this.#memory.release(this.#kernel);
    this.#key = 0;
    this.#kernel.wipeScratch();
    forgotten.unregister(this);
  }

  #usable(): number {
    if (this.#key === 0) throw new Error("the cipher was wiped");
    return this.#key;
  }

  /** Address of the keystream that was made for a packet; 0: none was. */
  #streamOf({ entry }: PacketLayout): number {
    return entry < 0 ? 0 : this.#memory.stream + entry * this.#entryBytes;
  }

  #crypt(at: number, from: number, to: number, iv: Int32Array, stream: number, ready: number): void {
    const { run } = this.#kernel;
    const used = Math.min(ready, to - from);
    run.mix(at + from, stream, used);
    if (from + used < to)
      run.counter(this.#key, at + from + used, to - from - used, iv[0], iv[1], iv[2], (iv[3] + (used >>> 4)) | 0);
  }

  #f8(at: number, from: number, to: number, iv: Int32Array): void {
    const { words, run } = this.#kernel;
    for (let i = 0; i < 4; i++) words[(BLOCK_AT >>> 2) + i] = swap(iv[i]);
    run.f8(this.#key, this.#memory.mask, at + from, to - from);
  }
}

function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** FIPS 197 section 5.2, on words as a little-endian machine reads them; then into the kernel's form. */
function expand(kernel: Kernel, at: number, key: Uint8Array): void {
  const n = key.length >>> 2;
  if (key.length !== 16 && key.length !== 24 && key.length !== 32)
    throw new RangeError(`key must have 16, 24 or 32 bytes, has ${key.length}`);
  const { bytes, words, run } = kernel;
  words[at >>> 2] = n + 6;
  bytes.set(key, at + ROUND_KEYS);
  const first = (at + ROUND_KEYS) >>> 2;
  for (let i = n, rcon = 1; i < 4 * (n + 7); i++) {
    let temp = words[first + i - 1];
    if (i % n === 0) {
      temp = run.substitute((temp >>> 8) | (temp << 24)) ^ rcon;
      rcon = (rcon << 1) ^ (rcon & 0x80 ? 0x11b : 0);
    } else if (n > 6 && i % n === 4) temp = run.substitute(temp);
    words[first + i] = words[first + i - n] ^ temp;
  }
  run.prepare(at);
}

/** HMAC's two midstates (RFC 2104); `key` of at most 64 bytes, as SRTP's are. */
function midstates(kernel: Kernel, at: number, key: Uint8Array): void {
  if (key.length > 64) throw new RangeError(`authKey has at most 64 bytes, has ${key.length}`);
  const { bytes, words, run } = kernel;
  for (const [offset, pad] of [
    [INNER, 0x36],
    [OUTER, 0x5c],
  ]) {
    bytes.fill(pad, MESSAGE_AT, MESSAGE_AT + 64);
    for (let i = 0; i < key.length; i++) bytes[MESSAGE_AT + i] ^= key[i];
    words.set([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0], 0);
    run.compress(MESSAGE_AT, 1);
    words.copyWithin((at + offset) >>> 2, 0, 5);
  }
}
