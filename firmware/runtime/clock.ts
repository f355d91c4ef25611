// Time as the firmware sees it: monotonic milliseconds for intervals, NTP-UTC for protocols.

/** Seconds between 1900-01-01 (NTP era 0) and 1970-01-01 (Unix), RFC 5905 section 6. */
const NTP_UNIX_OFFSET_S = 2_208_988_800;

/** A source of time. State machines take one as an argument so that tests own time. */
export interface Clock {
  /** Monotonic milliseconds, fractional; only differences mean something. Shared by all processes of one machine. */
  now(): number;
  /** Wall-clock milliseconds since 1970-01-01T00:00Z, fractional. */
  wallMs(): number;
}

/** The machine's clocks (CLOCK_MONOTONIC and the system's UTC). */
export const systemClock: Clock = {
  // The same for all threads and processes; unlike performance.now() it leaves no number on the heap where it is inlined.
  now: () => {
    const time = process.hrtime();
    return time[0] * 1000 + time[1] / 1e6;
  },
  wallMs: () => performance.timeOrigin + performance.now() + wallCorrection(),
};

let correction = 0;
let correctedAt = Number.NEGATIVE_INFINITY;

/** performance.timeOrigin never follows a stepped system clock; re-read the difference at most once a second. */
function wallCorrection(): number {
  const now = performance.now();
  if (now - correctedAt > 1000) {
    correctedAt = now;
    const difference = Date.now() - (performance.timeOrigin + now);
    correction = Math.abs(difference) < 2 ? 0 : difference;
  }
  return correction;
}

/**
 * Converts wall-clock milliseconds to a 64-bit NTP timestamp (seconds since 1900 in the upper 32 bits, fraction in the
 * lower 32), the form MIKEY's T payload and RTCP sender reports use (RFC 3830 section 6.6, RFC 3550 section 4).
 */
export function toNtp(wallMs: number): bigint {
  const seconds = Math.floor(wallMs / 1000);
  const fraction = Math.floor(((wallMs - seconds * 1000) / 1000) * 2 ** 32);
  return (BigInt((seconds + NTP_UNIX_OFFSET_S) % 2 ** 32) << 32n) | BigInt(fraction);
}

/** Converts a 64-bit NTP timestamp of era 0 to wall-clock milliseconds since 1970 (before 1970 it is negative). */
export function fromNtp(ntp: bigint): number {
  const seconds = Number(ntp >> 32n);
  const fraction = Number(ntp & 0xffffffffn);
  return (seconds - NTP_UNIX_OFFSET_S) * 1000 + (fraction / 2 ** 32) * 1000;
}
