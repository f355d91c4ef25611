// Targets and budgets: what is divided by what, and on which side of the limit it falls.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Board } from "../../../platform/board.js";
import { boards, findBoard } from "../../../platform/index.js";
import { checkBudgets, checkFilter, verdictLines } from "../../../scripts/latency-lab/check.js";
import { parseFilters } from "../../../scripts/latency-lab/filter.js";
import { planRun } from "../../../scripts/latency-lab/plan.js";
import { targetLine } from "../../../scripts/latency-lab/tables.js";
import { targetsOf } from "../../../scripts/latency-lab/targets.js";
import { around, caseOf, centralCases, resultOf } from "./fixture.js";

const test = suite("targets and budgets");
const target = (result: ReturnType<typeof resultOf>, id: string) => targetsOf(result).find((one) => one.id === id)!;
const near = (value: number | null | undefined, wanted: number) =>
  assert.ok(Math.abs((value ?? Number.NaN) - wanted) < 1e-9, `${value} is not ${wanted}`);

test("dh against open: 1.05 passes, 1.15 fails, at every place", () => {
  for (const id of ["calling-direct", "answering-direct", "calling-proxies", "answering-proxies", "calling-armv7"]) {
    near(target(resultOf(), id).measured, 1.05);
    assert.is(target(resultOf(), id).passed, true, id);
    assert.is(target(resultOf({ cases: centralCases(1.15) }), id).passed, false, id);
  }
});

test("the first call is held against the same kind of call later", () => {
  near(target(resultOf(), "first-dh-native").measured, 1.25);
  assert.is(target(resultOf(), "first-dh-native").passed, true);
  assert.is(target(resultOf(), "first-dh-armv7").measured, null);
});

test("what was not measured neither passes nor fails; few calls are said to be few", () => {
  const none = resultOf({ cases: [] });
  assert.ok(targetsOf(none).every(({ measured, passed }) => measured === null && passed === null));
  assert.match(targetLine(target(none, "wire")), /^ {2}--.*not measured/);
  const few = resultOf({ cases: [caseOf({}, around(4, 10)), caseOf({ method: "dh" }, around(4, 10))] });
  assert.match(target(few, "calling-direct").detail, /only 10 calls/);
});

test("wire, answerer and the sum of public-key operations", () => {
  const result = resultOf({
    wire: [
      { name: "Sotto dh", inviteToAck: [2, 2, 2], inviteToRinging: [] },
      { name: "baresip SDES", inviteToAck: [2.5, 2.5, 2.5], inviteToRinging: [] },
    ],
    publicKeyMs: 2,
    answerer: {
      ...{
        perSecond: 900,
        perSecondOnTheClock: 700,
        publicKeyPerSecond: 1000,
        calls: 1000,
        failed: 0,
        cpuPercent: 100,
      },
    },
  });
  near(target(result, "wire").measured, 0.8);
  assert.is(target(result, "wire").passed, true);
  assert.is(target(result, "answerer").passed, true);
  near(target(result, "answerer-share").measured, 0.9);
  // (4.2 + 2.1) / (2 + 4 + 2)
  near(target(result, "without-ahead").measured, 6.3 / 8);
  const slow = { ...result.answerer!, perSecond: 150 };
  assert.is(target({ ...result, answerer: slow }, "answerer").passed, false);
  assert.match(targetLine(target({ ...result, answerer: slow }, "answerer")), /^FAIL .*150 \(>= 200 calls\/s/);
});

const board = (latency: NonNullable<Board["budgets"]>["latency"]): Board => ({
  ...findBoard("host"),
  budgets: { latency },
});

test("a budget that is kept, one that is exceeded, one that was not measured", () => {
  const verdicts = checkBudgets(board({ callingRatio: 1.1, answeringRatio: 1.01, firstVoiceMs: 25 }), resultOf());
  assert.equal(
    verdicts.map(({ name, isKept }) => [name, isKept]),
    [
      ["callingRatio", true],
      ["answeringRatio", false],
      ["firstVoiceMs", true],
    ],
  );
  assert.match(verdictLines("host", verdicts)[2], /answering delay, dh by open +1\.05 +1\.01 +EXCEEDED/);
  const [missing] = checkBudgets(board({ callingRatio: 1.1 }), resultOf({ cases: [] }));
  assert.is(missing.isKept, false);
  assert.is(missing.measured, undefined);
  assert.equal(checkBudgets(board(undefined), resultOf()), []);
});

test("a board that is emulated is held to what the emulation measured", () => {
  const emulated = board({ measuredAs: "armv7", callingRatio: 1.1 });
  const slow = [caseOf({ processor: "armv7" }, around(40)), caseOf({ processor: "armv7", method: "dh" }, around(60))];
  near(checkBudgets(emulated, resultOf({ cases: slow }))[0].measured, 1.5);
});

test("every board has ratios to keep, and a check measures what they need", () => {
  for (const one of boards) {
    assert.ok(one.budgets?.latency?.callingRatio, one.name);
    const plan = planRun(50, parseFilters([checkFilter(one)]), false);
    assert.equal(
      plan.sites.flatMap(({ cases }) => cases.map((each) => each.case.method)),
      ["none", "dh"],
    );
    assert.is(plan.cold.length, 2, one.name);
  }
});

test.run();
