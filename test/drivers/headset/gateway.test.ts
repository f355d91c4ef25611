// The audio gateway against the Hands-Free Profile's text: exchanges character by character, and a hands-free unit that shares no code with it.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HeadsetCall, HeadsetEvent } from "../../../drivers/contract.js";
import { AudioGateway, type GatewayOptions } from "../../../drivers/headset/index.js";
import { HandsFree, Refused } from "../../../drivers/headset-simulator/index.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { vectors } from "../../vectors.js";

function phone(options: GatewayOptions = {}, can: (event: HeadsetEvent) => boolean = () => true) {
  const time = new VirtualTime();
  const events: HeadsetEvent[] = [];
  const said: string[] = [];
  let deliver: (text: string) => void = () => {};
  const codecs: number[] = [];
  const gateway = new AudioGateway(options, {
    clock: time,
    timers: time,
    send: (text) => {
      said.push(text);
      deliver(text);
    },
    event: (event) => {
      events.push(event);
      return can(event);
    },
    codec: (id) => codecs.push(id),
  });
  return {
    time,
    events,
    said,
    codecs,
    gateway,
    /** Sends a line and returns what came back. */
    say: (line: string) => {
      said.length = 0;
      gateway.receive(line);
      return said.join("");
    },
    wearer: (features?: number, codecs?: number[]) => {
      const wearer: HandsFree = new HandsFree({
        timers: time,
        features,
        codecs,
        send: (text) => gateway.receive(text),
      });
      deliver = (text) => wearer.receive(text);
      return wearer;
    },
  };
}

const incoming: HeadsetCall = { id: 7, state: "incoming", direction: "incoming", from: "sip:+4930123@example.com" };
const active: HeadsetCall = { ...incoming, state: "active" };
const other: HeadsetCall = { id: 9, state: "incoming", direction: "incoming", from: "sip:carol@example.com" };

// Exchanges as the profile's text and its message sequence charts give them.
interface Exchange {
  readonly name: string;
  /** The profile's name of the procedure. */
  readonly procedure: string;
  readonly calls?: HeadsetCall[];
  readonly setUp?: string[];
  readonly ask: string;
  readonly answer: string;
  readonly events?: HeadsetEvent[];
}
const { exchanges } = vectors<{ exchanges: Exchange[] }>("hfp-exchanges");
for (const { name, procedure, calls, setUp, ask, answer, events } of exchanges)
  test(`HFP 1.7, ${procedure}: ${name}`, () => {
    const one = phone({ operator: "example.com", number: "+4930999" });
    for (const line of setUp ?? []) one.gateway.receive(`${line}\r`);
    one.gateway.update(calls ?? []);
    one.events.length = 0;
    assert.is(one.say(`${ask}\r`), answer);
    assert.equal(one.events, events ?? []);
    one.gateway.reset();
    assert.is(one.time.active, 0);
  });

// The numbers BlueZ (src/shared/hfp.h), oFono (src/emulator.c), Zephyr (hfp_ag.c) and PipeWire (backend-native.c) have for the same things:
// read there, and the same in all that have them.
test("features, indicators, call states, number types and errors are the numbers other implementations use", () => {
  const features = { threeWay: 0x1, echoAndNoise: 0x2, reject: 0x20, callStatus: 0x40, callControl: 0x80 };
  const newer = { extendedErrors: 0x100, codecs: 0x200, indicators: 0x400 };
  const sum = Object.values({ ...features, ...newer }).reduce((all, bit) => all | bit, 0);
  const one = phone();
  assert.is(one.say("AT+BRSF=1023\r"), `\r\n+BRSF: ${sum}\r\n\r\nOK\r\n`);
  const named = one.say("AT+CIND=?\r");
  assert.equal(
    [...named.matchAll(/"(\w+)",\((\d)[-,](\d)\)/g)].map(([, name, least, most]) => [name, least, most]),
    [
      ["service", "0", "1"],
      ["call", "0", "1"],
      ["callsetup", "0", "3"],
      ["callheld", "0", "2"],
      ["signal", "0", "5"],
      ["roam", "0", "1"],
      ["battchg", "0", "5"],
    ],
  );
  const call = (state: HeadsetCall["state"], id = 1): HeadsetCall => ({
    ...{ id, state, direction: state === "incoming" ? "incoming" : "outgoing" },
    from: id === 1 ? "sip:12@example.com" : "sip:@example.com",
  });
  const setup = (): string => {
    const values = one
      .say("AT+CIND?\r")
      .match(/\d(,\d){6}/)![0]
      .split(",");
    return values.slice(1, 4).join("");
  };
  const status = (): string[] => [...one.say("AT+CLCC\r").matchAll(/\+CLCC: \d,\d,(\d)/g)].map(([, number]) => number);
  for (const [calls, indicators, states] of [
    [[call("active")], "100", ["0"]],
    [[call("held")], "102", ["1"]],
    [[call("dialling")], "020", ["2"]],
    [[call("alerting")], "030", ["3"]],
    [[call("incoming")], "010", ["4"]],
    [[call("active"), call("incoming", 2)], "110", ["0", "5"]],
    [[call("active"), call("held", 2)], "101", ["0", "1"]],
  ] as const) {
    one.gateway.update([...calls]);
    assert.is(setup(), indicators, JSON.stringify(calls));
    assert.equal(status(), states);
  }
  const types = (from: string) => {
    one.gateway.update([{ ...call("active"), from }]);
    return /"([^"]*)",(\d+)/.exec(one.say("AT+CLCC\r"))!.slice(1);
  };
  assert.equal(types("sip:+4930@example.com"), ["+4930", "145"]);
  assert.equal(types("sip:4930@example.com"), ["4930", "129"]);
  assert.equal(types(""), ["", "128"]);
  one.say("AT+CMEE=1\r");
  one.gateway.update([]);
  assert.is(one.say("AT+CHUP\r"), "\r\n+CME ERROR: 3\r\n");
});

