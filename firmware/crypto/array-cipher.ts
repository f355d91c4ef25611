// A packet cipher in plain JavaScript on typed arrays, for processors and programs without WebAssembly's vectors.

import { Aes } from "./aes.js";
import { Ghash } from "./ghash.js";
import { HmacSha1 } from "./hmac-sha1.js";
import type { PacketCipher, PacketCipherMode, PacketKeys } from "./packet-cipher.js";

const empty = new Uint8Array(0);

/** {@link PacketCipher} with AES by tables (docs/decisions.md on their timing). */
export class ArrayCipher implements PacketCipher {
  readonly #mode: PacketCipherMode;
  readonly #aes: Aes | undefined;
  readonly #masked: Aes | undefined;
  readonly #mac: HmacSha1 | undefined;
  readonly #hash: Ghash | undefined;
  readonly #tag = new Uint8Array(16);
  readonly #s = new Uint8Array(16);
  #stream = empty;
  #entryBytes = 0;
  #wiped = false;

  /** @throws RangeError when a key has an impossible length. */
  constructor(keys: PacketKeys) {
    this.#mode = keys.mode;
    if (keys.mode !== "null") this.#aes = new Aes(keys.key);
    if (keys.mode === "f8") this.#masked = new Aes(keys.maskedKey ?? empty);
    if (keys.mode === "gcm") this.#hash = new Ghash(this.#aes!);
    else this.#mac = new HmacSha1(keys.authKey ?? empty);
  }

  seal(
    packet: Uint8Array,
    from: number,
    to: number,
    signed: number,
    iv: Int32Array,
    suffix: number,
    suffixed: boolean,
    entry: number,
    tagAt: number,
    tagBytes: number,
  ): void {
    this.#crypt(packet, from, to, iv, entry);
    if (this.#mode === "gcm") {
      this.#gcmTag(packet, from, to, iv, suffixed ? suffix >>> 0 : -1);
      for (let i = 0; i < tagBytes; i++) packet[tagAt + i] = this.#tag[i];
    } else if (tagBytes > 0) {
      this.#mac!.compute(packet, 0, signed, suffixed ? suffix >>> 0 : -1);
      this.#mac!.writeTag(packet, tagAt, tagBytes);
    }
  }

  open(
    packet: Uint8Array,
    from: number,
    to: number,
    signed: number,
    iv: Int32Array,
    suffix: number,
    suffixed: boolean,
    entry: number,
    tagAt: number,
    tagBytes: number,
  ): boolean {
    if (this.#mode === "gcm") {
      this.#gcmTag(packet, from, to, iv, suffixed ? suffix >>> 0 : -1);
      let difference = 0;
      for (let i = 0; i < tagBytes; i++) difference |= this.#tag[i] ^ packet[tagAt + i];
      if (difference !== 0) return false;
    } else if (tagBytes > 0) {
      this.#mac!.compute(packet, 0, signed, suffixed ? suffix >>> 0 : -1);
      if (!this.#mac!.matches(packet, tagAt, tagBytes)) return false;
    }
    this.#crypt(packet, from, to, iv, entry);
    return true;
  }

  keystreamInto(out: Uint8Array, iv: Int32Array): void {
    out.fill(0);
    this.#usable().counterXor(out, 0, out.length, iv[0], iv[1], iv[2], iv[3]);
  }

  reserve(entries: number, bytes: number): void {
    this.#stream.fill(0);
    this.#stream = new Uint8Array(entries * bytes);
    this.#entryBytes = bytes;
  }

  precompute(entry: number, iv: Int32Array): void {
    const at = entry * this.#entryBytes;
    const end = at + this.#entryBytes;
    this.#stream.fill(0, at, end);
    this.#usable().counterXor(this.#stream, at, end, iv[0], iv[1], iv[2], this.#mode === "gcm" ? 2 : iv[3]);
  }

  wipe(): void {
    this.#wiped = true;
    this.#aes?.wipe();
    this.#masked?.wipe();
    this.#mac?.wipe();
    this.#hash?.wipe();
    this.#tag.fill(0);
    this.#s.fill(0);
    this.#stream.fill(0);
  }

  #usable(): Aes {
    if (this.#wiped) throw new Error("the cipher was wiped");
    return this.#aes!;
  }

  #crypt(packet: Uint8Array, from: number, to: number, iv: Int32Array, entry: number): void {
    const aes = this.#usable();
    if (this.#mode === "null") return;
    if (this.#mode === "f8") return this.#f8(packet, from, to, iv);
    let ready = 0;
    if (entry >= 0) {
      ready = Math.min(this.#entryBytes, to - from);
      const stream = this.#stream;
      const at = entry * this.#entryBytes;
      for (let i = 0; i < ready; i++) packet[from + i] ^= stream[at + i];
    }
    const first = this.#mode === "gcm" ? 2 : iv[3];
    aes.counterXor(packet, from + ready, to, iv[0], iv[1], iv[2], (first + (ready >>> 4)) | 0);
  }

  /** RFC 3711 section 4.1.2.2: S(j) = E(k, IV' ^ j ^ S(j - 1)), IV' = E(k ^ m, IV). */
  #f8(packet: Uint8Array, from: number, to: number, iv: Int32Array): void {
    const start = this.#tag;
    const s = this.#s;
    start.fill(0);
    this.#masked!.counterXor(start, 0, 16, iv[0], iv[1], iv[2], iv[3]);
    s.fill(0);
    for (let at = from, j = 0; at < to; at += 16, j++) {
      for (let i = 0; i < 16; i++) s[i] ^= start[i];
      s[12] ^= j >>> 24;
      s[13] ^= j >>> 16;
      s[14] ^= j >>> 8;
      s[15] ^= j;
      this.#aes!.encryptBlockInto(s, 0, s, 0);
      const count = Math.min(16, to - at);
      for (let i = 0; i < count; i++) packet[at + i] ^= s[i];
    }
    start.fill(0);
    s.fill(0);
  }

  #gcmTag(packet: Uint8Array, from: number, to: number, iv: Int32Array, suffix: number): void {
    const hash = this.#hash!;
    hash.start();
    hash.absorb(packet, 0, from, suffix);
    hash.absorb(packet, from, to, -1);
    hash.finishInto(this.#tag, from + (suffix < 0 ? 0 : 4), to - from);
    this.#usable().counterXor(this.#tag, 0, 16, iv[0], iv[1], iv[2], 1);
  }
}
