// When V8 optimises a function: sooner than usual while the phone rehearses.

import { setFlagsFromString } from "node:v8";

/**
 * Bytes of bytecode that a function runs through between two looks at whether it is worth optimising: V8's own number, and ours. By its own a function
 * that runs a few times in a call is looked at after hundreds of calls.
 */
const USUAL_BYTES = 66 * 1024;
const SOONER_BYTES = 4000;

/**
 * From now on V8 optimises functions that have run some dozens of times, on all threads of the process; without it it takes thousands. What runs
 * meanwhile ought to be what has to be fast later.
 * @returns ends it: what has been optimised stays so.
 */
export function optimiseSooner(): () => void {
  setFlagsFromString(`--interrupt-budget=${SOONER_BYTES}`);
  return () => setFlagsFromString(`--interrupt-budget=${USUAL_BYTES}`);
}
