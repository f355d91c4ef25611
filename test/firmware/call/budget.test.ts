// Expensive work for strangers: bounded by source and in total.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { WorkBudget } from "../../../firmware/call/budget.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";

const count = (budget: WorkBudget, source: string, tries: number) =>
  Array.from({ length: tries }, () => budget.take(source)).filter(Boolean).length;

test("a source gets its burst, then what time brings", () => {
  const time = new VirtualTime();
  const budget = new WorkBudget(time);
  assert.is(count(budget, "a", 50), 5);
  time.advance(10_000);
  assert.is(count(budget, "a", 50), 5);
  time.advance(2_000);
  assert.is(count(budget, "a", 50), 1);
});

test("one source out of budget costs the others nothing", () => {
  const budget = new WorkBudget(new VirtualTime());
  count(budget, "flood", 10_000);
  assert.is(count(budget, "friend", 3), 3);
});

test("many sources share the total", () => {
  const budget = new WorkBudget(new VirtualTime());
  let taken = 0;
  for (let i = 0; i < 1000; i++) taken += count(budget, `s${i}`, 5);
  assert.is(taken, 20);
});

test("work for somebody who is who they say is given back", () => {
  const budget = new WorkBudget(new VirtualTime());
  for (let i = 0; i < 100; i++) {
    assert.ok(budget.take("friend"));
    budget.giveBack("friend");
  }
});

test("the table of sources is bounded", () => {
  const budget = new WorkBudget(new VirtualTime(), { sources: 100 });
  for (let i = 0; i < 10_000; i++) budget.take(`s${i}`);
  assert.is(budget.size, 100);
});

test.run();
