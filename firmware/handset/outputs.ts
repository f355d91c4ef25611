// What a person sees, hears and feels of the telephone: ringer, vibrator, light, screen and its lamp, tones, headset displays.

import type { Tone } from "../media/voice.js";
import type { Log, Timer, Timers } from "../runtime/index.js";
import type { HandsetDevices } from "./handset.js";
import type { HandsetView, RingMode } from "./view.js";

/** On, off, in ms: two short pulses, as people know it. */
const RING_PATTERN: readonly number[] = [400, 200, 400, 2000];
/** One long, one short. */
const MESSAGE_PATTERN: readonly number[] = [250, 150, 100];
const CLICK_PATTERN: readonly number[] = [20];
const MESSAGE_MS = 3000;
const LIGHT_MS = 15_000;

export interface OutputsOptions {
  readonly devices: HandsetDevices;
  /** Plays a tone in the earpiece, or ends it. */
  readonly tone: (tone: Tone | undefined) => void;
  readonly timers: Timers;
  readonly log: Log;
  /** 0 to 1. */
  readonly ringVolume: number;
  readonly vibrate: boolean;
  readonly keyClick: boolean;
  /** Default 15 s. */
  readonly lightMs?: number | undefined;
  /** A call rings: the screen stays lit. */
  readonly isRinging: () => boolean;
}

/** The devices of the board that say something. One that fails keeps no other from being switched. */
export class Outputs {
  private shown: HandsetView | undefined;
  private messageTimer: Timer | undefined;
  private dark: Timer | undefined;

  constructor(private readonly options: OutputsOptions) {}

  /** Brings every output to what the view asks for; only differences reach a device. */
  show(view: HandsetView): void {
    const before = this.shown;
    this.shown = view;
    const { devices, ringVolume, tone } = this.options;
    const apply = (what: string, run: () => void) => this.apply(what, run);
    if (view.ringing) this.messageTimer?.cancel();
    if (view.ringing !== (before?.ringing ?? false))
      apply("ringer", () =>
        view.ringing ? devices.ringer?.start("ring", ringVolume, view.ringsFor) : devices.ringer?.stop(),
      );
    if (view.vibrating !== (before?.vibrating ?? false))
      apply("vibrator", () =>
        view.vibrating ? devices.vibrator?.start(RING_PATTERN, true) : devices.vibrator?.stop(),
      );
    if (view.tone !== before?.tone) apply("tone", () => tone(view.tone));
    if (view.indicator !== before?.indicator) apply("indicator", () => devices.indicator?.set(view.indicator));
    if (JSON.stringify(view.headset) !== JSON.stringify(before?.headset)) {
      const { state, from, calls } = view.headset;
      apply("headset", () => devices.headset?.callState(state, from, calls));
      apply("jack", () => devices.jack?.callState(state, from, calls));
    }
    if (view.display.title !== before?.display.title) apply("backlight", () => this.light());
    if (JSON.stringify(view.display) !== JSON.stringify(before?.display))
      apply("display", () => devices.display?.show(view.display));
  }

  /** A message sounds and shakes once. */
  announceMessage(mode: RingMode): void {
    if (mode === "silent") return;
    const { devices, ringVolume, vibrate, timers } = this.options;
    if (mode === "vibrate" || vibrate) this.apply("vibrator", () => devices.vibrator?.start(MESSAGE_PATTERN, false));
    if (mode !== "ring") return;
    this.apply("ringer", () => devices.ringer?.start("message", ringVolume));
    this.messageTimer?.cancel();
    this.messageTimer = timers.after(MESSAGE_MS, () => this.endMessage());
  }

  /** A key is felt, unless the vibrator has something to say. */
  click(): void {
    if (!this.options.keyClick || this.shown?.vibrating) return;
    this.apply("vibrator", () => this.options.devices.vibrator?.start(CLICK_PATTERN, false));
  }

  /** The screen is lit for a while after a key, and as long as it rings. */
  light(): void {
    const { backlight } = this.options.devices;
    if (!backlight) return;
    this.dark?.cancel();
    backlight.set(1);
    this.dark = this.options.timers.after(this.options.lightMs ?? LIGHT_MS, () => {
      if (this.options.isRinging()) this.light();
      else backlight.set(0);
    });
  }

  /** Switches everything off. */
  close(): void {
    const { devices, tone } = this.options;
    this.messageTimer?.cancel();
    devices.vibrator?.stop();
    devices.ringer?.stop();
    devices.indicator?.set("off");
    devices.headset?.callState("idle", undefined, []);
    devices.jack?.callState("idle", undefined, []);
    this.dark?.cancel();
    devices.backlight?.set(0);
    tone(undefined);
  }

  /** What rings meanwhile rings on. */
  private endMessage(): void {
    this.messageTimer?.cancel();
    this.messageTimer = undefined;
    if (!this.shown?.ringing) this.apply("ringer", () => this.options.devices.ringer?.stop());
  }

  private apply(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      // One broken device must not keep the others from being switched off.
      this.options.log.warn("device-failed", { what, error: error instanceof Error ? error.message : String(error) });
    }
  }
}
