// Key material that cannot be printed by accident.

import { inspect } from "node:util";

/**
 * Holds secret bytes. Turning it into text, JSON or a debugger's view shows only its length; `wipe()` zeroes the bytes.
 */
export class Secret {
  #bytes: Uint8Array;

  /** Takes ownership of `bytes` (no copy is made). */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  /** The bytes themselves; empty after {@link wipe}. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }
  /** Zeroes the bytes and forgets them. */
  wipe(): void {
    this.#bytes.fill(0);
    this.#bytes = new Uint8Array(0);
  }
  toString(): string {
    return `[secret, ${this.#bytes.length} bytes]`;
  }
  toJSON(): string {
    return this.toString();
  }
  [inspect.custom](): string {
    return this.toString();
  }
}
