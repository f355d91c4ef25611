// Every case in one table: medians, and how they stand to the open call beside them.

import { html, type Markup } from "../../demo-report/page/markup.js";
import { msDigits } from "../../demo-report/page/words.js";
import { type LabCase, type Method, methods, siteName } from "../cases.js";
import { type CaseResult, type LabResult, summaryOf } from "../result.js";
import type { DelayName } from "../sample.js";
import { methodWords, siteWords } from "./words.js";

/** Ratio up to which a secured call counts as fast as an open one. */
const EVEN = 1.1;

function cell(one: CaseResult | undefined, open: CaseResult | undefined, delay: DelayName): Markup {
  const [mine, beside] = [summaryOf(one, delay), summaryOf(open, delay)];
  if (!mine) return html`<td class="number">—</td>`;
  const ratio = beside && one !== open ? mine.median / beside.median : undefined;
  const title = `p95 ${msDigits(mine.p95)}, p99 ${msDigits(mine.p99)}, worst ${msDigits(mine.max)} ms, ${mine.count} calls`;
  return html`<td class="number"><span title="${title}">${msDigits(mine.median)}</span>${
    ratio !== undefined && html` <span class="ratio ${ratio <= EVEN ? "good" : "bad"}">${ratio.toFixed(2)}×</span>`
  }</td>`;
}

/** The table: a row for each place two phones can stand, a column for each method. */
export function matrixTable(result: LabResult, delay: DelayName, title: string): Markup {
  const places = new Map<string, CaseResult[]>();
  for (const one of result.cases) {
    const key = `${siteName(one.case)}/${one.case.warmth}`;
    places.set(key, [...(places.get(key) ?? []), one]);
  }
  const shown = methods.filter((method) => result.cases.some((one) => one.case.method === method));
  const of = (cases: readonly CaseResult[], method: Method) => cases.find((one) => one.case.method === method);
  return html`<div class="scroll"><table class="matrix"><caption>${title}: median in ms, and times the open call of its row</caption>
<thead><tr><th></th>${shown.map((method) => html`<th class="number">${methodWords[method]}</th>`)}</tr></thead><tbody>
${[...places.values()].map((cases) => {
  const { method: _method, ...place }: LabCase = cases[0].case;
  return html`<tr><th>${siteWords(place)}</th>${shown.map((method) => cell(of(cases, method), of(cases, "none"), delay))}</tr>`;
})}</tbody></table></div>`;
}
