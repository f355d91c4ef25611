// Cases and filters: what is taken, how often, and what a filter's words mean.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { allCases, callsOf, caseName } from "../../../scripts/latency-lab/cases.js";
import { parseFilters } from "../../../scripts/latency-lab/filter.js";
import { estimateMs, planRun, stepsOf } from "../../../scripts/latency-lab/plan.js";
import { isDue } from "../../../scripts/latency-lab/runner.js";
import { plain } from "./fixture.js";

const test = suite("what the laboratory measures");
const taken = (...filters: string[]) => {
  const filter = parseFilters(filters);
  return allCases().filter((one) => filter.takes(one) !== "no");
};

test("every case has a name of its own; every method over every transport, way, warmth and precomputation is there", () => {
  const names = allCases().map(caseName);
  assert.is(new Set(names).size, names.length);
  const onLoopback = allCases().filter((one) => one.processor === "native" && one.network === "loopback");
  assert.is(onLoopback.length, 6 * 3 * 2 * 2 * 2);
});

test("words of one dimension are alternatives, words of several go together, several filters add up", () => {
  const names = taken("dh,none/udp/direct/warm/on/native/loopback").map(caseName);
  assert.equal(names, ["none/udp/direct/warm/on/native/loopback", "dh/udp/direct/warm/on/native/loopback"]);
  assert.is(taken("psk/tcp/native/loopback/direct/warm").length, 2);
  assert.is(taken("psk/udp/native/loopback/direct/warm/on", "rsa-r/tls/native/loopback/direct/warm/on").length, 2);
});

test("a part's name takes the part and no case; a case takes no part", () => {
  assert.equal(taken("peers"), []);
  const filter = parseFilters(["peers", "dh/udp"]);
  assert.ok(filter.takesPart("peers") && !filter.takesPart("voice"));
  assert.ok(taken("peers", "dh/udp").length > 0);
});

test("a word that is none is named", () => {
  assert.throws(() => parseFilters(["dh/udpp"]), /"udpp" is no word of a filter; there are: none psk dh /);
});

test("what takes long is measured where a target needs it, or when it is named", () => {
  assert.is(callsOf({ ...plain, method: "dh", warmth: "cold" }, 50, false), 50);
  assert.is(callsOf({ ...plain, method: "psk", warmth: "cold" }, 50, false), 10);
  assert.is(callsOf({ ...plain, warmth: "cold", path: "proxies" }, 50, false), 0);
  assert.is(callsOf({ ...plain, warmth: "cold", path: "proxies" }, 50, true), 10);
  assert.is(callsOf({ ...plain, processor: "armv7" }, 50, false), 50);
  assert.is(callsOf({ ...plain, processor: "armv7", transport: "tls" }, 50, false), 0);
});

test("a plan puts cases with two phones in common together, and says how long it takes", () => {
  const plan = planRun(50, parseFilters(["none,dh/udp/direct,proxies/warm,cold/on/native/loopback"]), false);
  assert.equal(
    plan.sites.map(({ name, cases, warmup }) => [name, cases.length, warmup]),
    [
      ["udp/direct/on/native/loopback", 2, 45],
      ["udp/proxies/on/native/loopback", 2, 45],
    ],
  );
  assert.equal(plan.parts, []);
  const cold = plan.cold.reduce((sum, { calls }) => sum + calls, 0);
  assert.is(cold, 2 * 50 + 2 * 10);
  assert.is(stepsOf(plan), 4 * (50 + 45) + cold);
  const longer = planRun(100, parseFilters(["none,dh/udp/direct,proxies/warm,cold/on/native/loopback"]), false);
  assert.ok(estimateMs(plan) > 60_000 && estimateMs(longer) > estimateMs(plan));
});

test("calls of a case with fewer of them are spread over all rounds", () => {
  const due = Array.from({ length: 50 }, (_, round) => isDue(round, 50, 10));
  assert.is(due.filter(Boolean).length, 10);
  assert.ok(due.slice(0, 5).includes(true) && due.slice(45).includes(true));
  assert.ok(Array.from({ length: 7 }, (_, round) => isDue(round, 7, 7)).every(Boolean));
});

test.run();
