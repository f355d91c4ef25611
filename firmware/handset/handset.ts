// The telephone in the hand: keys and headset -> call control; calls -> ringer, vibrator, light, tones, screen, headset.

import type {
  Backlight,
  Display,
  Headset,
  HeadsetEvent,
  Indicator,
  KeyAction,
  Keys,
  PhoneKey,
  Ringer,
  Vibrator,
} from "../../drivers/contract.js";
import type { CallControl, CallEvent, CallSnapshot } from "../call/types.js";
import type { Tone, Voice } from "../media/voice.js";
import type { Log, Timer, Timers } from "../runtime/index.js";
import { addressOf, likelyCallee } from "./entry.js";
import { foremost, type HandsetSituation, type HandsetView, type RingMode, viewOf } from "./view.js";

/** The devices of the board, each optional but the display. */
export interface HandsetDevices {
  readonly keys: readonly Keys[];
  readonly vibrator?: Vibrator;
  readonly ringer?: Ringer;
  readonly indicator?: Indicator;
  readonly backlight?: Backlight;
  readonly headset?: Headset;
  /** A headset on a wire. */
  readonly jack?: Headset;
  readonly display?: Display;
}

/** Where the voice goes: the phone's own microphone and earpiece, or a headset that is connected. */
export type SoundRoute = "handset" | "headset" | "jack";

/** A person one can call. */
export interface Contact {
  readonly name: string;
  readonly uri: string;
  /** Digit that dials the contact when held long. */
  readonly key?: string;
}

export interface HandsetOptions {
  readonly devices: HandsetDevices;
  readonly calls: CallControl;
  readonly voice: Pick<Voice, "tone" | "volume">;
  readonly timers: Timers;
  readonly log: Log;
  /** Own address, shown while idle; its host completes a number that was typed. */
  readonly account: string;
  readonly contacts: readonly Contact[];
  /** Ringer volume, 0 to 1. */
  readonly ringVolume: number;
  readonly vibrate: boolean;
  /** How the phone calls at first; default `ring`. Holding # while idle changes it. */
  readonly mode?: RingMode;
  /** A short vibration for every key. */
  readonly keyClick?: boolean;
  /** Moves the voice when a headset comes or goes; calls go on. */
  readonly route?: (to: SoundRoute) => void;
  /** How long the screen stays lit after a key or a call, ms. Default 15 s. */
  readonly lightMs?: number;
}

/** On, off, in ms: two short pulses, as people know it. */
const RING_PATTERN: readonly number[] = [400, 200, 400, 2000];
/** One long, one short. */
const MESSAGE_PATTERN: readonly number[] = [250, 150, 100];
const CLICK_PATTERN: readonly number[] = [20];
const MESSAGE_MS = 3000;
const modeWords: Readonly<Record<RingMode, string>> = {
  ring: "The phone rings",
  vibrate: "The phone only vibrates",
  silent: "The phone is silent",
};
const AFTER_TONE_MS = 3000;
const VOLUME_STEP = 0.1;
const LIGHT_MS = 15_000;
/** From so little on a headset's battery is worth a word, percent. */
const LOW_BATTERY = 15;

/** Keys that act again and again while they are held. */
const repeatable: ReadonlySet<PhoneKey> = new Set(["volumeUp", "volumeDown", "up", "down"]);

/** Wires devices to calls. Feed it every {@link CallEvent}. */
export class Handset {
  private readonly calls = new Map<number, CallSnapshot>();
  private entry = "";
  private contact = -1;
  private silenced = false;
  private notice: HandsetSituation["notice"];
  private afterTone: Tone | undefined;
  private afterToneTimer: Timer | undefined;
  private shown: HandsetView | undefined;
  private earpiece = 0.8;
  private lastDialled = "";
  /** Whom call control expects to be called. */
  private expected: string | undefined;
  /** Headsets that are connected, the latest last: it has the voice. */
  private readonly connected: Exclude<SoundRoute, "handset">[] = [];
  private dark: Timer | undefined;
  private mode: RingMode;
  private messageTimer: Timer | undefined;
  private closed = false;

