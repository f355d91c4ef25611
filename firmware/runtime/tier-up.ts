// When V8 optimises a function: sooner than usual while the phone rehearses.

import { setFlagsFromString } from "node:v8";

/**
 * Bytes of bytecode that a function runs through between two looks at whether it is worth optimising: V8's own number, and ours. By its own a function
 * that runs a few times in a call is looked at after hundreds of calls.
 */
const USUAL_BYTES = 66 * 1024;
const SOONER_BYTES = 4000;

let isSooner = false;

function lookAfter(bytes: number): void {
  setFlagsFromString(`--interrupt-budget=${bytes}`);
}

/**
 * From now on V8 optimises functions that have run some dozens of times, on all threads of the process; without it it takes thousands. What runs
 * meanwhile ought to be what has to be fast later. For one at a time.
 * @returns ends it: what has been optimised stays so.
 */
export function optimiseSooner(): () => void {
  isSooner = true;
  lookAfter(SOONER_BYTES);
  return () => {
    isSooner = false;
    lookAfter(USUAL_BYTES);
  };
}

/** Does something under V8's own options meanwhile: compiled code that is kept is taken by an engine with the same options only. */
export function withUsualOptions<T>(run: () => T): T {
  if (!isSooner) return run();
  lookAfter(USUAL_BYTES);
  try {
    return run();
  } finally {
    lookAfter(SOONER_BYTES);
  }
}