test("the service level connection, with everything both sides know, and nothing against the text", async () => {
  const one = phone();
  const wearer = one.wearer();
  await wearer.connect();
  assert.equal(one.events, [{ type: "connected", name: "Bluetooth headset" }]);
  assert.equal(
    [...wearer.indicators],
    [
      ["service", 1],
      ["call", 0],
      ["callsetup", 0],
      ["callheld", 0],
      ["signal", 5],
      ["roam", 0],
      ["battchg", 5],
    ],
  );
  assert.equal(wearer.violations, []);
});

test("headsets of every make: each set of features leads to one connection, not before its last step", async () => {
  for (const features of [0, 1 << 1, 1 << 7, 1 << 8, (1 << 1) | (1 << 8), (1 << 1) | (1 << 7), 0x1ff, 127]) {
    const one = phone();
    const wearer = one.wearer(features);
    await wearer.connect();
    assert.is(one.events.filter(({ type }) => type === "connected").length, 1, `features ${features}`);
    assert.equal(wearer.violations, [], `features ${features}`);
  }
  const half = phone();
  for (const line of ["AT+BRSF=2", "AT+CIND=?", "AT+CIND?", "AT+CMER=3,0,0,1"]) half.gateway.receive(`${line}\r`);
  assert.equal([half.events, half.gateway.connected], [[], false]);
});

test("an incoming call rings every 3 s with the caller's number until it is answered", async () => {
  const one = phone();
  const wearer = one.wearer();
  await wearer.connect();
  one.gateway.update([incoming]);
  assert.equal([wearer.rings, wearer.caller, wearer.indicators.get("callsetup")], [1, "+4930123", 1]);
  one.time.advance(6500);
  assert.is(wearer.rings, 3);
  await wearer.answer();
  assert.equal(one.events.at(-1), { type: "answer", call: 7 });
  one.gateway.update([active]);
  one.time.advance(10_000);
  assert.equal([wearer.rings, wearer.indicators.get("call"), wearer.indicators.get("callsetup")], [3, 1, 0]);
  assert.equal(await wearer.listCalls(), [{ index: 1, direction: "incoming", status: "active", number: "+4930123" }]);
  one.gateway.update([]);
  assert.is(wearer.indicators.get("call"), 0);
  assert.equal(wearer.violations, []);
  assert.is(one.time.active, 0);
});

test("a call that is told of when it alerts already was dialled first", async () => {
  const one = phone();
  await one.wearer().connect();
  one.said.length = 0;
  one.gateway.update([{ id: 3, direction: "outgoing", from: "sip:5551234@example.com", state: "alerting" }]);
  assert.is(one.said.join(""), "\r\n+CIEV: 3,2\r\n\r\n+CIEV: 3,3\r\n");
});

