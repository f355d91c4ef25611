// A packet cipher in plain JavaScript on typed arrays, for processors and programs without WebAssembly's vectors.

import { Aes } from "./aes.js";
import { Ghash } from "./ghash.js";
import { HmacSha1 } from "./hmac-sha1.js";
import type { PacketCipher, PacketCipherMode, PacketKeys, PacketLayout } from "./packet-cipher.js";

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
  readonly #counter = new Int32Array(4);
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

  seal(packet: Uint8Array, layout: PacketLayout): void {
    this.#crypt(packet, layout);
    const { tagAt, tagBytes } = layout;
    if (this.#mode === "gcm") {
      this.#gcmTag(packet, layout);
      for (let i = 0; i < tagBytes; i++) packet[tagAt + i] = this.#tag[i];
    } else if (tagBytes > 0) {
      this.#mac!.compute(packet, 0, layout.signed, layout.suffixed ? layout.suffix : undefined);
      this.#mac!.writeTag(packet, tagAt, tagBytes);
    }
  }

  open(packet: Uint8Array, layout: PacketLayout): boolean {
    // Before the tag: wiped keys are keys that everybody knows.
    this.#usable();
    const { tagAt, tagBytes } = layout;
    if (this.#mode === "gcm") {
      this.#gcmTag(packet, layout);
      let difference = 0;
      for (let i = 0; i < tagBytes; i++) difference |= this.#tag[i] ^ packet[tagAt + i];
      if (difference !== 0) return false;
    } else if (tagBytes > 0) {
      this.#mac!.compute(packet, 0, layout.signed, layout.suffixed ? layout.suffix : undefined);
      if (!this.#mac!.matches(packet, tagAt, tagBytes)) return false;
    }
    this.#crypt(packet, layout);
    return true;
  }

  keystreamInto(out: Uint8Array, iv: Int32Array): void {
    out.fill(0);
    this.#usable().counterXor(out, 0, out.length, iv);
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
    this.#usable().counterXor(this.#stream, at, end, this.#counterFrom(iv, 0));
  }

  wipe(): void {
    this.#wiped = true;
    this.#aes?.wipe();
    this.#masked?.wipe();
    this.#mac?.wipe();
    this.#hash?.wipe();
    this.#tag.fill(0);
    this.#s.fill(0);
    this.#counter.fill(0);
    this.#stream.fill(0);
  }

  #usable(): Aes {
    if (this.#wiped) throw new Error("the cipher was wiped");
    return this.#aes!;
  }

  #crypt(packet: Uint8Array, { from, to, iv, entry }: PacketLayout): void {
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
    aes.counterXor(packet, from + ready, to, this.#counterFrom(iv, ready >>> 4));
  }

  /** The counter block of a packet's keystream, `blocks` after the first; GCM's own first one masks the tag. */
  #counterFrom(iv: Int32Array, blocks: number): Int32Array {
    const counter = this.#counter;
    counter.set(iv);
    if (this.#mode === "gcm") counter[3] = 2;
    counter[3] += blocks;
    return counter;
  }

  /** RFC 3711 section 4.1.2.2: S(j) = E(k, IV' ^ j ^ S(j - 1)), IV' = E(k ^ m, IV). */
  #f8(packet: Uint8Array, from: number, to: number, iv: Int32Array): void {
    const start = this.#tag;
    const s = this.#s;
    start.fill(0);
    this.#masked!.counterXor(start, 0, 16, iv);
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

  #gcmTag(packet: Uint8Array, { from, to, iv, suffix, suffixed }: PacketLayout): void {
    const hash = this.#hash!;
    hash.start();
    hash.absorb(packet, 0, from, suffixed ? suffix : undefined);
    hash.absorb(packet, from, to);
    hash.finishInto(this.#tag, from + (suffixed ? 4 : 0), to - from);
    const counter = this.#counter;
    counter.set(iv);
    counter[3] = 1;
    this.#usable().counterXor(this.#tag, 0, 16, counter);
  }
}
