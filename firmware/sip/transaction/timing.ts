// The timer values of RFC 3261 table 4 and RFC 6026, in milliseconds.

/** T1, T2, T4 and what is not derived from them. */
export interface SipTiming {
  /** Round-trip estimate. */
  readonly t1: number;
  /** Longest interval between retransmissions of non-INVITE requests and INVITE responses. */
  readonly t2: number;
  /** How long a message may stay in the network. */
  readonly t4: number;
  /** Timer D: at least 32 s on unreliable transports. */
  readonly timerD: number;
  /** When a 100 is sent if the user of the transaction has said nothing (section 17.2.1). */
  readonly trying: number;
}

export const defaultTiming: SipTiming = { t1: 500, t2: 4000, t4: 5000, timerD: 32000, trying: 200 };

/** 64 * T1: timers B, F, H, J, L, M. */
export function longWait(timing: SipTiming): number {
  return 64 * timing.t1;
}

/** How long it takes until timer E of a client has grown to T2: 3.5 s. */
export function untilT2({ t1, t2 }: SipTiming): number {
  let passed = 0;
  for (let interval = t1; interval < t2; interval *= 2) passed += interval;
  return passed;
}
