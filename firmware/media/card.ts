// The sound card's life: opened when somebody needs sound, stopped and closed a while after nobody does, survived when it vanishes.

import type { AudioDevice, OpenAudio } from "../../drivers/contract.js";
import { type Clock, every, type Timer, type Timers } from "../runtime/index.js";
import type { ResolvedVoiceOptions } from "./options.js";

/** What the card drives and tells. */
export interface CardUser {
  /** The card was opened: samples will come at this rate, up to this many frames a period. */
  opened(rate: number, periodFrames: number): void;
  /** One period. Neither array may be kept; `play` must be filled. `audible` is false when there is no card to hear it from. */
  period(captured: Int16Array, play: Int16Array, audible: boolean): void;
  /** The card lost captured frames at the rate of `opened`; the stream of samples has a hole. */
  gap(frames: number): void;
  /** For the person and the log. */
  device(type: "lost" | "back" | "xrun", text: string): void;
}

/** Rate and period of the stand-in that runs while there is no card. */
const STANDIN_RATE = 8000;
const STANDIN_FRAMES = 160;
const STANDIN_MS = (STANDIN_FRAMES / STANDIN_RATE) * 1000;
/** Periods missed for longer than this are not made up for, ms. */
const MAX_CATCH_UP_MS = 200;
/** A started card that says nothing for so long has stalled. */
const STALL_MS = 200;

/**
 * Owns the sound card. While sound is wanted, periods come: from the card, or, when there is none (not yet open, unplugged, stalled), from a
 * timer with absolute deadlines, silent, so that calls live on.
 */
export class Card {
  /** Over- and under-runs since the phone started. */
  xruns = 0;
  private device: AudioDevice | undefined;
  private opening: Promise<void> | undefined;
  private wanted = false;
  private running = false;
  private closed = false;
  /** The driver said the card is gone and not yet that it is back. */
  private lost = false;
  /** The person was told that there is no card. */
  private missed = false;
  /** When the card last gave a period, or was started. */
  private lastPeriodMs = 0;
  /** Up to when the user has had periods or been told of a hole, by the card or its stand-in: no time is to be counted twice. */
  private coveredMs = 0;
  /** What the card and its stand-in both gave where one took over from the other; the next hole is shorter by it. */
  private overlapMs = 0;
  /** Since when sound is wanted. */
  private wantedMs = 0;
  private idle: Timer | undefined;
  private reopen: Timer | undefined;
  private watch: Timer | undefined;
  private standIn: Timer | undefined;
  private readonly silence = new Int16Array(STANDIN_FRAMES);
  private readonly unheard = new Int16Array(STANDIN_FRAMES);

  constructor(
    private open: OpenAudio,
    private readonly options: ResolvedVoiceOptions,
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly user: CardUser,
  ) {}

  /** Opens the card without starting it, so that a call that is about to begin finds it ready. */
  prepare(): void {
    if (this.closed || this.device) return;
    this.openDevice();
    if (!this.wanted) this.closeLater();
  }

  /** Moves to another card. While it is being opened periods come from the stand-in, so that calls go on. */
  use(open: OpenAudio): void {
    if (this.closed || open === this.open) return;
    this.open = open;
    this.reopen?.cancel();
    this.reopen = undefined;
    this.lost = this.missed = false;
    if (this.wanted) this.startStandIn();
    if (this.running) this.device?.stop();
    this.running = false;
    // One after the other: both names may lead to the same hardware.
    void this.closeDevice().then(() => {
      if (!this.closed && this.wanted && !this.device) this.openDevice();
    });
  }

  /** Sound is wanted, or no longer. */
  want(wanted: boolean): void {
    if (this.closed || wanted === this.wanted) return;
    this.wanted = wanted;
    this.idle?.cancel();
    this.idle = undefined;
    if (!wanted) {
      // What the card still holds is to be heard first.
      const waitMs = this.options.stopAfterMs + this.unplayedMs();
      if (waitMs === 0) this.stopDevice();
      else this.idle = this.timers.after(waitMs, () => this.stopDevice());
      return;
    }
    if (this.running) return;
    this.wantedMs = this.lastPeriodMs = this.coveredMs = this.clock.now();
    this.watch ??= every(this.timers, this.clock, STALL_MS / 2, () => this.look());
    if (this.device) this.startDevice();
    else {
      this.startStandIn();
      this.openDevice();
    }
  }

  /** Stops and closes for good. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.stopDevice();
    this.closed = true;
    this.idle?.cancel();
    this.reopen?.cancel();
    await this.opening;
    await this.closeDevice();
  }

  /** How long sound waits in the card now, captured but not delivered and handed over but not heard together, ms; 0 without a card. */
  delayMs(): number {
    if (!this.device || !this.running) return 0;
    const { capture, playback } = this.device.delayFrames();
    return ((capture + playback) * 1000) / this.device.rate;
  }

  private unplayedMs(): number {
    return this.device && this.running ? (this.device.delayFrames().playback * 1000) / this.device.rate : 0;
  }

  private openDevice(): void {
    this.reopen?.cancel();
    this.reopen = undefined;
    const { open } = this;
    this.opening ??= open(this.options.audio)
      .then(
        (device) => (open === this.open ? this.opened(device) : device.close()),
        (error: unknown) => {
          if (open === this.open) this.notOpened(error);
        },
      )
      .finally(() => {
        this.opening = undefined;
        // The sound moved while this card was being opened.
        if (open !== this.open && this.wanted && !this.closed) this.openDevice();
      });
  }

