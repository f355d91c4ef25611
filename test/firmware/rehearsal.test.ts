// Rehearsed calls: they are whole calls, they end, and one that cannot succeed says so.

import { randomBytes } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createMikeyKeying, type Keying } from "../../firmware/keying/index.js";
import { LEAST_CALLS, type Rehearsed, rehearse } from "../../firmware/rehearsal.js";
import { Log, systemClock, systemTimers } from "../../firmware/runtime/index.js";
import { loopbackTransports } from "../../firmware/signalling.js";
import { printSipUri, type SipTransport } from "../../firmware/sip/index.js";
import { eventually } from "../support/wait.js";

const test = suite("rehearsal");
const random = (length: number) => new Uint8Array(randomBytes(length));
const options = { clock: systemClock, timers: systemTimers, random, budgetMs: 60_000, calls: 5 };
const uri = "sip:alice@example.com";

/** A shared key whose use is counted. */
function counted(): { keying: Keying; sessions: string[]; closed: () => boolean } {
  const sessions: string[] = [];
  let isClosed = false;
  const inner = createMikeyKeying({ offer: "psk", psk: { key: random(32), name: "key" }, clock: systemClock, random });
  const keying: Keying = {
    ...inner,
    open(role, context, events) {
      sessions.push(`${role} ${context.localUri} ${context.peerUri}`);
      return inner.open(role, context, events);
    },
    close() {
      isClosed = true;
      inner.close();
    },
  };
  return { keying, sessions, closed: () => isClosed };
}

test("secured and open accounts take turns; keys are agreed on at both ends; everything is closed", async () => {
  const { keying, sessions, closed } = counted();
  const report = await rehearse(
    [
      { uri, security: "required", codecs: ["PCMU"], keying: [keying] },
      { uri: "sip:desk@example.com", security: "off", codecs: ["PCMA"], keying: [] },
    ],
    options,
  );
  assert.is(report.calls, 5);
  assert.ok(report.tookMs > 0 && report.firstMs > 0 && report.lastMs > 0);
  assert.equal(sessions, Array.from({ length: 3 }, () => [`offerer ${uri} ${uri}`, `answerer ${uri} ${uri}`]).flat());
  assert.ok(closed());
});

test("it meets what real calls meet, and passes whatever the owner thinks of others", async () => {
  const looked: string[] = [];
  const peers = new Set<string>();
  const lines: string[] = [];
  const open: Rehearsed = { uri, security: "off", codecs: ["PCMU"], keying: [] };
  const report = await rehearse([open], {
    ...options,
    alike: {
      ...{ product: "Sotto/test", supported: ["outbound"], rate: { messagesPerSource: 1000 } },
      callers: { allow: [], block: ["*@example.com", "sip:eve@example.com"], unknown: "reject" },
      log: new Log("rehearsal", (line) => lines.push(line), "debug"),
      lookUp(account, peer) {
        looked.push(account);
        if (peer) peers.add(printSipUri(peer));
      },
    },
  });
  assert.is(report.calls, 5);
  assert.equal([...new Set(looked)], [uri]);
  assert.ok(peers.has(uri), "addresses that are called directly are looked up");
  assert.ok(lines.length > 0);
});

test("a slow device plays a few calls whatever the budget; nothing to rehearse is fine", async () => {
  const open: Rehearsed = { uri, security: "off", codecs: ["PCMU"], keying: [] };
  assert.is((await rehearse([open], { ...options, budgetMs: 0 })).calls, LEAST_CALLS);
  assert.is((await rehearse([], options)).calls, 0);
  assert.is((await rehearse([open], { ...options, calls: 4, slow: { fromMs: 0, calls: 7 } })).calls, 7);
  assert.is(
    (await rehearse([open], { ...options, calls: 4, slow: { fromMs: 60_000, calls: 7 } })).calls,
    4,
    "a quick one",
  );
});

