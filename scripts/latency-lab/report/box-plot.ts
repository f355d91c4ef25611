// Box plots: the middle half as a box, the median as a line, whiskers to the 5th and 95th of 100, every call as a dot.

import { quantile, summarise } from "../../../firmware/runtime/statistics.js";
import { figure, textWidth, tickStep } from "../../demo-report/page/figure.js";
import { html, type Markup } from "../../demo-report/page/markup.js";
import { ms, msDigits } from "../../demo-report/page/words.js";

/** One row of a plot. */
export interface BoxRow {
  readonly name: string;
  /** Class of its colour. */
  readonly kind: string;
  readonly samples: readonly number[];
}

const ROW = 34;
const BOX = 16;
/** More dots than this say no more. */
const DOTS = 150;

/** The axis ends where the whiskers do, but no further than this times the widest box: a few slow calls must not squeeze the rest. */
const REACH = 3;

/** A plot of rows over one axis that begins at 0; what lies beyond its end is counted there. Rows without measurements are left out. */
export function boxPlot(title: string, all: readonly BoxRow[]): Markup {
  const rows = all.filter(({ samples }) => samples.length > 0);
  if (rows.length === 0) return html`<p class="muted">Not measured in this run.</p>`;
  const summaries = rows.map(({ samples }) => {
    const sorted = Float64Array.from(samples).sort();
    return { ...summarise(sorted), p5: quantile(sorted, 0.05) };
  });
  const most = (of: "p75" | "p95") => Math.max(...summaries.map((one) => one[of]));
  const end = 1.06 * Math.min(most("p95"), REACH * most("p75"));
  return figure(title, (layout, width) => {
    const isWide = layout === "wide";
    const left = isWide ? 14 + Math.max(...rows.map(({ name }) => textWidth(name))) : 8;
    const right = width - (isWide ? 74 : 60);
    const rowHeight = isWide ? ROW : ROW + 16;
    const at = (value: number) => left + (Math.min(value, end) / end) * (right - left);
    const axisY = rows.length * rowHeight + 10;
    const step = tickStep(end, (right - left) / 70);
    const ticks: Markup[] = [];
    for (let n = 0; n * step <= end; n++) {
      const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
      ticks.push(html`<line class="grid" x1="${at(n * step)}" x2="${at(n * step)}" y1="4" y2="${axisY}"/>
<text class="axis" x="${at(n * step)}" y="${axisY + 16}" text-anchor="middle">${(n * step).toFixed(decimals)}</text>`);
    }
    const body = rows.map(({ name, kind, samples }, i) => {
      const { p5, p25, median, p75, p95, p99, max, count } = summaries[i];
      const y = i * rowHeight + rowHeight / 2 + (isWide ? 4 : 12);
      const stride = Math.max(1, Math.ceil(samples.length / DOTS));
      const dots = samples
        .filter((value, n) => n % stride === 0 && value <= end)
        .map(
          (value, n) => html`<circle class="dot" cx="${at(value)}" cy="${y + (((n * 7) % 11) - 5) * 0.9}" r="1.6"/>`,
        );
      return html`<g class="box ${kind}"><title>${name}: median ${ms(median)}, half between ${ms(p25)} and ${ms(p75)}, p95 ${ms(p95)}, p99 ${ms(p99)}, worst ${ms(max)}, ${count} calls</title>
${isWide ? html`<text x="${left - 10}" y="${y + 4}" text-anchor="end">${name}</text>` : html`<text x="${left}" y="${y - 13}">${name}</text>`}
<line class="whisker" x1="${at(p5)}" x2="${at(p25)}" y1="${y}" y2="${y}"/><line class="whisker" x1="${at(p75)}" x2="${at(p95)}" y1="${y}" y2="${y}"/>
<line class="whisker" x1="${at(p5)}" x2="${at(p5)}" y1="${y - 4}" y2="${y + 4}"/>${p95 <= end && html`<line class="whisker" x1="${at(p95)}" x2="${at(p95)}" y1="${y - 4}" y2="${y + 4}"/>`}
<rect x="${at(p25)}" y="${y - BOX / 2}" width="${Math.max(1.5, at(p75) - at(p25))}" height="${BOX}" rx="2"/>${dots}
<line class="median" x1="${at(median)}" x2="${at(median)}" y1="${y - BOX / 2 - 2}" y2="${y + BOX / 2 + 2}"/>
<text class="value" x="${right + 10}" y="${y + 4}">${msDigits(median)}</text></g>`;
    });
    return {
      height: axisY + 24,
      body: html`${ticks}<line class="tick" x1="${left}" x2="${right}" y1="${axisY}" y2="${axisY}"/>
<text class="axis" x="${right + 10}" y="${axisY + 16}">ms</text>${body}`,
    };
  });
}