  private opened(device: AudioDevice): void | Promise<void> {
    if (this.closed) return device.close();
    this.device = device;
    if (this.wanted) this.startDevice();
    else this.closeLater();
  }

  private notOpened(error: unknown): void {
    if (this.closed) return;
    this.miss(error instanceof Error ? error.message : String(error));
    if (this.wanted) this.reopen = this.timers.after(this.options.reopenMs, () => this.wanted && this.openDevice());
  }

  private startDevice(): void {
    const device = this.device!;
    this.lost = false;
    this.lastPeriodMs = this.clock.now();
    if (!this.standIn) this.user.opened(device.rate, device.periodFrames);
    try {
      device.start((captured, play) => this.fromCard(device, captured, play), {
        xrun: (direction, frames) => this.xrun(device, direction, frames),
        lost: (reason) => {
          if (this.device !== device) return;
          this.lost = true;
          this.miss(reason);
          this.startStandIn();
        },
        back: () => {
          this.lost = false;
        },
      });
      this.running = true;
    } catch (error) {
      this.notOpened(error);
      this.startStandIn();
      void this.closeDevice();
    }
  }

  private fromCard(device: AudioDevice, captured: Int16Array, play: Int16Array): void {
    const now = this.clock.now();
    if (this.standIn) {
      const periodMs = (device.periodFrames * 1000) / device.rate;
      this.overlapMs += Math.max(0, this.coveredMs - Math.max(this.wantedMs, now - periodMs));
      this.stopStandIn();
    }
    this.lastPeriodMs = this.coveredMs = now;
    if (this.missed) {
      this.missed = false;
      this.user.device("back", "the sound card is back");
    }
    this.user.period(captured, play, true);
  }

  private xrun(device: AudioDevice, direction: "capture" | "playback", frames: number): void {
    this.xruns++;
    if (direction === "capture") {
      // A driver may report a loss it has filled with silence itself: a hole cannot be longer than the time since the last period. What the
      // stand-in fills is none.
      const elapsed = Math.floor(((this.clock.now() - this.coveredMs) * device.rate) / 1000);
      if (!this.standIn && elapsed >= device.periodFrames) {
        const lost = Math.min(frames, elapsed);
        this.hole(lost, device.rate);
        this.coveredMs += (lost * 1000) / device.rate;
      }
    }
    this.user.device("xrun", `${direction} lost ${frames} frames`);
  }

  /** Tells of `frames` nobody captured, at the rate of the periods, less what was captured twice before. */
  private hole(frames: number, rate: number): void {
    const overlap = Math.min(frames, Math.round((this.overlapMs * rate) / 1000));
    this.overlapMs = Math.max(0, this.overlapMs - (overlap * 1000) / rate);
    if (overlap < frames) this.user.gap(Math.round(frames - overlap));
  }

  /** Finds a card that stopped talking without a word. */
  private look(): void {
    if (!this.running || this.standIn || this.lost) return;
    if (this.clock.now() - this.lastPeriodMs < STALL_MS) return;
    this.miss("the sound card gives no more periods");
    this.startStandIn();
  }

  private miss(reason: string): void {
    if (this.missed) return;
    this.missed = true;
    this.user.device("lost", reason);
  }

  private startStandIn(): void {
    if (this.standIn || this.closed) return;
    this.user.opened(STANDIN_RATE, STANDIN_FRAMES);
    const now = this.clock.now();
    // A card that stopped without a word was waited for.
    if (now - this.coveredMs >= STANDIN_MS) this.hole(((now - this.coveredMs) * STANDIN_RATE) / 1000, STANDIN_RATE);
    this.coveredMs = now;
    let next = now + STANDIN_MS;
    const tick = (): void => {
      const behind = this.clock.now() - next;
      if (behind > MAX_CATCH_UP_MS) {
        // The machine slept: what was missed is a hole, not a burst of packets.
        const missed = Math.floor(behind / STANDIN_MS);
        this.user.gap(missed * STANDIN_FRAMES);
        next += missed * STANDIN_MS;
      }
      this.coveredMs = next;
      next += STANDIN_MS;
      this.standIn = this.timers.at(next, tick);
      this.user.period(this.silence, this.unheard, false);
    };
    this.standIn = this.timers.at(next, tick);
  }

  private stopStandIn(): void {
    this.standIn?.cancel();
    this.standIn = undefined;
    if (this.device) this.user.opened(this.device.rate, this.device.periodFrames);
  }

  private stopDevice(): void {
    this.wanted = false;
    this.watch?.cancel();
    this.watch = undefined;
    this.stopStandIn();
    this.missed = false;
    if (this.running) {
      this.running = false;
      this.device?.stop();
    }
    this.closeLater();
  }

  private closeLater(): void {
    if (this.options.closeAfterMs === Number.POSITIVE_INFINITY) return;
    this.idle?.cancel();
    this.idle = this.timers.after(this.options.closeAfterMs, () => {
      if (!this.wanted) void this.closeDevice();
    });
  }

  private async closeDevice(): Promise<void> {
    const device = this.device;
    this.device = undefined;
    this.running = false;
    await device?.close().catch((error: Error) => this.user.device("lost", error.message));
  }
}
