// Every figure of the voice, side by side for both directions.

import type { Side } from "../ladder.js";
import type { DemoRecord } from "../record.js";
import { html, type Markup } from "./markup.js";
import { count, decibels, ms, percent } from "./words.js";

const sides = ["alice", "bob"] as const;

/** Sum of dropped packets with their reasons. */
function dropped(reasons: Readonly<Record<string, number>>): string {
  const seen = Object.entries(reasons).filter(([, number]) => number > 0);
  return seen.length === 0 ? "0" : seen.map(([reason, number]) => `${count(number)} ${reason}`).join(", ");
}

/** The table. */
export function figuresTable(record: DemoRecord): Markup {
  const heard = (side: Side) => record.audio[side]?.analysis;
  const stream = (side: Side) => record.streams[side];
  const rows: [name: string, title: string, value: (side: Side) => string | Markup][] = [
    [
      "Understood",
      "correlation and loss keep their limits",
      (side) => (heard(side)?.understood ? html`<span class="good">yes</span>` : html`<span class="bad">no</span>`),
    ],
    ["Mouth to ear", "median time from speaking to hearing", (side) => ms(heard(side)?.mouthToEarMs)],
    ["Signal to noise", "segmental, over the speech; codec noise included", (side) => decibels(heard(side)?.snrDb)],
    [
      "Correlation",
      "of what was said and what was heard, 1 is the same",
      (side) => heard(side)?.correlation.toFixed(3) ?? "—",
    ],
    ["Speech lost", "spoken 20-ms frames missing or unrecognisable", (side) => percent(heard(side)?.lossPct)],
    [
      "Heard from start to end",
      "below 100 % when an end was cut off",
      (side) => percent(heard(side) && heard(side)!.heardShare * 100),
    ],
    ["Level", "of heard against said", (side) => decibels(heard(side)?.gainDb)],
    ["Packets received", "RTP", (side) => (stream(side) ? count(stream(side)!.packetsReceived) : "—")],
    [
      "Packets lost",
      "sequence numbers that never came",
      (side) => (stream(side) ? count(stream(side)!.packetsLost) : "—"),
    ],
    ["Packets late", "came after their turn", (side) => (stream(side) ? count(stream(side)!.packetsLate) : "—")],
    ["Packets dropped", "by reason", (side) => (stream(side) ? dropped(stream(side)!.dropped) : "—")],
    [
      "Periods concealed",
      "filled because nothing was there to play",
      (side) => (stream(side) ? count(stream(side)!.concealed) : "—"),
    ],
    ["Jitter", "RFC 3550, interarrival", (side) => ms(stream(side)?.jitterMs)],
    ["Jitter buffer", "what it held at the end", (side) => ms(stream(side)?.bufferMs)],
    ["Round trip", "from RTCP", (side) => ms(stream(side)?.roundTripMs)],
    ["Sound card over- and underruns", "during the call", (side) => (stream(side) ? count(stream(side)!.xruns) : "—")],
  ];
  return html`<table class="figures"><thead><tr><th></th><th class="number who bob">Alice hears Bob</th><th class="number who alice">Bob hears Alice</th></tr></thead>
<tbody>${rows.map(
    ([name, title, value]) =>
      html`<tr><th scope="row">${name}<span class="muted small">${title}</span></th>${sides.map((side) => html`<td class="number">${value(side)}</td>`)}</tr>`,
  )}</tbody></table>`;
}