test("an outgoing call: dialling, alerting, answered, ended", async () => {
  const one = phone();
  const wearer = one.wearer();
  await wearer.connect();
  const call = { id: 3, direction: "outgoing", from: "sip:5551234@example.com" } as const;
  const seen: string[] = [];
  for (const state of ["dialling", "alerting", "active"] as const) {
    one.gateway.update([{ ...call, state }]);
    seen.push(
      [wearer.indicators.get("call"), wearer.indicators.get("callsetup"), (await wearer.listCalls())[0].status].join(),
    );
  }
  one.gateway.update([]);
  seen.push([wearer.indicators.get("call"), wearer.indicators.get("callsetup")].join());
  assert.equal(seen, ["0,2,dialling", "0,3,alerting", "1,0,active", "0,0"]);
  assert.equal([wearer.rings, wearer.violations], [0, []]);
});

test("a second call knocks; the wearer takes it, swaps, ends one and comes back", async () => {
  const one = phone();
  const wearer = one.wearer();
  await wearer.connect();
  one.gateway.update([active]);
  one.gateway.update([active, other]);
  assert.equal([wearer.waiting, wearer.rings, wearer.indicators.get("callsetup")], ["carol", 0, 1]);
  assert.equal(
    (await wearer.listCalls()).map(({ index, status }) => `${index} ${status}`),
    ["1 active", "2 waiting"],
  );
  await wearer.hold("2");
  assert.equal(one.events.splice(1), [{ type: "answer", call: 9 }]);
  one.gateway.update([
    { ...active, state: "held" },
    { ...other, state: "active" },
  ]);
  assert.equal([wearer.indicators.get("callheld"), wearer.indicators.get("callsetup")], [1, 0]);
  await wearer.hold("2");
  assert.equal(one.events.splice(1), [
    { type: "hold", call: 9 },
    { type: "resume", call: 7 },
  ]);
  await wearer.hold("1");
  assert.equal(one.events.splice(1), [
    { type: "hangup", call: 9 },
    { type: "resume", call: 7 },
  ]);
  one.gateway.update([{ ...active, state: "held" }]);
  assert.is(wearer.indicators.get("callheld"), 2);
  await wearer.hold("0");
  assert.equal(one.events.splice(1), [{ type: "hangup", call: 7 }]);
  assert.equal(wearer.violations, []);
});

test("AT+CHUP ends the running call and leaves the waiting and the held one alone", async () => {
  const one = phone();
  const wearer = one.wearer();
  await wearer.connect();
  one.gateway.update([active, other]);
  await wearer.hangUp();
  assert.equal(one.events.splice(1), [{ type: "hangup", call: 7 }]);
  one.gateway.update([{ ...active, state: "held" }]);
  assert.instance(await wearer.hangUp().catch((e: Error) => e), Refused);
});

test("what the phone cannot do is refused, and the link lives on", async () => {
  const one = phone({}, ({ type }) => type === "connected");
  const wearer = one.wearer();
  await wearer.connect();
  for (const ask of [() => wearer.redial(), () => wearer.dialMemory(3), () => wearer.dial("1"), () => wearer.answer()])
    assert.instance(await ask().catch((e: Error) => e), Refused);
  const thrower = phone({}, () => {
    throw new Error("no line free");
  });
  assert.is(thrower.say("ATD5;\r"), "\r\nERROR\r\n");
  assert.is(await wearer.operator(), "Sotto");
});

test("what is to be said of a call waits for the command's OK", async () => {
  const one = phone({}, (event) => {
    if (event.type === "dial")
      one.gateway.update([{ id: 1, state: "dialling", direction: "outgoing", from: event.number }]);
    return true;
  });
  await one.wearer().connect();
  assert.is(one.say("ATD123;\r"), "\r\nOK\r\n\r\n+CIEV: 3,2\r\n");
});

test("the Headset Profile: one button, no features; RING while it rings", () => {
  const one = phone();
  one.gateway.update([incoming]);
  assert.is(one.said.join(""), "\r\nRING\r\n");
  assert.is(one.say("AT+CKPD=200\r"), "\r\nOK\r\n");
  assert.equal(
    one.events.map(({ type }) => type),
    ["connected", "answer"],
  );
  one.gateway.update([active]);
  one.gateway.receive("AT+CKPD=200\r");
  one.gateway.update([]);
  one.gateway.receive("AT+CKPD=200\r");
  assert.equal(one.events.slice(2), [{ type: "hangup", call: 7 }, { type: "redial" }]);
  assert.is(one.say("AT+VGS=9\rAT+VGM=3\r"), "\r\nOK\r\n\r\nOK\r\n");
});

