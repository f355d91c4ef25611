// report.html: says what was found, needs nothing but itself, and shows hostile text as text.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { labPage } from "../../../scripts/latency-lab/report/page.js";
import { resultText } from "../../../scripts/latency-lab/tables.js";
import { caseOf, centralCases, resultOf } from "./fixture.js";

const test = suite("the laboratory's report");

/** Every tag that is opened is closed, in order. */
function assertWellFormed(page: string): void {
  const open: string[] = [];
  for (const [, close, name, rest] of page.matchAll(/<(\/?)([a-zA-Z0-9]+)((?:"[^"]*"|[^>"])*)>/g)) {
    if (["meta", "br"].includes(name) || rest.endsWith("/")) continue;
    if (close) assert.is(open.pop(), name);
    else open.push(name);
  }
  assert.equal(open, []);
}

test("the headline says whether the aim is reached", () => {
  assert.match(labPage(resultOf()), /<h1>A secured call sets up as fast as an open one<\/h1>/);
  assert.match(
    labPage(resultOf({ cases: centralCases(1.4) })),
    /<h1>A secured call takes up to 1\.40 times an open one/,
  );
  assert.match(labPage(resultOf({ cases: [] })), /<h1>How fast calls are set up<\/h1>/);
});

test("it holds the paper's figures and ours, a timeline and box plots, and loads nothing", () => {
  const page = labPage(resultOf());
  assertWellFormed(page);
  for (const text of ["Table 1: calling delay", "Table 2: answering delay", "175", "310", "52.5", "47.6"])
    assert.ok(page.includes(text), text);
  // 4.2 ms against 4 ms, in our rows of table 1.
  assert.match(page, /<tr class="ours"><th>MIKEY, Diffie-Hellman<\/th>.*?4\.20<\/td><td class="number">1\.05<\/td>/s);
  assert.ok(page.includes('class="box dh"') && page.includes('class="median"') && page.includes('class="block alice"'));
  assert.not.match(page, /<script|<link|<img|src=|url\(|@import/);
  assert.match(page, /default-src &#39;none&#39;|default-src 'none'/);
});

test("what was left out and what failed is said", () => {
  const broken = { ...caseOf({ method: "pke" }, [5]), failed: 3, failures: ["<b>no answer</b>"] };
  const result = resultOf({
    cases: [broken],
    leftOut: [{ what: "calls beside <baresip>", why: "not here: baresip" }],
    isPartial: true,
  });
  const page = labPage(result);
  assertWellFormed(page);
  assert.match(page, /3 failed/);
  assert.match(page, /calls beside &lt;baresip&gt;/);
  assert.match(page, /stopped before its end/);
  assert.match(resultText(result), /pke\/udp\/direct\S* +1 .* 3\n/);
  assert.match(resultText(result), /3 failed, e\.g\. <b>no answer/);
});

test("a run without any case is still a page", () => {
  assertWellFormed(labPage(resultOf({ cases: [] })));
});

test.run();
