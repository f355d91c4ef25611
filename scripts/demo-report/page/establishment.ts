// The call's establishment in time, after figure 3 of Bilien, Eliasson and Vatn (WiOpt'04): two rows, blocks of work, arrows of messages.

import { type CallDelays, type Step, serverSteps } from "../delays.js";
import type { Side } from "../ladder.js";
import { sideName } from "../verdict.js";
import { arrowHead, dimension, figure, type Layout, LINE, placeLabels, textWidth, timeAxis } from "./figure.js";
import { html, type Markup } from "./markup.js";
import { duration, ms, msDigits } from "./words.js";

const BLOCK = 24;
const BETWEEN = 104;

interface Phase {
  readonly name: string;
  readonly phase: Step["phase"];
  readonly delayMs: number | null;
  readonly delayName: string;
}

/** The label of a block; a `+` marks work beside the way. */
const blockLabel = (step: Step) => `${step.id} · ${msDigits(step.toMs - step.fromMs)} ms`;

function panel(
  layout: Layout,
  width: number,
  phase: Phase,
  all: readonly Step[],
  top: number,
): { height: number; body: Markup } {
  const steps = all.filter((step) => step.phase === phase.phase);
  const left = layout === "wide" ? 64 : 44;
  const right = width - (layout === "wide" ? 34 : 26);
  if (steps.length === 0)
    return {
      height: 30,
      body: html`<text class="muted" x="${left}" y="${top + 18}">${phase.name}: not measured</text>`,
    };
  const start = Math.min(...steps.map((step) => step.fromMs));
  const critical = Math.max(...steps.filter((step) => !step.parallel).map((step) => step.toMs), start);
  // Work beside the way may last much longer than the delay: it is cut where it would make the rest too small to read.
  const end = Math.min(Math.max(...steps.map((step) => step.toMs)), start + 2.2 * Math.max(critical - start, 0.001));
  const span = Math.max(end - start, 0.001);
  const at = (time: number) => left + ((Math.min(time, end) - start) / span) * (right - left);

  const work = steps.filter((step) => step.kind === "work");
  const sideWork = (side: Side) => work.filter((step) => step.side === side);
  const places = (side: Side) => {
    const mine = sideWork(side);
    return placeLabels(
      mine.map((step) => ({ x: (at(step.fromMs) + at(step.toMs)) / 2, width: textWidth(blockLabel(step)) })),
      2,
      width - 2,
    );
  };
  const alicePlaces = places("alice");
  const bobPlaces = places("bob");
  const lanes = (list: readonly { lane: number }[]) => Math.max(1, ...list.map((place) => place.lane + 1));

  const titleY = top + 16;
  const dimensionY = titleY + 30;
  const aliceY = dimensionY + 16 + lanes(alicePlaces) * LINE + 8 + BLOCK / 2;
  const bobY = aliceY + BETWEEN + BLOCK;
  const axisY = bobY + BLOCK / 2 + 8 + lanes(bobPlaces) * LINE + 14;
  const rowY = { alice: aliceY, bob: bobY };

  const block = (step: Step, place: { left: number; lane: number }): Markup => {
    const x = at(step.fromMs);
    const cut = step.toMs > end;
    const w = Math.max(3, at(step.toMs) - x);
    const up = step.side === "alice";
    const y = rowY[step.side] - BLOCK / 2;
    const edge = up ? y : y + BLOCK;
    const textY = up ? edge - 9 - place.lane * LINE : edge + 18 + place.lane * LINE;
    const label = blockLabel(step);
    const middle = place.left + textWidth(label) / 2;
    const anchorX = Math.max(place.left, Math.min(place.left + textWidth(label), x + w / 2));
    return html`<g class="block ${step.side}${step.parallel ? " parallel" : ""}"><title>${step.id}: ${sideName(step.side)} ${step.label} (${ms(step.toMs - step.fromMs)}${cut ? ", longer than shown" : ""})</title>
<line class="leader" x1="${x + w / 2}" y1="${edge}" x2="${anchorX}" y2="${up ? textY + 3 : textY - 11}"/>
<rect x="${x}" y="${y}" width="${w}" height="${BLOCK}" rx="${Math.min(4, w / 2)}"/>
${cut && html`<path class="cut" d="M${x + w - 8} ${y - 3}l4 ${BLOCK / 2 + 3}l-4 0l4 ${BLOCK / 2 + 3}"/>`}
<text class="halo" x="${middle}" y="${textY}" text-anchor="middle">${label}</text></g>`;
  };

  const messages = steps.filter((step) => step.kind === "message");
  const arrow = (step: Step, index: number): Markup => {
    const down = step.side === "alice";
    const y1 = rowY[step.side] + (down ? BLOCK / 2 : -BLOCK / 2);
    const y2 = rowY[down ? "bob" : "alice"] + (down ? -BLOCK / 2 : BLOCK / 2);
    const x1 = at(step.fromMs);
    const x2 = at(step.toMs);
    const share = messages.length > 1 ? 0.3 + (0.4 * index) / (messages.length - 1) : 0.5;
    const y = aliceY + BLOCK / 2 + share * BETWEEN + 4;
    const crossing = (other: Step) => {
      const [a, b] = other.side === "alice" ? [other.fromMs, other.toMs] : [other.toMs, other.fromMs];
      return at(a) + share * (at(b) - at(a));
    };
    const x = crossing(step);
    const others = messages.filter((other) => other !== step).map(crossing);
    const name = step.label;
    const wordings = [`${name} · ${msDigits(step.toMs - step.fromMs)} ms`, name];
    // Beside its arrow, on the side where it lies on no other one; without the time where there is no room for it.
    const spots = wordings.flatMap((words) =>
      [x + 9, x - 9 - textWidth(words)].map((textX) => ({ words, textX, end: textX + textWidth(words) })),
    );
    const free = spots.find(
      (spot) => spot.textX >= 2 && spot.end <= width - 2 && !others.some((o) => o > spot.textX - 6 && o < spot.end + 6),
    );
    const { words, textX } = free ?? spots[2];
    return html`<g class="message ${step.side}"><title>${step.id}: ${step.label} from ${sideName(step.side)}, ${ms(step.toMs - step.fromMs)} under way</title>
<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>${arrowHead(x1, y1, x2, y2)}
<text class="halo" x="${textX}" y="${y}">${words}</text></g>`;
  };

  const delay =
    phase.delayMs !== null &&
    html`<line class="limit" x1="${at(start)}" x2="${at(start)}" y1="${dimensionY - 6}" y2="${axisY}"/>
<line class="limit" x1="${at(start + phase.delayMs)}" x2="${at(start + phase.delayMs)}" y1="${dimensionY - 6}" y2="${axisY}"/>
${dimension(at(start), at(start + phase.delayMs), dimensionY, `${phase.delayName} ${ms(phase.delayMs)}`, width - 2)}`;
  const rows = (["alice", "bob"] as const).map(
    (side) => html`<line class="row" x1="${left}" x2="${right}" y1="${rowY[side]}" y2="${rowY[side]}"/>
<text class="who ${side}" x="${left - 10}" y="${rowY[side] + 4}" text-anchor="end">${sideName(side)}</text>`,
  );
  return {
    height: axisY + 26 - top,
    body: html`<text class="panel" x="2" y="${titleY}">${phase.name}</text>${delay}${rows}
${messages.map(arrow)}
${sideWork("alice").map((step, i) => block(step, alicePlaces[i]))}${sideWork("bob").map((step, i) => block(step, bobPlaces[i]))}
${timeAxis(0, span, (time) => at(start + time), axisY, "ms")}`,
  };
}