test("a quiet phone goes on rehearsing, call by call, and stops when it is told to", async () => {
  const stop = new AbortController();
  const open: Rehearsed = { uri, security: "off", codecs: ["PCMU"], keying: [] };
  let isQuiet = true;
  let begun = 0;
  let isOver = false;
  const pauses = new Set<() => void>();
  const timers = {
    after: (ms: number, run: () => void) => {
      if (ms !== 77_777) return systemTimers.after(ms, run);
      pauses.add(run);
      return { cancel: () => pauses.delete(run) };
    },
    at: systemTimers.at,
  };
  const going = rehearse([open], {
    ...{ ...options, clock: systemClock, timers, calls: 4, isQuiet: () => isQuiet },
    further: {
      ...{
        pauseMs: () => 77_777,
        calls: 1000,
        limitMs: Number.POSITIVE_INFINITY,
        signal: stop.signal,
        isQuiet: () => isQuiet,
      },
      begins: ({ calls }) => {
        begun = calls;
      },
    },
  }).finally(() => {
    isOver = true;
  });
  const pass = async () => {
    await eventually("a pause", 20_000, () => pauses.size === 1);
    for (const run of [...pauses]) run();
  };
  await pass();
  assert.is(begun, 4);
  await pass();
  isQuiet = false;
  await pass();
  await pass();
  await eventually("a pause", 20_000, () => pauses.size === 1);
  assert.not.ok(isOver);
  stop.abort();
  assert.is((await going).calls, 6);
  assert.is(pauses.size, 0);
});

test("further calls end by number and by time; sockets of our own on loopback carry them", async () => {
  const open: Rehearsed = { uri, security: "off", codecs: ["PCMU"], keying: [] };
  const transports = await loopbackTransports(["udp", "tcp"]);
  assert.ok(transports);
  const opened: SipTransport[] = [];
  const carried: string[] = [];
  const counting = async () => {
    const made = await transports();
    opened.push(...made);
    return made.map(
      (one): SipTransport => ({
        ...{ local: one.local, reliable: one.reliable, maxBytes: one.maxBytes },
        start: (receiver) => one.start(receiver),
        send: (bytes, to, done) => {
          carried.push(`${to.transport} ${to.host}`);
          one.send(bytes, to, done);
        },
        ...(one.reach ? { reach: (to, done) => one.reach!(to, done) } : {}),
        close: () => one.close(),
      }),
    );
  };
  const further = { pauseMs: () => 1, signal: new AbortController().signal, begins() {} };
  const shared = { ...options, calls: 2, transports: counting };
  const limitMs = 600_000;
  assert.is((await rehearse([open], { ...shared, further: { ...further, calls: 3, limitMs } })).calls, 5);
  assert.is((await rehearse([open], { ...shared, further: { ...further, calls: 3, limitMs: 0 } })).calls, 2);
  assert.is(opened.length, 8);
  assert.ok(carried.length >= 7 * 6);
  assert.equal([...new Set(carried)], ["udp 127.0.0.1"]);
});

test("a real call is not kept waiting by the first calls", async () => {
  const open: Rehearsed = { uri, security: "off", codecs: ["PCMU"], keying: [] };
  let asked = 0;
  assert.is((await rehearse([open], { ...options, calls: 40, isQuiet: () => ++asked <= 2 })).calls, 2);
});

test("a call that cannot come about is an error, not a wait, and closes the keys too", async () => {
  const { keying, closed } = counted();
  const broken: Keying = {
    ...keying,
    open(role, context, events) {
      return keying.open(role, { ...context, localUri: role === "offerer" ? "sip:eve@example.com" : uri }, events);
    },
  };
  try {
    await rehearse([{ uri, security: "required", codecs: ["PCMU"], keying: [broken] }], options);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /a rehearsed call failed/);
  }
  assert.ok(closed());
});

test("so is one whose caller has nothing to offer", async () => {
  const { keying } = counted();
  const error = { code: "unknown-recipient", sipStatus: 488, text: "no certificate of theirs", user: "…" };
  const unable: Keying = {
    ...keying,
    open: (...given) => Object.assign(keying.open(...given), { offer: async () => ({ ok: false, error }) }),
  };
  try {
    await rehearse([{ uri, security: "required", codecs: ["PCMU"], keying: [unable] }], options);
    assert.unreachable();
  } catch (failure) {
    assert.match((failure as Error).message, /a rehearsed call failed/);
  }
});

test.run();
