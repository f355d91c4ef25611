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
import { type HeadsetName, Headsets } from "./headsets.js";
import { Outputs } from "./outputs.js";
import { foremost, type HandsetSituation, type RingMode, viewOf } from "./view.js";

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

const modeWords: Readonly<Record<RingMode, string>> = {
  ring: "The phone rings",
  vibrate: "The phone only vibrates",
  silent: "The phone is silent",
};
const AFTER_TONE_MS = 3000;
const VOLUME_STEP = 0.1;

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
  private earpiece = 0.8;
  private lastDialled = "";
  /** Whom call control expects to be called. */
  private expected: string | undefined;
  private readonly headsets: Headsets;
  private readonly outputs: Outputs;
  private mode: RingMode;
  private closed = false;

  constructor(private readonly options: HandsetOptions) {
    this.mode = options.mode ?? "ring";
    const { devices, timers, log, ringVolume, vibrate, keyClick = false, lightMs } = options;
    this.outputs = new Outputs({
      ...{ devices, timers, log, ringVolume, vibrate, keyClick, lightMs },
      tone: (tone) => options.voice.tone(tone),
      isRinging: () => [...this.calls.values()].some(({ state }) => state === "ringing"),
    });
    this.headsets = new Headsets({
      calls: options.calls,
      contacts: options.contacts,
      meant: () => foremost([...this.calls.values()]),
      isCall: (id) => this.calls.has(id),
      dial: (target) => this.dial(target),
      redial: () => {
        if (this.lastDialled) this.dial(this.lastDialled);
        return this.lastDialled !== "";
      },
      volume: (of) => {
        this.earpiece = of;
        options.voice.volume(of);
      },
      notice: (text) => {
        this.notice = { text, error: false };
      },
      route: (to) => options.route?.(to),
    });
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
      // Not while somebody is calling or being talked to.
      if (this.calls.size === 0) this.outputs.announceMessage(this.mode);
    } else if (event.type === "call") {
      const call = event.call;
      if (call.state === "ended") this.ended(call);
      else {
        if (!this.calls.has(call.id)) this.begin();
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
    this.outputs.light();
    if (action === "release") return;
    try {
      if (action === "press") this.outputs.click();
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
    this.outputs.close();
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
    const call = this.options.calls.dial(uri);
    // Others are told of it a moment later; the next key is meant for it already.
    this.begin();
    this.calls.set(call.id, call);
  }

  /** Another call: what was on the screen before it is over. */
  private begin(): void {
    this.silenced = false;
    this.entry = "";
    this.contact = -1;
    this.notice = undefined;
    this.stopAfterTone();
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
  private headset(event: HeadsetEvent, which: HeadsetName): boolean {
    if (this.closed) return false;
    try {
      const done = this.headsets.obey(event, which);
      this.update();
      return done;
    } catch (error) {
      this.notice = { text: error instanceof Error ? error.message : String(error), error: true };
      this.update();
      return false;
    }
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

  /** Brings every output to what the situation asks for. */
  private update(): void {
    if (this.closed) return;
    this.outputs.show(viewOf(this.situation()));
  }
}
