// The telephone in the hand: what each key does, and that nothing rings or shakes longer than it should.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { DisplayView, HeadsetCallState, IndicatorState } from "../../../drivers/contract.js";
import type { CallControl, CallSnapshot, CallState } from "../../../firmware/call/types.js";
import { Handset } from "../../../firmware/handset/index.js";
import type { Tone } from "../../../firmware/media/voice.js";
import { silentLog } from "../../../firmware/runtime/log.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

function snapshot(
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

class Phone {
  readonly time = new VirtualTime();
  readonly asked: string[] = [];
  ringing = false;
  vibrating = false;
  tone: Tone | undefined;
  light: IndicatorState = "off";
  headset: HeadsetCallState = "idle";
  view: DisplayView = { title: "", lines: [] };
  broken = "";
  readonly handset: Handset;

  constructor() {
    const ask =
      (name: string) =>
      (...what: unknown[]): never => {
        this.asked.push([name, ...what].join(" ").trim());
        return undefined as never;
      };
    const calls: CallControl = {
      dial: ask("dial"),
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
          start: () => {
            check("ringer");
            this.ringing = true;
          },
          stop: () => {
            this.ringing = false;
          },
          close: () => {},
        },
        vibrator: {
          start: () => {
            this.vibrating = true;
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
          listen: () => {},
          callState: (state) => {
            this.headset = state;
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
    });
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

const test = suite("handset");

test("an incoming call rings, shakes, lights; the call key answers", () => {
  const phone = new Phone();
  phone.call(1, "incoming", "ringing");
  assert.ok(phone.ringing && phone.vibrating);
  assert.is(phone.light, "ringing");
  assert.is(phone.headset, "incoming");
  assert.is(phone.view.title, "Incoming call");
  phone.press("call");
  assert.equal(phone.asked, ["answer 1"]);
  phone.call(1, "incoming", "answering");
  assert.ok(phone.quiet);
});

// Vibration that goes on after answering, or that buzzes on a dead call, is what people complain about: every way out is tried.
const exits: [string, (phone: Phone) => void][] = [
  ["answered", (phone) => phone.call(1, "incoming", "answering")],
  ["active", (phone) => phone.call(1, "incoming", "active")],
  [
    "cancelled by the caller",
    (phone) => phone.call(1, "incoming", "ended", { end: { by: "peer", code: "cancelled", text: "", user: "Missed" } }),
  ],
  [
    "declined",
    (phone) => phone.call(1, "incoming", "ended", { end: { by: "us", code: "declined", text: "", user: "Declined" } }),
  ],
  [
    "failed",
    (phone) => phone.call(1, "incoming", "ended", { end: { by: "error", code: "x", text: "", user: "Failed" } }),
  ],
  ["silenced by a volume key", (phone) => phone.press("volumeDown")],
  ["switched off", (phone) => phone.handset.close()],
];
for (const [name, leave] of exits)
  test(`nothing rings or shakes any more: ${name}`, () => {
    const phone = new Phone();
    phone.call(1, "incoming", "ringing");
    leave(phone);
    assert.ok(phone.quiet);
    phone.time.advance(60_000);
    assert.ok(phone.quiet);
    assert.is(phone.tone, undefined);
  });

test("a broken ringer does not keep the vibrator from running or stopping", () => {
  const phone = new Phone();
  phone.broken = "ringer";
  phone.call(1, "incoming", "ringing");
  assert.ok(phone.vibrating);
  phone.call(1, "incoming", "answering");
  assert.not(phone.vibrating);
});

test("a second call knocks instead of ringing while one is running", () => {
  const phone = new Phone();
  phone.call(1, "outgoing", "active");
  phone.call(2, "incoming", "ringing");
  assert.ok(phone.quiet);
  assert.is(phone.tone, "call-waiting");
  assert.is(phone.view.title, "Second call");
});

test("the hang-up key declines, cancels, hangs up", () => {
  for (const [direction, state] of [
    ["incoming", "ringing"],
    ["outgoing", "dialling"],
    ["outgoing", "ringing"],
    ["incoming", "active"],
    ["outgoing", "held"],
  ] as const) {
    const phone = new Phone();
    phone.call(7, direction, state);
    phone.press("hangup");
    assert.equal(phone.asked, ["hangup 7"], `${direction} ${state}`);
  }
});

test("ringback while the other phone rings, busy tone after, then silence", () => {
  const phone = new Phone();
  phone.call(1, "outgoing", "ringing");
  assert.is(phone.tone, "ringback");
  phone.call(1, "outgoing", "ended", { end: { by: "peer", status: 486, code: "busy", text: "", user: "Busy" } });
  assert.is(phone.tone, "busy");
  assert.ok(phone.view.lines.includes("Busy"));
  phone.time.advance(10_000);
  assert.is(phone.tone, undefined);
});

test("what was typed is dialled in our own domain", () => {
  const phone = new Phone();
  phone.press("4", "2", "#", "call");
  assert.equal(phone.asked, ["dial sip:42%23@here.test"]);
});

test("contacts: arrows choose, call dials, a long press on the digit dials", () => {
  const phone = new Phone();
  phone.press("down", "down", "call");
  phone.handset.key("long", "1");
  assert.equal(phone.asked, ["dial sip:bob@there.test", "dial sip:ann@there.test"]);
});

test("redial: the first press shows, the second dials", () => {
  const phone = new Phone();
  phone.press("5", "call");
  phone.press("call");
  assert.is(phone.asked.length, 1);
  assert.equal(phone.view.lines[0], "sip:5@here.test");
  phone.press("call");
  assert.equal(phone.asked, ["dial sip:5@here.test", "dial sip:5@here.test"]);
});

test("in a call: digits, mute, hold and back", () => {
  const phone = new Phone();
  phone.call(3, "outgoing", "active");
  phone.press("5", "mute", "call");
  phone.call(3, "outgoing", "held", { muted: true });
  phone.press("mute", "call");
  assert.equal(phone.asked, ["digit 5 3", "mute true 3", "hold 3", "mute false 3", "resume 3"]);
});

test("the screen says how private a call is", () => {
  const phone = new Phone();
  const peer = {
    identity: "sip:bob@there.test",
    proof: { kind: "certificate", subject: "Bob", ca: "Test CA", fingerprint: "00", notAfter: "2030-01-01" },
    method: "MIKEY signed Diffie-Hellman",
    sinceMs: 0,
  } as const;
  phone.call(1, "outgoing", "active", {
    security: { state: "secure", suite: "AES_CM_128_HMAC_SHA1_80", peer, rekeys: 0 },
  });
  assert.is(phone.light, "secure");
  const screen = phone.view.lines.join("\n");
  for (const word of ["Private", "Diffie-Hellman", "AES_CM_128_HMAC_SHA1_80", "sip:bob@there.test", "Test CA"])
    assert.ok(screen.includes(word), word);
  assert.not(/began in the open|keys changed/i.test(screen));
  const changed = { state: "secure", suite: "AEAD_AES_128_GCM", peer, rekeys: 2, openBefore: true } as const;
  phone.call(1, "outgoing", "active", { security: changed });
  assert.match(phone.view.lines.join("\n"), /Keys changed 2 times\n?.*It began in the open/s);
  phone.handset.key("long", "call");
  phone.call(1, "outgoing", "active", { security: { state: "open" } });
  assert.is(phone.light, "open");
  assert.match(phone.view.lines.join("\n"), /NOT PRIVATE/);
  phone.handset.key("long", "call");
  assert.equal(phone.asked, ["rekey 1", "secure 1"]);
});

test("what call control refuses is said on the screen", () => {
  const phone = new Phone();
  (phone.handset as unknown as { options: { calls: CallControl } }).options.calls.dial = () => {
    throw new Error("no key or certificate is configured");
  };
  phone.press("1", "call");
  assert.ok(phone.view.lines.includes("no key or certificate is configured"));
  assert.is(phone.light, "error");
});

test.run();