test("volume: the wearer's reaches the phone, the phone's reaches the headset once", async () => {
  const one = phone();
  const wearer = one.wearer();
  await wearer.connect();
  one.gateway.volume(0.4);
  one.gateway.volume(0.41);
  assert.is(wearer.speaker, 6);
  assert.is(one.said.filter((text) => text.includes("+VGS")).length, 1);
  await wearer.setSpeaker(15);
  assert.equal(one.events.at(-1), { type: "volume", speaker: 1 });
  one.gateway.volume(1);
  assert.is(wearer.speaker, 6);
});

test("codecs: mSBC where both sides and the sound device have it", async () => {
  for (const [ours, theirs, agreed] of [
    [[1, 2], [1, 2], [2]],
    [[1, 2], [1], [1]],
    [[1], [1, 2], []],
  ] as const) {
    const one = phone({ codecs: ours });
    const wearer = one.wearer(undefined, [...theirs]);
    await wearer.connect();
    await Promise.resolve();
    assert.equal([one.codecs, wearer.violations], [[...agreed], []]);
    await wearer.connectSound();
    assert.is(wearer.codec, agreed[0] ?? 1);
  }
});

test("a headset that begins anew is a new link", async () => {
  const one = phone();
  await one.wearer().connect();
  await one.wearer().connect();
  assert.equal(
    one.events.map(({ type }) => type),
    ["connected", "disconnected", "connected"],
  );
});

test("one fuzzed line after another: every line that is not empty is answered with exactly one OK or ERROR", () => {
  const word = fc.constantFrom(
    ..."AT+BRSF= AT+BAC= AT+CIND AT+CMER= AT+CHLD= AT+BIND AT+BIEV= ATA ATD ATD> AT+CHUP AT+CKPD= AT+BLDN AT+VTS= AT+CLCC AT+CLIP= AT+CCWA= AT+VGS= AT+VGM= AT+NREC= AT+BCC AT+BCS= AT+COPS AT+CNUM AT+CMEE= AT+BIA= AT+XAPL=".split(
      " ",
    ),
  );
  const line = fc.oneof(
    fc.string({ maxLength: 300, unit: "binary" }),
    fc.tuple(word, fc.string({ maxLength: 40 })).map((parts) => parts.join("")),
    fc.tuple(word, fc.array(fc.nat(70_000), { maxLength: 40 })).map(([a, b]) => a + b.join(",")),
    fc
      .tuple(word, fc.constantFrom("?", "=?", "", "=", ";", "200", "3,0,0,1", "1", "2", "22", "1;", ">1;"))
      .map((p) => p.join("")),
  );
  const calls = fc.subarray([incoming, other, { ...active, id: 11 }, { ...active, id: 12, state: "held" as const }]);
  fc.assert(
    fc.property(fc.array(fc.tuple(line, calls), { maxLength: 12 }), (lines) => {
      const one = phone({}, (event) => event.type !== "redial");
      for (const [text, now] of lines) {
        one.gateway.update(now);
        const bytes = Buffer.from(text.replace(/[\r\n]/g, " "), "utf8")
          .toString("latin1")
          .replace(/[\r\n]/g, " ");
        const back = one.say(`${bytes}\r\n`);
        const results = back.match(/\r\n(OK|ERROR|\+CME ERROR: 3)\r\n/g) ?? [];
        assert.is(results.length, bytes.trim() ? 1 : 0, JSON.stringify([bytes, back]));
      }
      one.gateway.receive("AT+BRSF=0\r");
      assert.ok(one.said.join("").endsWith("\r\n+BRSF: 2019\r\n\r\nOK\r\n"));
      one.gateway.reset();
      assert.is(one.time.active, 0);
    }),
    { numRuns: 1500 },
  );
});

test("garbage in any cut, and lines without end, take bounded memory and one ERROR", () => {
  const one = phone();
  for (let i = 0; i < 2000; i++) one.gateway.receive("x".repeat(1000));
  assert.equal(one.said, []);
  assert.is(one.say("\r"), "\r\nERROR\r\n");
  assert.is(one.say("AT+CMEE=1\r"), "\r\nOK\r\n");
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 30 }), (pieces) => {
      for (const piece of pieces) one.gateway.receive(Buffer.from(piece).toString("latin1"));
    }),
    { numRuns: 500 },
  );
  one.gateway.receive("\r");
  assert.is(one.say("AT+BRSF=0\r"), "\r\n+BRSF: 2019\r\n\r\nOK\r\n");
});

test.run();
