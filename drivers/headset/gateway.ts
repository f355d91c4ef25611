// The audio gateway (the phone's side) of the Bluetooth Hands-Free Profile 1.7 and Headset Profile, over any line of characters. No I/O, no
// timers but those it is given; whatever comes in, it answers OK or ERROR and stands.

import type { Clock } from "../../firmware/runtime/clock.js";
import type { Timer, Timers } from "../../firmware/runtime/timers.js";
import type { HeadsetCall, HeadsetEvent } from "../contract.js";
import { type AtCommand, AtLines, parseAtCommand } from "./at.js";
import {
  callIndicators,
  callLine,
  dialString,
  type IndicatorName,
  type Indicators,
  indicators,
  isWaiting,
} from "./calls.js";
import { commands, proposeCodec } from "./commands.js";

/** How a gateway introduces itself. */
export interface GatewayOptions {
  /** Name of the network for AT+COPS?, at most 16 characters. Default `Sotto`. */
  readonly operator?: string;
  /** Our own number for AT+CNUM. */
  readonly number?: string;
  /** Codecs the headset's sound device can carry: 1 CVSD (8000 Hz), 2 mSBC (16000 Hz). Default CVSD. */
  readonly codecs?: readonly (1 | 2)[];
  /** How the headset is called when it is told of. Default `Bluetooth headset`. */
  readonly name?: string;
}

/** What a gateway needs and tells. */
export interface GatewayOutlet {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Sends characters to the headset. */
  send(text: string): void;
  /** What the wearer does. @returns false when it cannot be done. */
  event(event: HeadsetEvent): boolean;
  /** A codec was agreed on. */
  codec?(id: 1 | 2): void;
}

/** Bits of +BRSF we send: three-way calling, echo and noise, reject, call status, call control, errors, codecs, indicators. */
export const AG_FEATURES = (1 << 0) | (1 << 1) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10);
const AG_THREE_WAY = 1 << 0;
/** Bits of AT+BRSF. */
export const HF_THREE_WAY = 1 << 1;
export const HF_VOLUME = 1 << 4;
export const HF_CODECS = 1 << 7;
export const HF_INDICATORS = 1 << 8;

/** RING comes so often while it rings, ms. */
const RING_MS = 3000;

/** What one headset has asked for since its link came up. */
export interface LinkState {
  hfFeatures: number;
  /** The service level connection is up. */
  ready: boolean;
  eventsOn: boolean;
  clip: boolean;
  callWaiting: boolean;
  extendedErrors: boolean;
  active: Record<IndicatorName, boolean>;
  codecs: number[];
  hfIndicators: Map<number, boolean>;
  speaker: number | undefined;
}

function fresh(): LinkState {
  return {
    hfFeatures: 0,
    ready: false,
    eventsOn: false,
    clip: false,
    callWaiting: false,
    extendedErrors: false,
    active: Object.fromEntries(indicators.map(([name]) => [name, true])) as Record<IndicatorName, boolean>,
    codecs: [],
    hfIndicators: new Map(),
    speaker: undefined,
  };
}

/** One headset's link. Feed it with {@link receive}; tell it of the phone's calls with {@link update}. */
export class AudioGateway {
  /** @internal For the commands. */
  link = fresh();
  /** @internal */
  calls: readonly HeadsetCall[] = [];
  private readonly lines = new AtLines(
    (line) => this.line(line),
    () => this.result("ERROR"),
  );
  private readonly indexes = new Map<number, number>();
  private told: Indicators;
  private ring: Timer | undefined;
  /** While a command is answered, what else is to be said waits for its result. */
  private held: string[] | undefined;

  constructor(
    /** @internal */
    readonly options: GatewayOptions,
    /** @internal */
    readonly outlet: GatewayOutlet,
  ) {
    this.told = this.indicators();
  }

  /** Whether a headset is at the other end (not only an open line). */
  get connected(): boolean {
    return this.link.ready;
  }

  /** Characters from the headset. */
  receive(text: string): void {
    this.lines.take(text);
  }

  /** The phone's calls, all of them. */
  update(calls: readonly HeadsetCall[]): void {
    const before = this.calls;
    this.calls = calls;
    for (const id of [...this.indexes.keys()]) if (!calls.some((call) => call.id === id)) this.indexes.delete(id);
    for (const call of calls) this.index(call);
    this.tellIndicators();
    const fresh = calls.find((call) => call.state === "incoming" && !before.some((other) => other.id === call.id));
    if (fresh && isWaiting(fresh, calls)) this.knock(fresh);
    const ringing = calls.some((call) => call.state === "incoming" && !isWaiting(call, calls));
    if (ringing && !this.ring) this.ringOn(this.outlet.clock.now());
    if (!ringing) this.ringOff();
  }

  /** The phone's volume, 0 to 1, for headsets that follow it. */
  volume(speaker: number): void {
    const level = Math.round(speaker * 15);
    if (!this.link.ready || !(this.link.hfFeatures & HF_VOLUME) || level === this.link.speaker) return;
    this.link.speaker = level;
    this.say(`+VGS: ${level}`);
  }

