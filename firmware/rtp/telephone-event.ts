// telephone-event payloads (RFC 4733): DTMF digits as event codes, and the four bytes that report one.

/** Digits in the order of their event codes, RFC 4733 section 3.2. */
const DIGITS = "0123456789*#ABCD";

/** Bytes of one event report. */
export const EVENT_BYTES = 4;
/** The longest duration one report can state, clock ticks; longer events are split (RFC 4733 section 2.5.1.3). */
export const MAX_EVENT_DURATION = 0xffff;

/** Event code of a DTMF digit (0-9, *, #, A-D in either case); undefined for anything else. */
export function eventOfDigit(digit: string): number | undefined {
  const code = digit.length === 1 ? DIGITS.indexOf(digit.toUpperCase()) : -1;
  return code < 0 ? undefined : code;
}

/** DTMF digit of an event code 0-15; undefined for other events. */
export function digitOfEvent(event: number): string | undefined {
  return DIGITS[event];
}

/**
 * Writes one event report (RFC 4733 section 2.3).
 *
 * @param event 0-255
 * @param end the event is over
 * @param volume power without its sign, 0-63 dBm0
 * @param duration clock ticks, 1-65535
 */
export function writeEventInto(
  out: Uint8Array,
  offset: number,
  event: number,
  end: boolean,
  volume: number,
  duration: number,
): void {
  out[offset] = event;
  out[offset + 1] = (end ? 0x80 : 0) | (volume & 0x3f);
  out[offset + 2] = duration >> 8;
  out[offset + 3] = duration;
}
