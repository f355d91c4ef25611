// The paper's tables 1 and 2, ours beside theirs.

import { html, type Markup } from "../../demo-report/page/markup.js";
import { msDigits } from "../../demo-report/page/words.js";
import type { LabCase, Method } from "../cases.js";
import { caseName } from "../cases.js";
import { type CaseResult, findCase, type LabResult, summaryOf } from "../result.js";
import { type PublishedRow, publishedAnswering, publishedCalling, publishedLater } from "../seeds.js";

type Phase = "calling" | "answering";

/** The paper's columns, and our steps where one device sees several of them as one. */
const layout: Readonly<
  Record<Phase, { readonly heads: readonly string[]; readonly ours: readonly [id: string, columns: number][] }>
> = {
  calling: {
    heads: ["1a", "2a", "3a", "4a", "5a", "6a", "7a"],
    ours: [
      ["1a", 1],
      ["1b-3b", 2],
      ["4a", 1],
      ["4b-6b", 2],
      ["7a", 1],
    ],
  },
  answering: {
    heads: ["8a", "9a", "10a", "11a", "12a", "13a", "14a"],
    ours: [
      ["8a", 1],
      ["8b-10b", 2],
      ["11a", 1],
      ["11b-13b", 2],
      ["14a", 1],
    ],
  },
};

const three: readonly Method[] = ["none", "psk", "dh"];
const names: Readonly<Partial<Record<Method, string>>> = {
  none: "No security",
  psk: "MIKEY, shared key",
  dh: "MIKEY, Diffie-Hellman",
};

function against(total: number | undefined, open: number | undefined): string {
  return total === undefined || open === undefined ? "—" : (total / open).toFixed(2);
}

function publishedRows(rows: readonly PublishedRow[]): Markup[] {
  return rows.map(
    ({ name, cells, total }) =>
      html`<tr><th>${name}</th>${cells.map((cell) => html`<td class="number">${cell}</td>`)}<td class="number total">${total}</td><td class="number">${against(total, rows[0].total)}</td></tr>`,
  );
}

function laterRows(phase: Phase): Markup[] {
  return three.map((method) => {
    const total = publishedLater[method]?.[phase];
    return html`<tr><th>${names[method]}</th><td class="span muted" colspan="7">steps not published</td><td class="number total">${total}</td><td class="number">${against(total, publishedLater.none?.[phase])}</td></tr>`;
  });
}

function ourRows(found: readonly (CaseResult | undefined)[], phase: Phase): Markup[] {
  const [open] = found.map((one) => summaryOf(one, phase)?.median);
  return found.map((one, i) => {
    const total = summaryOf(one, phase)?.median;
    if (!one || total === undefined)
      return html`<tr class="ours"><th>${names[three[i]]}</th><td class="span muted" colspan="9">not measured in this run</td></tr>`;
    const cells = layout[phase].ours.map(([id, columns]) => {
      const step = one.steps.find((each) => each.id === id);
      const text = step ? msDigits(step.ms) : "-";
      return html`<td class="number${columns > 1 ? " span" : ""}" colspan="${columns}">${text}</td>`;
    });
    return html`<tr class="ours"><th>${names[three[i]]}</th>${cells}<td class="number total">${msDigits(total)}</td><td class="number">${against(total, open)}</td></tr>`;
  });
}

/** One of the two tables. */
export function paperTable(result: LabResult, phase: Phase): Markup {
  const ours = (more: Partial<LabCase>) =>
    three.map((method) =>
      findCase(
        result,
        caseName({
          ...{ method, transport: "udp", path: "direct", warmth: "warm", precomputation: "on" },
          ...{ processor: "native", network: "loopback" },
          ...more,
        } as LabCase),
      ),
    );
  const group = (title: string, rows: readonly Markup[]) =>
    html`<tr class="first"><th colspan="10" class="muted">${title}</th></tr>${rows}`;
  const number = phase === "calling" ? 1 : 2;
  return html`<div class="scroll"><table class="paper"><caption>Table ${number}: ${phase} delay, ms</caption>
<thead><tr><th></th>${layout[phase].heads.map((head) => html`<th class="number">${head}</th>`)}<th class="number">Total</th><th class="number">× open</th></tr></thead><tbody>
${group("minisip, 2003: Pentium III and 4, two SER proxies, UDP", publishedRows(phase === "calling" ? publishedCalling : publishedAnswering))}
${group("minisip, WiOpt’04", laterRows(phase))}
${group("Sotto, through two Kamailio domains, UDP, this run", ourRows(ours({ path: "proxies" }), phase))}
${group("Sotto, from phone to phone, UDP, this run", ourRows(ours({}), phase))}</tbody></table></div>`;
}
