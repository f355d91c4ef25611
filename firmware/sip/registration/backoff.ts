// How long to wait before a flow is tried again (RFC 5626 section 4.5).

/** Times of RFC 5626 section 4.5, seconds. */
export interface BackoffTimes {
  /** Longest wait. */
  readonly maxS: number;
  /** First step while no flow of the account works. */
  readonly baseAllFailedS: number;
  /** First step while another flow works. */
  readonly baseNotFailedS: number;
}

export const defaultBackoff: BackoffTimes = { maxS: 1800, baseAllFailedS: 30, baseNotFailedS: 90 };

/**
 * Milliseconds to wait.
 * @param failures consecutive ones, this one not counted.
 * @param fraction 0 to 1, random: phones that lost the same server must not come back at the same moment.
 */
export function backoffMs(times: BackoffTimes, failures: number, othersWork: boolean, fraction: number): number {
  const base = othersWork ? times.baseNotFailedS : times.baseAllFailedS;
  const upper = Math.min(times.maxS, base * 2 ** Math.min(failures, 20));
  return upper * 1000 * (0.5 + fraction / 2);
}
