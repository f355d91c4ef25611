// Reading and writing network byte order: a reader that remembers its first failure instead of throwing.

import type { InputError } from "../runtime/result.js";

const empty = new Uint8Array(0);
/** Up to this many bytes are copied one by one. */
const FEW = 32;

/** Told of a field: its name, its first byte and how many bytes it has. */
export type FieldObserver = (name: string, offset: number, length: number) => void;

/**
 * Reads from bytes of the network. After the first failure (running off the end, or {@link fail}) every further read
 * gives zero or nothing; the caller looks at {@link failure} once it has read a whole piece.
 */
export class ByteReader {
  failure: InputError | undefined;

  /**
   * Reads `bytes` from `offset` up to, not including, `end`. Offsets in errors count from the start of `bytes`.
   * @param observe told of every field read: its name, where it is and how many bytes it has.
   */
  constructor(
    readonly bytes: Uint8Array,
    public offset = 0,
    readonly end = bytes.length,
    readonly observe?: FieldObserver,
  ) {}

  /** Bytes not yet read. */
  get remaining(): number {
    return this.end - this.offset;
  }
  /** Records the first failure; later ones are consequences of it. */
  fail(code: string, text: string, offset = this.offset): void {
    this.failure ??= { code, text, offset };
  }
  u8(what: string): number {
    if (!this.need(1, what)) return 0;
    this.observe?.(what, this.offset, 1);
    return this.bytes[this.offset++];
  }
  u16(what: string): number {
    if (!this.need(2, what)) return 0;
    this.observe?.(what, this.offset, 2);
    const at = (this.offset += 2) - 2;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }
  u32(what: string): number {
    if (!this.need(4, what)) return 0;
    this.observe?.(what, this.offset, 4);
    const at = (this.offset += 4) - 4;
    const { bytes } = this;
    return bytes[at] * 0x1000000 + ((bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
  }
  /** Passes over bytes that a reader of their own looks into. */
  skip(length: number, what: string): void {
    if (this.need(length, what)) this.offset += length;
  }
  /** A copy of the next `length` bytes: it outlives the datagram and can be wiped on its own. */
  take(length: number, what: string): Uint8Array {
    if (!this.need(length, what)) return empty;
    if (length === 0) return empty;
    this.observe?.(what, this.offset, length);
    const { bytes } = this;
    const at = (this.offset += length) - length;
    const out = new Uint8Array(length);
    // A view of the bytes costs more than copying a few of them one by one.
    if (length <= FEW) for (let i = 0; i < length; i++) out[i] = bytes[at + i];
    else out.set(bytes.subarray(at, at + length));
    return out;
  }

  private need(length: number, what: string): boolean {
    if (this.failure) return false;
    if (this.remaining >= length) return true;
    this.fail("truncated", `${what} needs ${length} bytes, ${this.remaining} are left`);
    return false;
  }
}

/** Storage that waits for the next writer: new memory for each message would cost more than the message. Holds zeros. */
let spare: Uint8Array | undefined;
/** Larger storage is let go. */
const SPARE_BYTES = 16_384;

/** Builds a message; its storage doubles as needed. */
export class ByteWriter {
  private store: Uint8Array;
  private used = 0;

  constructor() {
    this.store = spare ?? new Uint8Array(1024);
    spare = undefined;
  }

  get length(): number {
    return this.used;
  }
  u8(value: number): this {
    this.room(1)[this.used++] = value;
    return this;
  }
  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }
  u32(value: number): this {
    return this.u16(value >>> 16).u16(value);
  }
  put(bytes: Uint8Array): this {
    const { length } = bytes;
    const store = this.room(length);
    if (length <= FEW) for (let i = 0; i < length; i++) store[this.used + i] = bytes[i];
    else store.set(bytes, this.used);
    this.used += length;
    return this;
  }
  /** The bytes written, as a copy of their own, once; the writer's storage is zeroed, it may have held keys. */
  finish(): Uint8Array {
    const { store } = this;
    const done = store.slice(0, this.used);
    store.fill(0, 0, this.used);
    if (store.length <= SPARE_BYTES) spare = store;
    this.store = empty;
    this.used = 0;
    return done;
  }

  private room(more: number): Uint8Array {
    if (this.used + more > this.store.length) {
      const larger = new Uint8Array(Math.max(this.store.length * 2, this.used + more));
      larger.set(this.store.subarray(0, this.used));
      this.store.fill(0);
      this.store = larger;
    }
    return this.store;
  }
}

/** Throws a RangeError unless `value` is a whole number from 0 to `max`: a field would silently be cut otherwise. */
export function requireField(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`${name} must be a whole number from 0 to ${max}, not ${value}`);
}

/** A copy with memory of its own. (`slice` of a node Buffer is a view of it: wiping one would wipe the other.) */
export function copy(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  const out = new Uint8Array(length);
  if (length <= FEW) for (let i = 0; i < length; i++) out[i] = bytes[i];
  else out.set(bytes);
  return out;
}

/** Equality of public byte strings (not constant-time: never for MACs or keys). */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