  constructor(private readonly options: HandsetOptions) {
    this.mode = options.mode ?? "ring";
    for (const keys of options.devices.keys) keys.listen((action, key) => this.key(action, key));
    for (const which of ["headset", "jack"] as const)
      options.devices[which]?.listen((event) => this.headset(event, which));
    options.voice.volume(this.earpiece);
    this.update();
  }

  /** Takes what call control says. */
  onCall(event: CallEvent): void {
    if (this.closed) return;
    if (event.type === "refused") {
      this.notice = { text: `Refused a call from ${event.from}: ${event.text}`, error: false };
    } else if (event.type === "message") {
      this.notice = {
        text: `Message from ${event.displayName ?? event.from} (not verified): ${event.text}`,
        error: false,
      };
      this.announceMessage();
    } else if (event.type === "call") {
      const call = event.call;
      if (call.state === "ended") this.ended(call);
      else {
        if (!this.calls.has(call.id)) {
          this.silenced = false;
          this.entry = "";
          this.contact = -1;
          this.notice = undefined;
          this.stopAfterTone();
        }
        this.calls.set(call.id, call);
        this.expect();
      }
    } else return;
    this.update();
  }

  /** Tells the person of something outside calls, e.g. that the sound card is gone. */
  tell(text: string, error: boolean): void {
    if (this.closed) return;
    this.notice = { text, error };
    this.update();
  }

  /** A key, wherever it is wired. */
  key(action: KeyAction, key: PhoneKey): void {
    if (this.closed) return;
    this.light();
    if (action === "release") return;
    try {
      if (action === "press") this.click();
      if (action === "long") this.longPress(key);
      else if (action === "press" || repeatable.has(key)) this.press(key);
    } catch (error) {
      // What call control refuses is said on the screen: there is nobody else to tell.
      this.notice = { text: error instanceof Error ? error.message : String(error), error: true };
    }
    this.expect();
    this.update();
  }

  /** Switches everything off. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopAfterTone();
    this.messageTimer?.cancel();
    this.options.devices.vibrator?.stop();
    this.options.devices.ringer?.stop();
    this.options.devices.indicator?.set("off");
    this.options.devices.headset?.callState("idle", undefined, []);
    this.options.devices.jack?.callState("idle", undefined, []);
    this.dark?.cancel();
    this.options.devices.backlight?.set(0);
    this.options.voice.tone(undefined);
  }

  private ended(call: CallSnapshot): void {
    this.calls.delete(call.id);
    if (!call.end) return;
    this.notice = { text: call.end.user, error: call.end.by === "error" };
    if (call.end.by === "us" || this.calls.size > 0) return;
    const tone: Tone = call.end.by === "error" ? "error" : "busy";
    if (call.direction === "outgoing" || call.answeredAtMs !== undefined) this.playAfter(tone);
  }

  private playAfter(tone: Tone): void {
    this.afterTone = tone;
    this.afterToneTimer?.cancel();
    this.afterToneTimer = this.options.timers.after(AFTER_TONE_MS, () => {
      this.afterTone = undefined;
      this.update();
    });
  }

  private stopAfterTone(): void {
    this.afterToneTimer?.cancel();
    this.afterTone = undefined;
  }

  private press(key: PhoneKey): void {
    const call = foremost([...this.calls.values()]);
    if (call) this.pressInCall(key, call);
    else this.pressIdle(key);
  }

  private pressInCall(key: PhoneKey, call: CallSnapshot): void {
    const { calls } = this.options;
    const incoming = call.state === "ringing" && call.direction === "incoming";
    switch (key) {
      case "call":
      case "select":
        if (incoming) calls.answer(call.id);
        else if (call.state === "held") calls.resume(call.id);
        else if (call.state === "active" && key === "call") calls.hold(call.id);
        return;
      case "hangup":
        return calls.hangup(call.id);
      case "back":
        if (call.state !== "active") calls.hangup(call.id);
        return;
      case "mute":
        if (incoming) this.silenced = true;
        else calls.mute(!call.muted, call.id);
        return;
      case "volumeUp":
      case "volumeDown":
      case "up":
      case "down":
        if (incoming) this.silenced = true;
        else this.turn(key === "volumeUp" || key === "up" ? VOLUME_STEP : -VOLUME_STEP);
        return;
      case "left":
      case "right":
        return;
      default:
        if (call.state === "active") calls.digit(key, call.id);
    }
  }

  private pressIdle(key: PhoneKey): void {
    const { contacts } = this.options;
    this.stopAfterTone();
    switch (key) {
      case "call":
      case "select":
        return this.dialEntry();
      case "hangup":
      case "back":
        this.entry = "";
        this.contact = -1;
        this.notice = undefined;
        return;
      case "up":
      case "down":
        if (contacts.length === 0) return;
        this.contact =
          (this.contact + (key === "down" ? 1 : -1) + contacts.length + (this.contact < 0 && key === "up" ? 1 : 0)) %
          contacts.length;
        this.entry = `${contacts[this.contact].name} <${contacts[this.contact].uri}>`;
        return;
      case "volumeUp":
      case "volumeDown":
        return this.turn(key === "volumeUp" ? VOLUME_STEP : -VOLUME_STEP);
      case "mute":
      case "left":
      case "right":
        return;
      default:
        if (this.contact >= 0) this.entry = "";
        this.contact = -1;
        this.entry = (this.entry + key).slice(0, 64);
    }
  }

  /** An open call is made private, a private one gets other keys. */
  private changeKeys({ id, security }: CallSnapshot): void {
    const { calls } = this.options;
    const asked = security.state === "open" ? calls.secure(id) : calls.rekey(id);
    asked.catch((error: unknown) => this.tell(error instanceof Error ? error.message : String(error), true));
  }

