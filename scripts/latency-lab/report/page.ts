// report.html: one page that needs nothing but itself.

import { summarise } from "../../../firmware/runtime/statistics.js";
import { machineLine } from "../../benches/machine.js";
import type { CallDelays } from "../../demo-report/delays.js";
import { establishmentFigure } from "../../demo-report/page/establishment.js";
import { html, Markup } from "../../demo-report/page/markup.js";
import { ms } from "../../demo-report/page/words.js";
import { type LabCase, siteName } from "../cases.js";
import type { CaseResult, LabResult } from "../result.js";
import type { DelayName, StepTime } from "../sample.js";
import { type Target, targetsOf } from "../targets.js";
import { boxPlot } from "./box-plot.js";
import { matrixTable } from "./matrix.js";
import { paperTable } from "./paper-tables.js";
import { labStyle } from "./style.js";
import { methodWords, siteWords, times } from "./words.js";

/** What the page says first. */
export function headline(targets: readonly Target[]): string {
  const ratios = targets.filter(({ id, measured }) => /^(calling|answering)-/.test(id) && measured !== null);
  if (ratios.length === 0) return "How fast calls are set up";
  const [{ limit }] = ratios;
  const worse = Math.max(...ratios.map(({ measured }) => measured ?? 0));
  if (worse <= limit) return "A secured call sets up as fast as an open one";
  return `A secured call takes up to ${worse.toFixed(2)} times an open one to set up; ${limit.toFixed(2)} is the aim`;
}

function targetFigure({ measured, unit }: Target): string {
  if (measured === null) return "—";
  return unit === "times" ? times(measured) : `${measured.toFixed(0)} ${unit}`;
}

function targetsTable(all: readonly Target[]): Markup {
  const targets = all.filter(({ measured }) => measured !== null);
  const missing = all.filter(({ measured }) => measured === null);
  return html`<table class="targets"><thead><tr><th></th><th>Target</th><th class="number">Measured</th><th class="number">Wanted</th><th class="detail">From</th></tr></thead><tbody>
${targets.map((one) => {
  const verdict = one.passed === null ? "—" : one.passed ? "✓ met" : "✗ missed";
  const colour = one.passed === null ? "muted" : one.passed ? "good" : "bad";
  const wanted = `${one.sense === "at-most" ? "≤" : "≥"} ${one.unit === "times" ? one.limit.toFixed(2) : one.limit}`;
  return html`<tr><td class="verdict ${colour}">${verdict}</td><td>${one.what}</td><td class="number">${targetFigure(one)}</td><td class="number">${wanted}</td><td class="detail muted small">${one.detail}</td></tr>`;
})}</tbody></table>${
    missing.length > 0 &&
    html`<details><summary>${missing.length} not measured in this run</summary><ul class="plain muted">${missing.map(({ what }) => html`<li>${what}</li>`)}</ul></details>`
  }`;
}

/** Cases of one place, in the order of the methods. */
function casesAt(result: LabResult, wanted: Partial<LabCase>): CaseResult[] {
  const place = {
    transport: "udp",
    path: "direct",
    warmth: "warm",
    precomputation: "on",
    processor: "native",
    network: "loopback",
  };
  return result.cases.filter((one) =>
    Object.entries({ ...place, ...wanted }).every(([name, value]) => one.case[name as keyof LabCase] === value),
  );
}

function plots(cases: readonly CaseResult[], where: string): Markup {
  const plot = (delay: DelayName, title: string) =>
    html`<div class="plot"><h3>${title}</h3>${boxPlot(
      `${title}, ${where}`,
      cases.map((one) => ({
        name: methodWords[one.case.method],
        kind: one.case.method,
        samples: one.delays[delay],
      })),
    )}</div>`;
  return html`${plot("calling", "Calling delay: dialled to ringing")}${plot("answering", "Answering delay: picked up to confirmed, keys ready")}
${plot("voiceAtCaller", "First voice heard by the caller, after picking up")}`;
}

function pictured(steps: readonly StepTime[]): CallDelays {
  const end = (phase: StepTime["phase"]) => {
    const ends = steps.filter((step) => step.phase === phase && !step.parallel).map(({ to }) => to);
    return ends.length === 0 ? null : Math.max(...ends);
  };
  return {
    callingMs: end("calling"),
    answeringMs: end("answering"),
    steps: steps.map(({ from, to, ...step }) => ({ ...step, fromMs: from, toMs: to })),
  };
}

