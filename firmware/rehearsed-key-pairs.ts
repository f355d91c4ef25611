// Diffie-Hellman key pairs of rehearsed calls, which nobody hears: the same few again and again, so that they cost next to nothing. Part of the composition root.

import { type DhGroupName, type DhKeyPair, dhKeyPairFrom } from "./crypto/dh.js";
import type { KeyPairPool } from "./keying/index.js";

/** Bytes of a private value. A short one is quick to compute with, and as good a rehearsal. */
const PRIVATE_BYTES = 32;

/** Values of a group: both ends of a call take from here, and must not have the same. */
const RING = 4;

interface Values {
  readonly privateValue: Uint8Array;
  readonly publicValue: Uint8Array;
}

/** In place of a pool: a slow device would make pairs for longer than it rehearses, and still make them when the first real call comes. */
export class RehearsedKeyPairs implements Pick<KeyPairPool, "take"> {
  private readonly groups = new Map<DhGroupName, Values[]>();
  private taken = 0;

  /** @param random bytes from the operating system. */
  constructor(private readonly random: (length: number) => Uint8Array) {}

  /** A pair of its own each time, which its taker wipes. */
  take(group: DhGroupName): DhKeyPair {
    let ring = this.groups.get(group);
    if (!ring) {
      ring = Array.from({ length: RING }, () => this.values(group));
      this.groups.set(group, ring);
    }
    const { privateValue, publicValue } = ring[this.taken++ % RING];
    return dhKeyPairFrom(group, privateValue, publicValue);
  }

  private values(group: DhGroupName): Values {
    const privateValue = new Uint8Array(this.random(PRIVATE_BYTES));
    return { privateValue, publicValue: dhKeyPairFrom(group, privateValue).publicValue };
  }

  /** Wipes them. */
  close(): void {
    for (const { privateValue } of [...this.groups.values()].flat()) privateValue.fill(0);
    this.groups.clear();
  }
}