/** Both phases, the time in which the phone only rings cut out between them. */
export function establishmentFigure(delays: CallDelays, ringingMs: number | undefined): Markup {
  return figure(
    "Call establishment: work of each phone and messages between them, in milliseconds",
    (layout, width) => {
      const calling = panel(
        layout,
        width,
        { name: "Calling", phase: "calling", delayMs: delays.callingMs, delayName: "calling delay" },
        delays.steps,
        0,
      );
      const cutY = calling.height + 22;
      const words = ringingMs === undefined ? "waiting for an answer" : `Bob's phone rings for ${duration(ringingMs)}`;
      const half = textWidth(words) / 2 + 10;
      const wave = (from: number, to: number) => {
        let path = `M${from} ${cutY - 4}`;
        for (let x = from; x + 12 <= to; x += 12) path += "q3 -5 6 0t6 0";
        return path;
      };
      const answering = panel(
        layout,
        width,
        { name: "Answering", phase: "answering", delayMs: delays.answeringMs, delayName: "answering delay" },
        delays.steps,
        cutY + 22,
      );
      return {
        height: cutY + 22 + answering.height,
        body: html`${calling.body}<path class="wave" d="${wave(2, width / 2 - half)}"/><path class="wave" d="${wave(width / 2 + half, width - 2)}"/>
<text class="muted" x="${width / 2}" y="${cutY}" text-anchor="middle">${words}</text>${answering.body}`,
      };
    },
  );
}

/** The same steps as a table, with those that only servers have. */
export function stepTable(delays: CallDelays): Markup {
  const longest = Math.max(0.001, ...delays.steps.map((step) => step.toMs - step.fromMs));
  return html`<table class="steps"><caption>Steps, numbered as in the paper</caption>
<thead><tr><th>Step</th><th>Who</th><th>What</th><th class="number">Time</th></tr></thead><tbody>
${delays.steps.map(
  (
    step,
  ) => html`<tr><td class="id">${step.id.replace("-", "–")}</td><td class="who ${step.side}">${sideName(step.side)}</td>
<td>${step.kind === "message" ? `${step.label} under way` : step.label}${step.parallel && html` <span class="muted">(nobody waits for it)</span>`}<span class="bar ${step.side}" style="width:${Math.max(0.4, (100 * (step.toMs - step.fromMs)) / longest)}%"></span></td>
<td class="number">${ms(step.toMs - step.fromMs)}</td></tr>`,
)}
</tbody></table>
<p class="muted small">${serverSteps.join(", ")} are work of SIP servers: there is none between these two phones, and their messages are one hop each. 7a, the ring tone at the caller, is where the calling delay ends. A step with a + runs beside the call's way.</p>`;
}
