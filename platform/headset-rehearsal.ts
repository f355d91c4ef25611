// A headset in software goes through everything a headset does with this phone's Bluetooth side, and says what was wrong.

import type { HeadsetCall, HeadsetEvent } from "../drivers/contract.js";
import { systemClock } from "../firmware/runtime/clock.js";
import { systemTimers } from "../firmware/runtime/timers.js";

/** One step of a rehearsal. */
export interface Step {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
}

/** Plays a headset against a phone's audio gateway, both in this process. @param trace told every line either way. */
export async function* rehearseHeadset(trace?: (direction: ">" | "<", text: string) => void): AsyncGenerator<Step> {
  const { AudioGateway } = await import("../drivers/headset/index.js");
  const { HandsFree } = await import("../drivers/headset-simulator/index.js");
  const events: HeadsetEvent[] = [];
  const phone = new AudioGateway(
    { operator: "Sotto", codecs: [1, 2] },
    {
      ...{ clock: systemClock, timers: systemTimers },
      send: (text) => wearer.receive(text),
      event: (event) => {
        events.push(event);
        return true;
      },
    },
  );
  const wearer = new HandsFree({ send: (text) => phone.receive(text), trace });
  const incoming: HeadsetCall = { id: 1, state: "incoming", direction: "incoming", from: "sip:alice@example.com" };
  const active: HeadsetCall = { ...incoming, state: "active" };
  const second: HeadsetCall = { ...incoming, id: 2, from: "sip:bob@example.com" };
  const expect = (what: boolean, text: string) => {
    if (!what) throw new Error(text);
  };
  const heard = (type: HeadsetEvent["type"]) =>
    expect(
      events.some((event) => event.type === type),
      `the phone did not hear "${type}"`,
    );
  const steps: [string, () => Promise<unknown>][] = [
    ["connects (service level connection)", () => wearer.connect().then(() => heard("connected"))],
    ["asks for the operator", () => wearer.operator().then((name) => expect(name === "Sotto", `it is told "${name}"`))],
    [
      "hears a call ring, with its number",
      async () => {
        phone.update([incoming]);
        expect(wearer.rings > 0 && wearer.caller === "alice", "no RING, or no +CLIP");
      },
    ],
    ["answers", () => wearer.answer().then(() => heard("answer"))],
    [
      "sees the call as active",
      async () => {
        phone.update([active]);
        expect(wearer.indicators.get("call") === 1, "+CIEV did not say so");
        expect((await wearer.listCalls())[0]?.status === "active", "+CLCC did not say so");
      },
    ],
    ["sends a digit", () => wearer.digit("5").then(() => heard("digit"))],
    ["sets the volume", () => wearer.setSpeaker(9).then(() => heard("volume"))],
    [
      "hears a second call knock",
      async () => {
        phone.update([active, second]);
        expect(wearer.waiting === "bob", "no +CCWA");
      },
    ],
    ["takes the second call", () => wearer.hold("2")],
    [
      "puts the call on hold",
      async () => {
        phone.update([active]);
        await wearer.hold("2");
        heard("hold");
      },
    ],
    ["hangs up", () => wearer.hangUp().then(() => heard("hangup"))],
    [
      "dials",
      async () => {
        phone.update([]);
        await wearer.dial("123");
        heard("dial");
      },
    ],
    ["redials", () => wearer.redial().then(() => heard("redial"))],
    ["reports its battery", () => wearer.battery(80).then(() => heard("battery"))],
    [
      "is refused what makes no sense",
      () =>
        wearer.ask("AT+NONSENSE=1").then(
          () => expect(false, "nonsense was answered OK"),
          () => {},
        ),
    ],
  ];
  for (const [name, run] of steps) {
    try {
      await run();
      yield { name, ok: true, text: "" };
    } catch (error) {
      yield { name, ok: false, text: (error as Error).message };
    }
  }
  phone.reset();
  const { violations } = wearer;
  yield { name: "nothing against the profile's text", ok: violations.length === 0, text: violations.join("; ") };
}

/** Plays a headset on a line, against a phone that has the other end. @throws Error that says what the line or the phone did. */
export async function* wearHeadset(
  tty: string,
  trace?: (direction: ">" | "<", text: string) => void,
): AsyncGenerator<Step> {
  const { openSerial } = await import("../drivers/headset/index.js");
  const { HandsFree } = await import("../drivers/headset-simulator/index.js");
  const port = await openSerial(tty).catch((error: Error) => {
    throw new Error(`the line ${tty}: ${error.message.replace(/^Error: /, "")}`);
  });
  const wearer = new HandsFree({ send: (text) => port.write(text, "latin1"), trace });
  port.on("data", (bytes) => wearer.receive(bytes.toString("latin1")));
  port.on("close", () => wearer.lost());
  port.on("error", () => {});
  try {
    for (const [name, run] of [
      ["connects (service level connection)", () => wearer.connect()],
      ["asks for the operator", () => wearer.operator()],
      ["lists the calls", () => wearer.listCalls()],
    ] as const) {
      const found = await run();
      yield { name, ok: true, text: found === undefined ? "" : JSON.stringify(found) };
    }
    yield {
      name: "nothing against the profile's text",
      ok: wearer.violations.length === 0,
      text: wearer.violations.join("; "),
    };
  } finally {
    await new Promise<void>((resolve) => (port.isOpen ? port.close(() => resolve()) : resolve()));
  }
}
