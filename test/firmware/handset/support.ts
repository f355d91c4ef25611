// A handset in the tests' hand.

import type { DisplayView, HeadsetCallState, HeadsetEvent, IndicatorState } from "../../../drivers/contract.js";
import type { CallControl, CallSnapshot, CallState } from "../../../firmware/call/types.js";
import { Handset, type HandsetOptions } from "../../../firmware/handset/index.js";
import type { Tone } from "../../../firmware/media/voice.js";
import { silentLog } from "../../../firmware/runtime/log.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

/** A call as call control tells of it. */
export function snapshot(
  id: number,
  direction: "incoming" | "outgoing",
  state: CallState,
  more: Partial<CallSnapshot> = {},
): CallSnapshot {
  return {
    id,
    direction,
    state,
    account: "sip:me@here.test",
    peer: { uri: "sip:bob@there.test", displayName: "Bob" },
    security: { state: "pending" },
    heldByPeer: false,
    muted: false,
    startedAtMs: 0,
    ...more,
  };
}

/** A handset with devices that remember what they were told. */
/** The id of a call that is dialled here. */
const DIALLED = 77;

export class Phone {
  readonly time = new VirtualTime();
  readonly asked: string[] = [];
  /** Whom call control was told to expect. */
  readonly expected: (string | undefined)[] = [];
  ringing = false;
  vibrating = false;
  tone: Tone | undefined;
  light: IndicatorState = "off";
  headset: HeadsetCallState = "idle";
  wearer: (event: HeadsetEvent) => unknown = () => {};
  wired: (event: HeadsetEvent) => unknown = () => {};
  view: DisplayView = { title: "", lines: [] };
  broken = "";
  readonly handset: Handset;

  readonly shaken: (readonly number[])[] = [];
  readonly rang: string[] = [];
  lit: number | undefined;
  route = "handset";

  constructor(more: Partial<HandsetOptions> = {}) {
    const ask =
      (name: string) =>
      (...what: unknown[]): never => {
        this.asked.push([name, ...what].join(" ").trim());
        return undefined as never;
      };
    const calls: CallControl = {
      dial: (uri) => {
        this.asked.push(`dial ${uri}`);
        return snapshot(DIALLED, "outgoing", "dialling");
      },
      expect: (uri) => void this.expected.push(uri),
      answer: ask("answer"),
      hangup: ask("hangup"),
      hold: ask("hold"),
      resume: ask("resume"),
      mute: ask("mute"),
      secure: async (id) => ask("secure")(id),
      rekey: async (id) => ask("rekey")(id),
      digit: ask("digit"),
      list: () => [],
      statistics: async () => undefined,
    };
    const check = (what: string) => {
      if (this.broken === what) throw new Error(`${what} is broken`);
    };
    this.handset = new Handset({
      devices: {
        keys: [],
        ringer: {
          start: (sound, _volume, caller) => {
            check("ringer");
            this.ringing = sound === "ring";
            this.rang.push(caller === undefined ? sound : `${sound} ${caller}`);
          },
          stop: () => {
            this.ringing = false;
          },
          close: () => {},
        },
        vibrator: {
          start: (pattern, repeat) => {
            this.vibrating = repeat;
            this.shaken.push(pattern);
          },
          stop: () => {
            this.vibrating = false;
          },
          close: () => {},
        },
        indicator: {
          set: (state) => {
            this.light = state;
          },
          close: () => {},
        },
        headset: {
          listen: (listener) => {
            this.wearer = (event) => listener(event, 0);
          },
          callState: (state) => {
            this.headset = state;
          },
          close: () => {},
        },
        jack: {
          listen: (listener) => {
            this.wired = (event) => listener(event, 0);
          },
          callState: () => {},
          close: () => {},
        },
        backlight: {
          set: (level) => {
            this.lit = level;
          },
          close: () => {},
        },
        display: {
          show: (view) => {
            this.view = view;
          },
          close: () => {},
        },
      },
      calls,
      voice: {
        tone: (tone) => {
          this.tone = tone;
        },
        volume: () => {},
      },
      timers: this.time,
      log: silentLog,
      account: "sip:me@here.test",
      contacts: [
        { name: "Ann", uri: "sip:ann@there.test", key: "1" },
        { name: "Bob", uri: "sip:bob@there.test" },
      ],
      ringVolume: 0.5,
      vibrate: true,
      route: (to) => {
        this.route = to;
      },
      ...more,
    });
  }
  /** The call that was dialled comes to nothing, and the screen says so no longer. */
  dialledInVain(): void {
    this.call(DIALLED, "outgoing", "ended", { end: { by: "us", code: "cancelled", text: "", user: "Call cancelled" } });
    this.time.advance(60_000);
  }
  call(...parts: Parameters<typeof snapshot>): void {
    this.handset.onCall({ type: "call", call: snapshot(...parts) });
  }
  press(...keys: Parameters<Handset["key"]>[1][]): void {
    for (const key of keys) {
      this.handset.key("press", key);
      this.handset.key("release", key);
    }
  }
  get quiet(): boolean {
    return !this.ringing && !this.vibrating;
  }
}
