// What the four transaction machines share: their surroundings, and timers that die with them.

import type { Timer, Timers } from "../../runtime/timers.js";
import type { SipMessage } from "../grammar/message.js";
import type { SipTiming } from "./timing.js";

/** The world around a transaction: time, and a way to send. No sockets, no clocks. */
export interface Surroundings {
  readonly timers: Timers;
  readonly timing: SipTiming;
  /** True for TCP and TLS: no retransmissions, timers D, I, J, K are zero. */
  readonly reliable: boolean;
  /** The connection the last message went over. */
  connection?: number;
  /** Sends to the transaction's peer. `failed` may be called later. */
  send(message: SipMessage, failed: (error: Error) => void): void;
}

/** Timers by letter; all stop when the transaction ends. */
export abstract class Machine<State extends string> {
  private readonly running = new Map<string, Timer>();
  private current: State;

  constructor(
    protected readonly around: Surroundings,
    initial: State,
    private readonly terminated: State,
    private readonly onTerminated: () => void,
  ) {
    this.current = initial;
  }

  /** The connection its last message went over; undefined over UDP. */
  get connection(): number | undefined {
    return this.around.connection;
  }

  get state(): State {
    return this.current;
  }
  protected move(state: State): void {
    this.current = state;
  }
  protected startTimer(letter: string, delayMs: number, fire: () => void): void {
    this.stopTimer(letter);
    this.running.set(
      letter,
      this.around.timers.after(delayMs, () => {
        this.running.delete(letter);
        fire();
      }),
    );
  }
  protected stopTimer(letter: string): void {
    this.running.get(letter)?.cancel();
    this.running.delete(letter);
  }
  /** Enters the terminated state: every timer stops and the owner forgets the transaction. Idempotent. */
  terminate(): void {
    if (this.current === this.terminated) return;
    this.current = this.terminated;
    for (const timer of this.running.values()) timer.cancel();
    this.running.clear();
    this.onTerminated();
  }
}
