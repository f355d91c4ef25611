// The telephone in the hand: what each key does, and that nothing rings or shakes longer than it should.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { DisplayView, HeadsetCallState, HeadsetEvent, IndicatorState } from "../../../drivers/contract.js";
import type { CallControl, CallSnapshot, CallState } from "../../../firmware/call/types.js";
import { Handset, type HandsetOptions } from "../../../firmware/handset/index.js";
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
  /** Whom call control was told to expect. */
  readonly expected: (string | undefined)[] = [];
  ringing = false;
  vibrating = false;
  tone: Tone | undefined;
  light: IndicatorState = "off";
  headset: HeadsetCallState = "idle";
  wearer: (event: HeadsetEvent) => unknown = () => {};
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
      dial: ask("dial"),
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

test("vibrate-only shakes without a sound, silent does neither; holding # changes it while idle", () => {
  const phone = new Phone({ mode: "vibrate", vibrate: false });
  phone.call(1, "incoming", "ringing");
  assert.equal([phone.ringing, phone.vibrating, phone.light], [false, true, "ringing"]);
  phone.call(1, "incoming", "ended");
  for (const [words, rings, shakes] of [
    [/silent/, false, false],
    [/rings/, true, false],
    [/vibrates/, false, true],
  ] as const) {
    phone.handset.key("press", "#");
    phone.handset.key("long", "#");
    assert.match(phone.view.lines.join(), words);
    phone.call(2, "incoming", "ringing");
    assert.equal([phone.ringing, phone.vibrating], [rings, shakes]);
    phone.call(2, "incoming", "ended");
  }
});

test("the ringer is told whose call it is: the proved identity before the stated address", () => {
  const phone = new Phone();
  phone.call(1, "incoming", "ringing");
  phone.call(1, "incoming", "ended");
  const proof = { kind: "shared-key", keyName: "k" } as const;
  const caller = { identity: "sip:carol@there.test", proof, method: "MIKEY", sinceMs: 0 };
  phone.call(2, "incoming", "ringing", { security: { state: "pending", caller } });
  assert.equal(phone.rang, ["ring sip:bob@there.test", "ring sip:carol@there.test"]);
});

test("a message sounds and shakes once, not in a call, and does not stop what rings meanwhile", () => {
  const phone = new Phone();
  const message = { type: "message", account: "sip:me@here.test", from: "sip:x@y.test", text: "hi" } as const;
  phone.handset.onCall(message);
  assert.equal([phone.rang, phone.shaken.length, phone.vibrating], [["message"], 1, false]);
  phone.time.advance(1000);
  phone.call(1, "incoming", "ringing");
  phone.time.advance(10_000);
  assert.ok(phone.ringing && phone.vibrating);
  phone.call(1, "incoming", "active");
  phone.handset.onCall(message);
  assert.equal([phone.rang.length, phone.shaken.length], [2, 2]);
});

test("a key is felt where that is wanted, and never in place of the ringing pattern", () => {
  const phone = new Phone({ keyClick: true });
  phone.press("5");
  assert.equal(phone.shaken, [[20]]);
  phone.call(1, "incoming", "ringing");
  phone.press("left");
  assert.is(phone.shaken.length, 2);
  assert.ok(phone.vibrating);
});

test("the screen is lit by keys and calls, dark a while after", () => {
  const phone = new Phone({ lightMs: 5000 });
  phone.time.advance(6000);
  assert.is(phone.lit, 0);
  phone.press("5");
  assert.is(phone.lit, 1);
  phone.time.advance(6000);
  assert.is(phone.lit, 0);
  phone.call(1, "incoming", "ringing");
  phone.time.advance(60_000);
  assert.is(phone.lit, 1);
  phone.call(1, "incoming", "active");
  phone.time.advance(6000);
  assert.is(phone.lit, 0);
});

test("a headset: the voice moves to it and back; what it asks for is done or refused", () => {
  const phone = new Phone();
  phone.wearer({ type: "connected", name: "Ear" });
  assert.is(phone.route, "headset");
  phone.call(4, "incoming", "ringing");
  assert.is(phone.wearer({ type: "answer", call: 4 }), true);
  phone.call(4, "incoming", "active");
  for (const event of [
    { type: "hold", call: 4 },
    { type: "digit", digit: "7" },
    { type: "hangup", call: 4 },
  ] as const)
    assert.is(phone.wearer(event), true);
  assert.is(phone.wearer({ type: "hangup", call: 99 }), false);
  assert.equal(phone.asked, ["answer 4", "hold 4", "digit 7 4", "hangup 4"]);
  phone.call(4, "incoming", "ended");
  assert.equal(
    [{ type: "redial" }, { type: "memory", location: 9 }, { type: "digit", digit: "1" }].map((event) =>
      phone.wearer(event as HeadsetEvent),
    ),
    [false, false, false],
  );
  assert.is(phone.wearer({ type: "memory", location: 1 }), true);
  assert.is(phone.asked.at(-1), "dial sip:ann@there.test");
  phone.wearer({ type: "disconnected", reason: "gone" });
  assert.is(phone.route, "handset");
});

test("volume keys repeat while held, others do not", () => {
  const phone = new Phone();
  for (let i = 0; i < 3; i++) phone.handset.key("repeat", "volumeDown");
  assert.match(phone.view.lines.join(), /Volume 50 %/);
  phone.handset.key("repeat", "5");
  assert.is(phone.view.title, "Ready");
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

test("who is likely to be called is expected: a contact shown, a digit with a contact, a number, the last one; nobody during a call", () => {
  const phone = new Phone();
  const after = (...keys: Parameters<Handset["key"]>[1][]) => {
    phone.press(...keys);
    return phone.expected.splice(0);
  };
  assert.equal(after("down", "down"), ["sip:ann@there.test", "sip:bob@there.test"]);
  assert.equal(after("volumeUp"), ["sip:bob@there.test"], "a key shows that the wish still stands");
  assert.equal(after("back"), [undefined]);
  assert.equal(after("1"), ["sip:ann@there.test"]);
  assert.equal(after("2"), [undefined]);
  assert.equal(after("3"), ["sip:123@here.test"]);
  assert.equal(after("call"), [], "dialling takes it");
  assert.equal(phone.asked, ["dial sip:123@here.test"]);
  assert.equal(after("call"), ["sip:123@here.test"], "to be dialled again");
  phone.call(1, "incoming", "ringing");
  assert.equal(phone.expected.splice(0), [undefined]);
  assert.equal(after("1"), []);
});

test("a contact that was shown when a call came in is not dialled by the next press of the call key", () => {
  const phone = new Phone();
  phone.press("down");
  phone.call(1, "incoming", "ringing");
  phone.call(1, "incoming", "ended", { end: { by: "peer", code: "cancelled", text: "", user: "Missed call" } });
  phone.press("call");
  assert.equal(phone.asked, []);
});

test.run();
