// report.html: one page that needs nothing but itself.

import { pointAt } from "../delays.js";
import type { DemoRecord } from "../record.js";
import { sideName, verdictOf } from "../verdict.js";
import { establishmentFigure, stepTable } from "./establishment.js";
import { figuresTable } from "./figures-table.js";
import { ladderFigure, ladderMessages } from "./ladder.js";
import { html, Markup } from "./markup.js";
import { overviewFigure, spanOf } from "./overview.js";
import { securitySection } from "./security.js";
import { style } from "./style.js";
import { wavesFigure } from "./waves.js";
import { decibels, ms, percent } from "./words.js";

const lock = (closed: boolean) =>
  html`<svg viewBox="0 0 24 24" aria-hidden="true"><rect x="5" y="11" width="14" height="9" rx="2"/><path d="${closed ? "M8 11V8a4 4 0 0 1 8 0v3" : "M8 11V7a4 4 0 0 1 7.5-1.9"}"/></svg>`;

/** The worse of two figures, where there are any. */
function worst(values: readonly (number | null | undefined)[], pick: (...values: number[]) => number): number | null {
  const known = values.filter((value): value is number => typeof value === "number");
  return known.length ? pick(...known) : null;
}

/** The whole page. All that comes from `record` is escaped; the page loads nothing and runs no script. */
export function reportPage(record: DemoRecord): string {
  const verdict = verdictOf(record);
  const origin = spanOf(record).fromMs;
  const ringing = pointAt(record.trace, "alice", "ringing-received");
  const picked = pointAt(record.trace, "bob", "picked-up");
  const analyses = [record.audio.alice?.analysis, record.audio.bob?.analysis];
  const tiles: [value: string, name: string][] = [
    [ms(record.delays.callingMs), "calling delay: dialled to ringing"],
    [ms(record.delays.answeringMs), "answering delay: picked up to talking"],
    [
      ms(
        worst(
          analyses.map((a) => a?.mouthToEarMs),
          Math.max,
        ),
      ),
      "mouth to ear, the slower way",
    ],
    [
      percent(
        worst(
          analyses.map((a) => a?.lossPct),
          Math.max,
        ),
      ),
      "of the speech lost, the worse way",
    ],
    [
      decibels(
        worst(
          analyses.map((a) => a?.snrDb),
          Math.min,
        ),
      ),
      "signal to noise, the worse way",
    ],
  ];
  const options = Object.entries(record.options).map(([name, value]) => `${name} ${value}`);
  const body = html`<main class="${verdict.secured ? "secure" : "open"}">
<header><div class="brand"><span>Sotto</span>${
    !record.call.error &&
    html`<span class="seal${verdict.secured ? "" : " bad"}">${lock(verdict.secured)}${verdict.secured ? "private call" : "open call"}</span>`
  }</div>
<h1 class="${verdict.passed ? "" : "bad"}">${verdict.headline}</h1>
${verdict.problems.length > 0 && html`<ul class="problems">${verdict.problems.map((problem) => html`<li>${problem}</li>`)}</ul>`}
<p class="muted">${record.names.alice.displayName ?? "Alice"} (${record.names.alice.uri}) called ${record.names.bob.displayName ?? "Bob"} (${record.names.bob.uri}), ${record.generatedAt.slice(0, 16).replace("T", " ")} UTC.</p>
<div class="tiles">${tiles.map(([value, name]) => html`<div class="tile"><b>${value}</b><span>${name}</span></div>`)}</div></header>
<section id="security"><h2>Security</h2>${securitySection(record, verdict)}</section>
<section id="overview"><h2>The call at a glance</h2><p class="muted small">Seconds since Alice dialled.</p>${overviewFigure(record)}</section>
<section id="establishment"><h2>Call establishment</h2><p class="muted small">Milliseconds since each phase began. Blocks are work of a phone, arrows are messages under way; dashed blocks are work nobody waits for.</p>
${establishmentFigure(record.delays, ringing !== undefined && picked !== undefined ? picked - ringing : undefined)}${stepTable(record.delays)}</section>
<section id="ladder"><h2>Messages</h2><p class="muted small">SIP, in order; milliseconds since Alice dialled, at the phone that sent and the phone that received.</p>
${ladderFigure(record.ladder, origin)}${ladderMessages(record.ladder, origin)}</section>
<section id="voice"><h2>Voice</h2>${(["bob", "alice"] as const).map((side) => {
    const audio = record.audio[side];
    const speaker = sideName(side === "alice" ? "bob" : "alice");
    return html`<div class="direction"><h3>${speaker} speaks, ${sideName(side)} listens</h3>${
      audio ? wavesFigure(side, audio, origin) : html`<p class="bad">Nothing was recorded.</p>`
    }</div>`;
  })}</section>
<section id="figures"><h2>Figures</h2>${figuresTable(record)}</section>
<footer><p>${record.machine.cpu} · ${record.machine.os} · Node ${record.machine.node.replace(/^v/, "")}${options.length > 0 && html` · options: ${options.join(", ")}`}</p>
<p>Delays as defined by Bilien, Eliasson and Vatn, “Call establishment delay for secure VoIP” (WiOpt’04). The same figures for machines are in report.json.</p></footer></main>`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Sotto: ${verdict.headline}</title><style>${new Markup(style)}</style></head><body>${body}</body></html>
`.text;
}
