// The SIP ladder: every message between the phones, in order, with the moments of sending and receiving.

import type { LadderEntry, Side } from "../ladder.js";
import { sideName } from "../verdict.js";
import { arrowHead, figure, fitText, LINE, textWidth } from "./figure.js";
import { html, type Markup } from "./markup.js";
import { count, duration, moment } from "./words.js";

const isSide = (name: string): name is Side => name === "alice" || name === "bob";
const nameOf = (name: string) => (isSide(name) ? sideName(name) : name);
/** A pause longer than this is shown as one, ms. */
const PAUSE_MS = 150;
const MOST = 60;
/** Bold text is wider by this. */
const BOLD = 1.12;

/** What is said below an arrow; the profile gives way where there is little room. */
function details(entry: LadderEntry, room = Number.POSITIVE_INFINITY): string {
  const bytes = `${count(entry.bytes)} bytes`;
  const keying = entry.sdp?.keyManagement ? [entry.sdp.keyManagement] : [];
  const all = [bytes, ...(entry.sdp ? [entry.sdp.profile] : []), ...keying].join(" · ");
  return textWidth(all) <= room ? all : [bytes, ...keying].join(" · ");
}

/** The diagram. Times are ms since `originMs`. */
export function ladderFigure(ladder: readonly LadderEntry[], originMs: number): Markup {
  const shown = ladder.slice(0, MOST);
  return figure(
    "SIP ladder diagram: messages between Alice and Bob with the times of sending and receiving",
    (layout, width) => {
      const margin = layout === "wide" ? 190 : 62;
      const lineX = { alice: margin, bob: width - margin };
      const room = lineX.bob - lineX.alice - 16;
      const top = 44;
      let y = top + 12;
      let last: number | undefined;
      const rows: Markup[] = [];
      const time = (value: number | null) => (value === null ? "" : moment(value - originMs));
      for (const entry of shown) {
        if (last !== undefined && entry.atMs - last > PAUSE_MS) {
          const words = duration(entry.atMs - last);
          rows.push(html`<g class="pause"><rect x="${width / 2 - textWidth(words) / 2 - 10}" y="${y + 2}" width="${textWidth(words) + 20}" height="20" rx="10"/>
<text x="${width / 2}" y="${y + 16}" text-anchor="middle">${words}</text></g>`);
          y += 32;
        }
        last = Math.max(entry.sentMs ?? 0, entry.receivedMs ?? 0, entry.atMs);
        const side: Side = isSide(entry.from) ? entry.from : entry.to === "alice" ? "bob" : "alice";
        const rightward = side === "alice";
        const lost = entry.receivedMs === null && isSide(entry.to);
        const x1 = isSide(entry.from) ? lineX[entry.from] : width / 2;
        const whole = isSide(entry.to) ? lineX[entry.to] : width / 2;
        const x2 = lost ? x1 + (whole - x1) * 0.62 : whole;
        const y1 = y + LINE + 6;
        const y2 = y1 + 9;
        const end = y1 + ((y2 - y1) * (x2 - x1)) / (whole - x1 || 1);
        const under = lost
          ? "never arrived"
          : isSide(entry.from)
            ? isSide(entry.to)
              ? details(entry, room)
              : `to ${entry.to}`
            : `from ${entry.from}`;
        const outer = (s: Side) => ({
          x: lineX[s] + (s === "alice" ? -9 : 9),
          anchor: s === "alice" ? "end" : "start",
        });
        const sent = outer(side);
        const other = outer(rightward ? "bob" : "alice");
        rows.push(html`<g class="message ${side}${lost ? " lost" : ""}${entry.retransmission ? " again" : ""}"><title>${nameOf(entry.from)} to ${nameOf(entry.to)}: ${entry.summary}, ${details(entry)}</title>
<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${end}"/>${lost ? html`<path class="cross" d="M${x2 - 4} ${end - 4}l8 8m0 -8l-8 8"/>` : arrowHead(x1, y1, x2, end)}
<text class="name" x="${(lineX.alice + lineX.bob) / 2}" y="${y1 - 5}" text-anchor="middle">${fitText(entry.summary, room / BOLD)}</text>
<text class="muted" x="${(lineX.alice + lineX.bob) / 2}" y="${y2 + LINE + 1}" text-anchor="middle">${fitText(entry.retransmission ? `again · ${under}` : under, room)}</text>
${isSide(entry.from) && html`<text class="time" x="${sent.x}" y="${y1 + 4}" text-anchor="${sent.anchor}">${time(entry.sentMs)}</text>`}
${isSide(entry.to) && html`<text class="time" x="${other.x}" y="${y2 + 4}" text-anchor="${other.anchor}">${time(entry.receivedMs)}</text>`}</g>`);
        y = y2 + LINE + 16;
      }
      const bottom = y + 6;
      const head = (side: Side) =>
        html`<rect class="actor ${side}" x="${lineX[side] - 34}" y="6" width="68" height="28" rx="14"/>
<text class="actor ${side}" x="${lineX[side]}" y="25" text-anchor="middle">${sideName(side)}</text>
<line class="life" x1="${lineX[side]}" x2="${lineX[side]}" y1="34" y2="${bottom}"/>`;
      const unit = (side: Side) =>
        html`<text class="axis" x="${lineX[side] + (side === "alice" ? -9 : 9)}" y="${top + 4}" text-anchor="${side === "alice" ? "end" : "start"}">ms</text>`;
      return { height: bottom + 6, body: html`${head("alice")}${head("bob")}${unit("alice")}${unit("bob")}${rows}` };
    },
  );
}

/** Every message as text, folded away; keying payloads and credentials were taken out when it was recorded. */
export function ladderMessages(ladder: readonly LadderEntry[], originMs: number): Markup {
  return html`${
    ladder.length > MOST &&
    html`<p class="muted small">The drawing shows the first ${MOST} of ${ladder.length} messages.</p>`
  }<details><summary>The messages in full, keying payloads and credentials removed</summary>
${ladder
  .slice(0, MOST)
  .map(
    (entry) =>
      html`<h4>${nameOf(entry.from)} → ${nameOf(entry.to)}, ${moment(entry.atMs - originMs)} ms</h4><pre>${entry.lines.join("\n")}</pre>`,
  )}</details>`;
}
