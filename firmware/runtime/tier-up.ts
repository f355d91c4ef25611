// When V8 optimises a function: sooner than usual while the phone rehearses.

import { setFlagsFromString } from "node:v8";

/**
 * V8 looks at a function whenever it has run through so many bytes of bytecode, and optimises it at the look whose number is `looks` and one more
 * for each `bytesPerLook` of its length; one of at most `short` bytes at the first. It counts anew when what is known of a function's values changes, and
 * then waits for `settled` runs at least.
 */
interface Watch {
  readonly bytes: number;
  readonly looks: number;
  readonly bytesPerLook: number;
  readonly short: number;
  readonly settled: number;
}

/** V8's own numbers: a function that runs a few times in a call is optimised after hundreds of calls. */
const USUAL: Watch = { bytes: 66 * 1024, looks: 3, bytesPerLook: 150, short: 81, settled: 500 };
/**
 * Looked at more often, and optimised as late as usual. How far away a function's next look is was settled at the one before: who wants to have
 * functions optimised sooner has to have them watched from the first.
 */
const CLOSELY: Watch = { bytes: 4000, looks: 50, bytesPerLook: 9, short: 0, settled: 500 };
/** Some dozens of runs are enough. */
const SOONER: Watch = { bytes: 4000, looks: 3, bytesPerLook: 150, short: 81, settled: 20 };

/** Whether this engine is of the line (Node 20's) whose numbers these are: later ones decide otherwise, and are left to it. */
export const canTune = process.versions.v8.startsWith("11.");

let watch = USUAL;

function apply({ bytes, looks, bytesPerLook, short, settled }: Watch): void {
  if (!canTune) return;
  setFlagsFromString(`--interrupt-budget=${bytes}`);
  setFlagsFromString(`--ticks-before-optimization=${looks}`);
  setFlagsFromString(`--bytecode-size-allowance-per-tick=${bytesPerLook}`);
  setFlagsFromString(`--max-bytecode-size-for-early-opt=${short}`);
  setFlagsFromString(`--minimum-invocations-after-ic-update=${settled}`);
}

function set(wanted: Watch): void {
  watch = wanted;
  apply(wanted);
}

/**
 * Has V8 count closely how often functions run, on all threads of the process, so that they can be optimised sooner later on. It stays so: functions
 * have been looked at often enough by then for V8's own numbers, which would have all of them optimised at once.
 */
export function watchClosely(): void {
  set(CLOSELY);
}

/**
 * From now on V8 optimises what has run some dozens of times, counted since {@link watchClosely}: what runs meanwhile ought to be what has to be fast
 * later. For one at a time.
 * @returns ends it: what has been optimised stays so.
 */
export function optimiseSooner(): () => void {
  set(SOONER);
  return () => set(CLOSELY);
}

/** Does something under V8's own options meanwhile: compiled code that is kept is taken by an engine with the same options only. */
export function withUsualOptions<T>(run: () => T): T {
  if (watch === USUAL) return run();
  apply(USUAL);
  try {
    return run();
  } finally {
    apply(watch);
  }
}