  /** The line is gone, or is a new one. */
  reset(): void {
    this.ringOff();
    this.lines.reset();
    this.link = fresh();
    this.told = this.indicators();
  }

  /** @internal All indicators now. */
  indicators(): Indicators {
    return { service: 1, ...callIndicators(this.calls), signal: 5, roam: 0, battchg: 5 };
  }

  /** @internal Number of a call in CLCC: the lowest that was free when it came. */
  index(call: HeadsetCall): number {
    const known = this.indexes.get(call.id);
    if (known !== undefined) return known;
    const used = new Set(this.indexes.values());
    let index = 1;
    while (used.has(index)) index++;
    this.indexes.set(call.id, index);
    return index;
  }

  /** @internal One line to the headset; unasked ones wait while a command is being answered. */
  say(text: string): void {
    if (this.held) this.held.push(text);
    else this.outlet.send(`\r\n${text}\r\n`);
  }

  /** @internal A line that belongs to a command's answer: before its OK. */
  answer(text: string): void {
    this.outlet.send(`\r\n${text}\r\n`);
  }

  /** @internal The service level connection is up once everything both sides can do was asked (HFP 1.7 section 4.2.1). */
  settle(step: "events" | "hold" | "indicators"): void {
    const { link } = this;
    if (link.ready || !link.eventsOn) return;
    const threeWay = (link.hfFeatures & HF_THREE_WAY) !== 0 && (AG_FEATURES & AG_THREE_WAY) !== 0;
    const hfIndicators = (link.hfFeatures & HF_INDICATORS) !== 0;
    const last = hfIndicators ? "indicators" : threeWay ? "hold" : "events";
    if (step === last) this.becomeReady();
  }

  /** @internal A headset that only knows the Headset Profile shows itself by its first command. */
  becomeReady(): void {
    if (this.link.ready) return;
    this.link.ready = true;
    this.told = this.indicators();
    this.outlet.event({ type: "connected", name: this.options.name ?? "Bluetooth headset" });
    if (this.link.hfFeatures & HF_CODECS && this.options.codecs?.includes(2)) proposeCodec(this);
    // A call that rang before it came is told now.
    if (this.ring && this.link.eventsOn) {
      this.ringOff();
      this.ringOn(this.outlet.clock.now());
    }
  }

  /** @internal Volume from a headset that never asked for features. */
  becomeReadyByHeadsetProfile(): void {
    if (this.link.hfFeatures === 0) this.becomeReady();
  }

  private line(line: string): void {
    const command = parseAtCommand(line);
    this.held = [];
    const done = command !== undefined && this.obey(command);
    const held = this.held;
    this.held = undefined;
    this.result(done === true ? "OK" : "ERROR");
    for (const text of held) this.say(text);
  }

  private obey(command: AtCommand): boolean {
    const run = Object.hasOwn(commands, command.name) ? commands[command.name] : undefined;
    if (!run) return false;
    try {
      return run(this, command);
    } catch {
      // What the phone refuses is an error for the headset, never the end of the link.
      return false;
    }
  }

  private result(result: "OK" | "ERROR"): void {
    // +CME ERROR: 3 is "operation not allowed" (3GPP TS 27.007 section 9.2).
    this.outlet.send(`\r\n${result === "ERROR" && this.link.extendedErrors ? "+CME ERROR: 3" : result}\r\n`);
  }

  private tellIndicators(): void {
    const now = this.indicators();
    const before = this.told;
    this.told = now;
    if (!this.link.eventsOn || !this.link.ready) return;
    indicators.forEach(([name], i) => {
      if (now[name] === before[name] || !this.link.active[name]) return;
      // A call that alerts was dialled first (HFP 1.8 section 4.19), even where nobody was told of it before.
      if (name === "callsetup" && now[name] === 3 && before[name] < 2) this.say(`+CIEV: ${i + 1},2`);
      this.say(`+CIEV: ${i + 1},${now[name]}`);
    });
  }

  private knock(call: HeadsetCall): void {
    if (!this.link.ready || !this.link.callWaiting) return;
    const { number, type } = dialString(call.from);
    this.say(`+CCWA: "${number}",${type}`);
  }

  private ringOn(at: number): void {
    this.ring = this.outlet.timers.at(at + RING_MS, () => this.ringOn(at + RING_MS));
    this.say("RING");
    const call = this.calls.find((one) => one.state === "incoming");
    if (!call || !this.link.clip) return;
    const { number, type } = dialString(call.from);
    this.say(`+CLIP: "${number}",${type}`);
  }

  private ringOff(): void {
    this.ring?.cancel();
    this.ring = undefined;
  }

  /** @internal */
  callLines(): string[] {
    return [...this.calls]
      .sort((a, b) => this.index(a) - this.index(b))
      .map((call) => callLine(this.index(call), call, this.calls));
  }
}
