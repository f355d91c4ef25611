// DTMF digits of a keypad: what may be sent, and how long.

/** The sixteen DTMF signals in the order of their RFC 4733 event codes (section 3.2, table 3). */
const digits = "0123456789*#ABCD";

/** @throws RangeError for something that is no DTMF digit, or a duration outside 40-6000 ms. */
export function checkDigit(digit: string, durationMs: number): void {
  if (digit.length !== 1 || !digits.includes(digit))
    throw new RangeError(`digit must be one of ${digits}, got "${digit}"`);
  if (!(durationMs >= 40 && durationMs <= 6000))
    throw new RangeError(`durationMs must be from 40 to 6000, got ${durationMs}`);
}