  /** A message sounds and shakes once, unless somebody is calling or being talked to. */
  private announceMessage(): void {
    if (this.calls.size > 0 || this.mode === "silent") return;
    const { devices, ringVolume, vibrate, timers } = this.options;
    if (this.mode === "vibrate" || vibrate)
      this.apply("vibrator", () => devices.vibrator?.start(MESSAGE_PATTERN, false));
    if (this.mode !== "ring") return;
    this.apply("ringer", () => devices.ringer?.start("message", ringVolume));
    this.messageTimer?.cancel();
    this.messageTimer = timers.after(MESSAGE_MS, () => this.endMessage());
  }

  /** What rings meanwhile rings on. */
  private endMessage(): void {
    this.messageTimer?.cancel();
    this.messageTimer = undefined;
    if (!this.shown?.ringing) this.apply("ringer", () => this.options.devices.ringer?.stop());
  }

  /** A key is felt, unless the vibrator has something to say. */
  private click(): void {
    if (!this.options.keyClick || this.shown?.vibrating) return;
    this.apply("vibrator", () => this.options.devices.vibrator?.start(CLICK_PATTERN, false));
  }

  /** Holding # while idle: sound, vibrator alone, neither. */
  private changeMode(): void {
    this.mode = this.mode === "ring" ? "vibrate" : this.mode === "vibrate" ? "silent" : "ring";
    this.entry = this.entry.replace(/#$/, "");
    this.notice = { text: modeWords[this.mode], error: false };
  }

  private longPress(key: PhoneKey): void {
    const call = foremost([...this.calls.values()]);
    if (call) {
      if (key === "call" && call.state === "active") this.changeKeys(call);
      return;
    }
    if (key === "#") return this.changeMode();
    const contact = this.options.contacts.find((one) => one.key === key);
    if (contact) this.dial(contact.uri);
  }

  private dialEntry(): void {
    if (this.contact >= 0) return this.dial(this.options.contacts[this.contact].uri);
    if (this.entry) return this.dial(this.entry);
    if (this.lastDialled) {
      // The first press shows what redial would call, the second calls it.
      this.entry = this.lastDialled;
      return;
    }
    this.notice = { text: "Type a number, or choose a contact with the arrow keys", error: false };
  }

  private dial(target: string): void {
    const uri = addressOf(target, this.options.account);
    this.lastDialled = uri;
    this.entry = "";
    this.contact = -1;
    this.expected = undefined;
    this.options.calls.dial(uri);
  }

  /** Tells call control who is likely to be called next, whenever that changes or a key shows that it still holds. */
  private expect(): void {
    const { contacts, account, calls } = this.options;
    const isIdle = this.calls.size === 0;
    const likely = isIdle ? likelyCallee({ text: this.entry, contact: this.contact }, contacts, account) : undefined;
    if (likely === undefined && this.expected === undefined) return;
    this.expected = likely;
    calls.expect(likely);
  }

  private turn(step: number): void {
    this.earpiece = Math.min(1, Math.max(0, Math.round((this.earpiece + step) * 10) / 10));
    this.options.voice.volume(this.earpiece);
    this.options.devices.headset?.volume?.(this.earpiece);
    if (this.calls.size === 0) this.notice = { text: `Volume ${Math.round(this.earpiece * 100)} %`, error: false };
  }

  /** @returns false when it could not be done; the headset is told so. */
  private headset(event: HeadsetEvent, which: "headset" | "jack"): boolean {
    if (this.closed) return false;
    try {
      const done = this.obeyHeadset(event, which);
      this.update();
      return done;
    } catch (error) {
      this.notice = { text: error instanceof Error ? error.message : String(error), error: true };
      this.update();
      return false;
    }
  }

  private obeyHeadset(event: HeadsetEvent, which: "headset" | "jack"): boolean {
    const { calls, contacts, voice } = this.options;
    const meant = () => foremost([...this.calls.values()]);
    switch (event.type) {
      case "connected":
        this.routeTo(which, true);
        this.notice = { text: `Headset ${event.name} connected`, error: false };
        return true;
      case "disconnected":
        this.routeTo(which, false);
        this.notice = { text: `Headset gone: ${event.reason}`, error: false };
        return true;
      case "answer":
      case "hangup":
      case "hold":
      case "resume": {
        const id = event.call ?? meant()?.id;
        if (id === undefined || !this.calls.has(id)) return false;
        calls[event.type](id);
        return true;
      }
      case "dial":
        this.dial(event.number);
        return true;
      case "redial":
        if (!this.lastDialled) return false;
        this.dial(this.lastDialled);
        return true;
      case "memory": {
        const contact = contacts.find(({ key }) => key === String(event.location)) ?? contacts[event.location - 1];
        if (!contact) return false;
        this.dial(contact.uri);
        return true;
      }
      case "digit": {
        const call = meant();
        if (call?.state !== "active") return false;
        calls.digit(event.digit, call.id);
        return true;
      }
      case "volume":
        this.earpiece = Math.min(1, Math.max(0, event.speaker));
        voice.volume(this.earpiece);
        return true;
      case "mute": {
        const call = meant();
        if (!call) return false;
        calls.mute(event.on, call.id);
        return true;
      }
      case "gain":
        return true;
      case "battery":
        if (event.percent <= LOW_BATTERY)
          this.notice = { text: `The headset's battery is at ${event.percent} %`, error: false };
        return true;
    }
  }

  /** The headset that came last has the voice; when it goes, the one before it, at last the phone itself. */
  private routeTo(which: "headset" | "jack", isThere: boolean): void {
    const before = this.connected.at(-1) ?? "handset";
    const at = this.connected.indexOf(which);
    if (at >= 0) this.connected.splice(at, 1);
    if (isThere) this.connected.push(which);
    const now = this.connected.at(-1) ?? "handset";
    if (now !== before) this.options.route?.(now);
  }

  /** The screen is lit for a while after a key, and as long as it rings. */
  private light(): void {
    const { backlight } = this.options.devices;
    if (!backlight) return;
    this.dark?.cancel();
    backlight.set(1);
    this.dark = this.options.timers.after(this.options.lightMs ?? LIGHT_MS, () => {
      if ([...this.calls.values()].some(({ state }) => state === "ringing")) this.light();
      else backlight.set(0);
    });
  }

  private situation(): HandsetSituation {
    return {
      calls: [...this.calls.values()],
      silenced: this.silenced,
      vibrate: this.options.vibrate,
      mode: this.mode,
      entry: this.entry,
      notice: this.notice,
      account: this.options.account,
      afterTone: this.afterTone,
    };
  }

  private apply(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      // One broken device must not keep the others from being switched off.
      this.options.log.warn("device-failed", { what, error: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Brings every output to what the situation asks for; only differences reach a device. */
  private update(): void {
    if (this.closed) return;
    const view = viewOf(this.situation());
    const before = this.shown;
    this.shown = view;
    const { devices, voice, ringVolume } = this.options;
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
    if (view.tone !== before?.tone) apply("tone", () => voice.tone(view.tone));
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
}
