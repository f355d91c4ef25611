// What may be sent as a DTMF digit.

import { eventOfDigit } from "../rtp/index.js";

/** @throws RangeError for something that is no DTMF digit, or a duration outside 40-6000 ms. */
export function checkDigit(digit: string, durationMs: number): void {
  if (typeof digit !== "string" || eventOfDigit(digit) === undefined)
    throw new RangeError(`digit must be one of 0-9, *, #, A-D, got "${digit}"`);
  if (!(durationMs >= 40 && durationMs <= 6000))
    throw new RangeError(`durationMs must be from 40 to 6000, got ${durationMs}`);
}