/** Said where it is not what was asked for. */
function carried({ carriedBy, case: { transport } }: CaseResult): string {
  const others = carriedBy.filter((one) => one !== transport);
  return others.length === 0 ? "" : `; INVITE over ${others.join(" or ").toUpperCase()}, being too large`;
}

function timelines(cases: readonly CaseResult[], isOpen: (one: CaseResult) => boolean): Markup {
  return html`${cases
    .filter(({ typical }) => typical.length > 0)
    .map(
      (
        one,
      ) => html`<details class="case"${isOpen(one) ? new Markup(" open") : ""}><summary>${methodWords[one.case.method]} <span class="muted">· ${siteWords(one.case)}${carried(one)}</span></summary>
${establishmentFigure(pictured(one.typical), undefined)}</details>`,
    )}`;
}

function wirePlot(result: LabResult): Markup {
  if (result.wire.length === 0) return html`<p class="muted">Not measured in this run.</p>`;
  const kinds: Readonly<Record<string, string>> = { "Sotto open": "none", "Sotto psk": "psk", "Sotto dh": "dh" };
  return boxPlot(
    "INVITE to ACK on the wire",
    result.wire.map(({ name, inviteToAck }) => ({ name, kind: kinds[name] ?? "peer", samples: inviteToAck })),
  );
}

function crowd({ answerer, voice, publicKeyMs }: LabResult): Markup {
  return html`<ul class="plain">
${answerer && html`<li>One automatic answerer took <b>${answerer.perSecond.toFixed(0)}</b> dh calls for each second of processor time (${answerer.perSecondOnTheClock.toFixed(0)} a second on the clock, ${answerer.cpuPercent.toFixed(0)} % of one core, ${answerer.calls} calls, ${answerer.failed} failed), no key pair ready. Its public-key operations alone would allow ${answerer.publicKeyPerSecond.toFixed(0)}. The answering machine of 2003 could have taken five.</li>`}
${publicKeyMs !== undefined && html`<li>The public-key operations of one dh call, both ends, take ${ms(publicKeyMs)}.</li>`}
${voice && html`<li>While ${voice.setups} dh calls were set up and ended on the same phone at once, another call lost <b>${voice.lost}</b> of ${voice.packets} packets, <b>${voice.late}</b> came too late to be played.</li>`}
${!answerer && !voice && html`<li class="muted">Not measured in this run.</li>`}</ul>`;
}

function tile(value: string, name: string, verdict: boolean | null): Markup {
  return html`<div class="tile${verdict === null ? "" : verdict ? " good" : " bad"}"><b>${value}</b><span>${name}</span></div>`;
}

