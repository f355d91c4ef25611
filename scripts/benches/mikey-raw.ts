// The public-key operations inside MIKEY's exchanges, timed where they happen: node:crypto's functions, while the meter runs.

import crypto, { DiffieHellman } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/** What is timed: RSA (2048 bits in this benchmark) and Diffie-Hellman (OAKLEY 5). */
export const rawOperations = ["sign", "verify", "encrypt", "decrypt", "pair", "secret"] as const;
export type RawOperation = (typeof rawOperations)[number];

/** Ms of each operation since the meter was last read, in their order. */
export type RawTimes = Readonly<Record<RawOperation, readonly number[]>>;

type Work = (this: unknown, ...given: unknown[]) => unknown;

/** Where each operation is called. */
const places: Readonly<Record<RawOperation, readonly [owner: object, name: string]>> = {
  sign: [crypto, "sign"],
  verify: [crypto, "verify"],
  encrypt: [crypto, "publicEncrypt"],
  decrypt: [crypto, "privateDecrypt"],
  pair: [DiffieHellman.prototype, "generateKeys"],
  secret: [DiffieHellman.prototype, "computeSecret"],
};

/**
 * Times the operations while it runs. Those on node's thread pool (signatures) count from the call until their callback is called, as
 * whoever waits for them sees it; what OpenSSL is given and gives back is made and read outside.
 */
export class RawMeter {
  private times = empty();
  private readonly originals = new Map<RawOperation, Work>();

  start(): void {
    for (const name of rawOperations) {
      const [owner, member] = places[name];
      const original = Reflect.get(owner, member) as Work;
      this.originals.set(name, original);
      const note = (since: number) => this.times[name].push(performance.now() - since);
      Reflect.set(owner, member, function (this: unknown, ...given: unknown[]) {
        const before = performance.now();
        const callback = given.at(-1);
        if (typeof callback !== "function") {
          const value = original.apply(this, given);
          note(before);
          return value;
        }
        const heard = (...results: unknown[]) => {
          note(before);
          callback(...results);
        };
        return original.apply(this, [...given.slice(0, -1), heard]);
      } satisfies Work);
    }
    syncBuiltinESMExports();
  }

  /** What was timed since the last call. */
  take(): RawTimes {
    const { times } = this;
    this.times = empty();
    return times;
  }

  stop(): void {
    for (const [name, original] of this.originals) Reflect.set(places[name][0], places[name][1], original);
    this.originals.clear();
    syncBuiltinESMExports();
  }
}

function empty(): Record<RawOperation, number[]> {
  return { sign: [], verify: [], encrypt: [], decrypt: [], pair: [], secret: [] };
}

/** All of it together, ms. */
export function sumOf(times: RawTimes): number {
  return rawOperations.reduce((sum, name) => times[name].reduce((all, one) => all + one, sum), 0);
}
