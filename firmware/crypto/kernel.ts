// The packet kernel: AES, SHA-1 and GCM in WebAssembly with vectors (toolchain/kernel/), one instance and its memory per thread.

import { kernelCode } from "./kernel-code.js";
import { instantiate } from "./web-assembly.js";

/** Functions of the module; every argument is an address or a 32-bit number. */
interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  substitute(word: number): number;
  prepare(key: number): void;
  block(key: number, at: number): void;
  compress(data: number, blocks: number): void;
  hashKey(key: number): void;
  counter(key: number, at: number, length: number, c0: number, c1: number, c2: number, c3: number): void;
  mix(data: number, stream: number, length: number): void;
  f8(key: number, mask: number, data: number, length: number): void;
  seal(...words: number[]): void;
  open(...words: number[]): number;
  sealGcm(...words: number[]): void;
  openGcm(...words: number[]): number;
}

// Addresses, as in toolchain/kernel/layout.mjs.
/** Short-lived blocks: the IV of f8, the hash key to split. */
export const BLOCK_AT = 448;
/** One message block to compress, and the state. */
export const MESSAGE_AT = 512;
/** Result of the last HMAC or GCM tag. */
export const DIGEST_AT = 384;
/** Packets of up to {@link SMALL_BYTES} lie here; payloads behind a 12-byte header are then aligned. */
const SMALL_AT = 1028;
/** Longest packet with its trailer that needs no memory of its own. */
export const SMALL_BYTES = 4096;
/** Padding that HMAC writes behind a packet. */
const PADDING = 128;
const HEAP_AT = 8192;
const PAGE = 65536;
/** Bytes of a key: schedule, midstates or hash key. */
export const KEY_BYTES = 704;

/** The kernel's instance with its memory. Views change when the memory grows: read them anew for each packet. */
export class Kernel {
  readonly run: KernelExports;
  /** All memory as bytes and as words. */
  bytes: Uint8Array;
  words: Int32Array;
  /** View of the first n bytes of the small packet, by n. */
  #small: (Uint8Array | undefined)[] = [];
  #next = HEAP_AT;
  readonly #free = new Map<number, number[]>();
  #largeAt = 0;
  #largeBytes = 0;

  private constructor(run: KernelExports) {
    this.run = run;
    this.bytes = new Uint8Array(run.memory.buffer);
    this.words = new Int32Array(run.memory.buffer);
  }

  /** The kernel; undefined where this processor or program has no WebAssembly with vectors. */
  static load(): Kernel | undefined {
    const run = instantiate(kernelCode);
    return run && new Kernel(run as KernelExports);
  }

  #grow(bytes: number): void {
    const { memory } = this.run;
    const missing = bytes - memory.buffer.byteLength;
    if (missing <= 0) return;
    memory.grow(Math.ceil(missing / PAGE));
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.#small = [];
  }

  /** Zeroed memory of `bytes` (a multiple of 16). @throws RangeError when the machine has no more. */
  allocate(bytes: number): number {
    const known = this.#free.get(bytes)?.pop();
    if (known !== undefined) return known;
    const at = this.#next;
    this.#grow(at + bytes);
    this.#next = at + bytes;
    return at;
  }

  /** Zeroes memory and takes it back. */
  release(at: number, bytes: number): void {
    this.bytes.fill(0, at, at + bytes);
    const list = this.#free.get(bytes);
    if (list) list.push(at);
    else this.#free.set(bytes, [at]);
  }

  /** Brings `packet[0, length)` into the kernel, with room for padding. @returns its address */
  take(packet: Uint8Array, length: number): number {
    // The usual packet lies in a buffer of its own, little longer than itself: all of it is copied in one stroke.
    if (packet.length <= SMALL_BYTES) {
      this.bytes.set(packet, SMALL_AT);
      return SMALL_AT;
    }
    if (length <= SMALL_BYTES) {
      // A short packet in a long buffer: a view of it would be an object per packet.
      const { bytes } = this;
      for (let i = 0; i < length; i++) bytes[SMALL_AT + i] = packet[i];
      return SMALL_AT;
    }
    const at = this.#large(length);
    this.bytes.set(packet.subarray(0, length), at);
    return at;
  }

  /** Copies the first `length` bytes of the packet at `at` back. */
  give(packet: Uint8Array, at: number, length: number): void {
    if (at === SMALL_AT) packet.set((this.#small[length] ??= this.bytes.subarray(SMALL_AT, SMALL_AT + length)));
    else packet.set(this.bytes.subarray(at, at + length));
  }

  #large(length: number): number {
    const bytes = length + PADDING;
    if (this.#largeBytes < bytes) {
      if (this.#largeAt > 0) this.release(this.#largeAt, this.#largeBytes);
      // In powers of two, so that a few sizes are enough for ever.
      this.#largeBytes = 2 ** Math.ceil(Math.log2(bytes));
      this.#largeAt = this.allocate(this.#largeBytes);
    }
    return this.#largeAt;
  }

  /** Zeroes what packets and keys left in the shared working memory. */
  wipeScratch(): void {
    this.bytes.fill(0, 0, HEAP_AT);
    if (this.#largeAt > 0) this.bytes.fill(0, this.#largeAt, this.#largeAt + this.#largeBytes);
  }
}