/** The whole page. All that comes from `result` is escaped; the page loads nothing and runs no script. */
export function labPage(result: LabResult): string {
  const targets = targetsOf(result);
  const tileOf = (id: string, name: string) => {
    const target = targets.find((one) => one.id === id);
    return target && target.measured !== null && tile(targetFigure(target), name, target.passed);
  };
  const missed = targets.filter(({ passed }) => passed === false).length;
  const met = targets.filter(({ passed }) => passed === true).length;
  const plain = casesAt(result, {});
  const proxied = casesAt(result, { path: "proxies" });
  const others = new Map<string, CaseResult[]>();
  for (const one of result.cases) {
    if (plain.includes(one) || proxied.includes(one)) continue;
    const key = `${siteName(one.case)}/${one.case.warmth}`;
    others.set(key, [...(others.get(key) ?? []), one]);
  }
  const when = `${result.startedAt.slice(0, 16).replace("T", " ")} UTC`;
  const calls = result.cases.reduce((sum, one) => sum + one.delays.calling.length, 0);
  const failed = result.cases.reduce((sum, one) => sum + one.failed, 0);
  const wireMedian = result.wire.map(({ name, inviteToAck }) =>
    inviteToAck.length ? `${name} ${ms(summarise(inviteToAck).median)}` : name,
  );
  const body = html`<main><header><div class="brand"><span>Sotto</span><span class="muted small">call establishment</span></div>
<h1>${headline(targets)}</h1>
<p class="muted">${calls} calls of ${result.cases.length} kinds${failed > 0 && html`, <span class="bad">${failed} failed</span>`}, ${when}. ${met} targets met, ${missed} missed${targets.length > met + missed && html`, ${targets.length - met - missed} not measured`}.${result.isPartial && html` <b>The run was stopped before its end.</b>`}</p>
<div class="tiles">${tileOf("calling-direct", "calling delay, dh against open")}${tileOf("answering-direct", "answering delay, dh against open")}${tileOf("calling-proxies", "calling, through two domains")}${tileOf("answering-proxies", "answering, through two domains")}${tileOf("first-dh-native", "the first dh call after start, against the hundredth")}${tileOf("wire", "INVITE to ACK of dh, against baresip SDES")}</div>
<nav><a href="#targets">Targets</a><a href="#delays">Delays</a><a href="#paper">The paper’s tables</a><a href="#time">In time</a><a href="#all">Everything</a><a href="#peers">Beside baresip</a><a href="#crowd">Many calls</a><a href="#how">How</a></nav></header>
<section id="targets"><h2>Targets</h2>${targetsTable(targets)}</section>
<section id="delays"><h2>Delays, from phone to phone</h2><p class="muted small">Each dot is a call, the box holds the middle half, the bar and the figure are the median, whiskers reach from the 5th to the 95th of a hundred.</p>${plots(plain, "phone to phone")}</section>
${proxied.length > 0 && html`<section id="proxies"><h2>Delays, through the proxies of two domains</h2>${plots(proxied, "through two domains")}</section>`}
<section id="paper"><h2>The paper’s tables, twenty years on</h2><p class="muted small">Steps as numbered in Bilien, Eliasson and Vatn’s figure 1. A phone sees what happens at the proxies as one: 1b–3b stands under 2a and 3a, and so on. Medians; a total is the median of totals, not the sum of its row.</p>
${paperTable(result, "calling")}${paperTable(result, "answering")}</section>
<section id="time"><h2>One call of each kind, in time</h2><p class="muted small">The paper’s figure 3: the call nearest to the medians. Blocks are work of a phone, arrows messages under way, dashed blocks work nobody waits for.</p>
${timelines(plain, (one) => one.case.method === "none" || one.case.method === "dh")}${timelines(proxied, () => false)}</section>
<section id="all"><h2>Everything</h2>${matrixTable(result, "calling", "Calling delay")}${matrixTable(result, "answering", "Answering delay")}${matrixTable(result, "voiceAtCallee", "First voice heard by the callee")}
${[...others.values()].map((cases) => html`<details class="case"><summary>${siteWords(cases[0].case)}</summary>${plots(cases, siteWords(cases[0].case))}${timelines(cases, () => false)}</details>`)}</section>
<section id="peers"><h2>Beside baresip</h2><p class="muted small">INVITE to ACK as it passed over loopback, the called telephone answering by itself at once; one call of each in turn.${wireMedian.length > 0 && html` ${wireMedian.join(", ")}.`}</p>${wirePlot(result)}</section>
<section id="crowd"><h2>Many calls</h2>${crowd(result)}</section>
<section id="how"><h2>How</h2><p>Two handset processes, each on a processor of its own where there are two, simulated sound, one call of each kind after the other, round by round, so that what changes on the machine meets all alike. <b>Calling delay</b>: from “dialled” at the caller to 180 Ringing received. <b>Answering delay</b>: from “picked up” at the callee to ACK received and SRTP keys ready. docs/latency.md says how to repeat it elsewhere.</p>
${result.leftOut.length > 0 && html`<h3>Left out</h3><ul class="plain">${result.leftOut.map(({ what, why }) => html`<li>${what}: <span class="muted">${why}</span></li>`)}</ul>`}</section>
<footer><p>${machineLine(result.machine)}; load after the run ${result.loadAfter.join(" ")}.</p><p>${result.command}${result.commit !== undefined && html` at ${result.commit}`}, ${(result.tookMs / 60_000).toFixed(1)} min. The same figures for machines are in report.json.</p></footer></main>`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Sotto: ${headline(targets)}</title><style>${new Markup(labStyle)}</style></head><body>${body}</body></html>
`.text;
}
