// A telephone that plays no calls to itself has only its real ones to be compiled by. Part of the composition root.

import { optimiseSooner, watchClosely } from "./runtime/index.js";

/** Calls after which what has run is what calls consist of, and calls after which that has been optimised. */
const SOON = 60;
const ENOUGH = 320;

/**
 * Has V8 optimise what this telephone's calls run sooner than it would by itself: some hundreds of calls are much for a telephone, and little for V8.
 * @returns to be called at the end of each call.
 */
export function learnFromCalls(): () => void {
  let calls = 0;
  let asUsual: (() => void) | undefined;
  watchClosely();
  return () => {
    calls++;
    if (calls === SOON) asUsual = optimiseSooner();
    if (calls === ENOUGH) asUsual?.();
  };
}
