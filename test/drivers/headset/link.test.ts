// The line to a headset: opened again ever more slowly, never believed to be connected, gone and back over a real pty.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HeadsetEvent } from "../../../drivers/contract.js";
import { BluetoothHeadset, HeadsetLink, openSerial } from "../../../drivers/headset/index.js";
import { HandsFree } from "../../../drivers/headset-simulator/index.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { needTool } from "../../interop/tools.js";
import { PtyPair } from "../../support/pty-pair.js";
import { eventually, Journal } from "../../support/wait.js";
import { bluetooth, FakePort } from "./implementations.js";

const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

/** A link whose port opens or not as the test says. */
function link(isThere = false) {
  const time = new VirtualTime();
  const said: string[] = [];
  const tries: number[] = [];
  const ports: FakePort[] = [];
  let there = isThere;
  let why = "no such file";
  const made = new HeadsetLink(
    "/dev/rfcomm0",
    {
      open: () => said.push("open"),
      data: (text) => said.push(text),
      lost: (reason) => said.push(`lost ${reason}`),
      cannot: (reason) => said.push(`cannot ${reason}`),
    },
    time,
    async () => {
      tries.push(time.now());
      if (!there) throw new Error(why);
      const port = new FakePort(() => {});
      ports.push(port);
      return port;
    },
  );
  const pass = async (ms: number) => {
    for (let i = 0; i < ms; i += 100) {
      time.advance(100);
      await settle();
    }
  };
  return {
    ...{ time, said, tries, ports, made, pass },
    there: (is: boolean, reason = why) => {
      there = is;
      why = reason;
    },
  };
}

test("a line that is not there is tried ever more slowly, and said once for each reason", async () => {
  const one = link();
  await settle();
  await one.pass(60_000);
  assert.equal(one.tries, [0, 500, 1500, 3500, 7500, 15_500, 30_500, 45_500]);
  one.there(false, "busy");
  await one.pass(20_000);
  assert.equal(one.said, ["cannot no such file", "cannot busy"]);
  one.there(true);
  await one.pass(20_000);
  assert.is(one.said.at(-1), "open");
  await one.made.close();
  assert.is(one.time.active, 0);
});

test("a line that opens and hangs up again and again is not hammered; one that was used is tried at once", async () => {
  const one = link(true);
  await settle();
  for (let i = 0; i < 4; i++) {
    one.ports.at(-1)!.emit("close", new Error("gone"));
    await one.pass(20_000);
  }
  const gaps = one.tries.slice(1).map((at, i) => at - one.tries[i]);
  assert.ok(gaps[3] > gaps[0], gaps.join());
  one.made.proven();
  const before = one.time.now();
  one.ports.at(-1)!.emit("close", new Error("gone"));
  await one.pass(1000);
  assert.is(one.tries.at(-1)! - before, 500);
  await one.made.close();
});

test("a headset that does not read is cut off", async () => {
  const one = link(true);
  await settle();
  one.ports[0].writableLength = 40_000;
  one.made.send("RING");
  assert.is(one.said.at(-1), "lost the headset does not read what it is told");
  await one.made.close();
});

test("an open line is not a connected headset", async () => {
  const { headset, wearer } = bluetooth();
  const seen: string[] = [];
  headset.listen((event) => seen.push(event.type));
  await settle();
  headset.callState("incoming", "sip:bob@example.com");
  assert.equal([seen, headset.connected], [[], false]);
  await wearer.connect();
  assert.equal([seen, headset.connected], [["connected"], true]);
  await headset.close();
});

if (needTool("socat")) {
  /** A wearer at the far end of a pty. */
  const wear = async (path: string) => {
    const port = await openSerial(path);
    const wearer: HandsFree = new HandsFree({ send: (text) => port.write(text, "latin1"), answerMs: 30_000 });
    port.on("data", (bytes) => wearer.receive(bytes.toString("latin1")));
    port.on("close", () => wearer.lost());
    port.on("error", () => {});
    return {
      wearer,
      port,
      close: () => new Promise<void>((resolve) => (port.isOpen ? port.close(() => resolve()) : resolve())),
    };
  };

  test("over a pty: connected, used, unplugged, plugged in again, connected again", async () => {
    const line = new PtyPair();
    const told: string[] = [];
    const headset = new BluetoothHeadset({ tty: line.phone, tell: (text) => told.push(text) });
    const events = new Journal<HeadsetEvent>();
    headset.listen((event) => events.add(event));
    await eventually("said to be missing", 20_000, () => /rfcomm0 cannot be opened: .*No such file/.test(told[0]));
    for (let round = 0; round < 2; round++) {
      await line.plug();
      const { wearer, close } = await wear(line.headset);
      const from = events.entries.length;
      await eventually(
        "the phone has opened the line",
        20_000,
        () => told.filter((text) => /is open/.test(text)).length > round,
      );
      await wearer.connect();
      await events.until("connected", ({ type }) => type === "connected", 8000, from);
      headset.callState("incoming", "sip:bob@example.com");
      await eventually("it rings", 20_000, () => wearer.rings > 0 && wearer.caller === "bob");
      await wearer.answer();
      await events.until("answered", ({ type }) => type === "answer", 8000, from);
      headset.callState("active", "sip:bob@example.com");
      await eventually("in a call", 20_000, () => wearer.indicators.get("call") === 1);
      assert.equal(wearer.violations, []);
      await line.unplug();
      await events.until("disconnected", ({ type }) => type === "disconnected", 8000, from);
      assert.is(headset.connected, false);
      headset.callState("idle");
      await close();
    }
    await headset.close();
  });

  test("over a pty: a flood of garbage is answered and does not keep a call from being answered", async () => {
    const line = new PtyPair();
    await line.plug();
    const headset = new BluetoothHeadset({ tty: line.phone });
    const events = new Journal<HeadsetEvent>();
    headset.listen((event) => events.add(event));
    const { wearer, port, close } = await wear(line.headset);
    for (let i = 0; i < 50; i++) port.write("\u0000\u00ffAT+\u0007garbage".repeat(20) + "\r", "latin1");
    await eventually("the garbage is answered", 20_000, () => wearer.violations.length >= 50);
    await wearer.connect();
    headset.callState("incoming", "sip:bob@example.com");
    await wearer.answer();
    await events.until("answered", ({ type }) => type === "answer");
    await headset.close();
    await close();
    await line.unplug();
  });
}

test.run();
