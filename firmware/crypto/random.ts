// Random bytes in small portions: node's generator is asked for many at once, for a call of it costs more than the bytes.

import { randomFillSync } from "node:crypto";

const POOL_BYTES = 4096;

/**
 * A source of bytes fit for keys; it throws RangeError for a length that is none. Each byte is handed out once, in arrays of their own, and leaves no copy behind.
 *
 * @example
 * const random = pooledRandom();
 * const key = random(32);
 */
export function pooledRandom(): (length: number) => Uint8Array {
  const pool = new Uint8Array(POOL_BYTES);
  let at = POOL_BYTES;
  return (length) => {
    if (!Number.isInteger(length) || length < 0) throw new RangeError(`a number of bytes is asked for, not ${length}`);
    if (length > POOL_BYTES / 8) return randomFillSync(new Uint8Array(length));
    if (at + length > POOL_BYTES) {
      randomFillSync(pool);
      at = 0;
    }
    const out = pool.slice(at, at + length);
    pool.fill(0, at, at + length);
    at += length;
    return out;
  };
}
