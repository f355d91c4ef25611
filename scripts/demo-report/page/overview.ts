// The whole call on one line of seconds: phases, what rang and shook, what each side heard.

import { pointAt } from "../delays.js";
import type { Side } from "../ladder.js";
import type { DemoRecord } from "../record.js";
import { sideName } from "../verdict.js";
import { envelopePath, figure, fitText, peakOf, placeLabels, textWidth, timeAxis } from "./figure.js";
import { html, type Markup } from "./markup.js";
import { duration } from "./words.js";

interface Bar {
  readonly className: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly words: string;
}

interface Lane {
  readonly name: string;
  readonly bars: readonly Bar[];
  readonly waveOf?: Side;
}

/** First and last moment of the call that anything is known of. */
export function spanOf(record: DemoRecord): { fromMs: number; toMs: number } {
  const times = [...record.trace.alice, ...record.trace.bob].map((entry) => entry.atMs);
  for (const entry of record.ladder) times.push(entry.atMs);
  const from = pointAt(record.trace, "alice", "dialled") ?? (times.length ? Math.min(...times) : 0);
  return { fromMs: from, toMs: Math.max(from + 1, ...times, ...record.rings.map((ring) => ring.offMs ?? ring.onMs)) };
}

function phasesOf(record: DemoRecord, endMs: number): Bar[] {
  const { trace, delays } = record;
  const dialled = pointAt(trace, "alice", "dialled");
  const ringing = pointAt(trace, "alice", "ringing-received");
  const picked = pointAt(trace, "bob", "picked-up");
  const ready = picked !== undefined && delays.answeringMs !== null ? picked + delays.answeringMs : undefined;
  const ended = pointAt(trace, "alice", "ended") ?? pointAt(trace, "bob", "ended") ?? endMs;
  const bars: Bar[] = [];
  const add = (className: string, words: string, fromMs: number | undefined, toMs: number | undefined) => {
    if (fromMs !== undefined && toMs !== undefined && toMs > fromMs) bars.push({ className, fromMs, toMs, words });
  };
  add("calling", "calling", dialled, ringing);
  add("ringing", "ringing", ringing, picked);
  add("answering", "answering", picked, ready);
  add("talking", record.call.suite === null ? "talking, open" : "talking, encrypted", ready, ended);
  return bars;
}

/** The drawing. */
export function overviewFigure(record: DemoRecord): Markup {
  const { fromMs, toMs } = spanOf(record);
  const lanes: Lane[] = [{ name: "Call", bars: phasesOf(record, toMs) }];
  for (const key of new Set(record.rings.map((ring) => `${ring.side} ${ring.device}`))) {
    const rings = record.rings.filter((ring) => `${ring.side} ${ring.device}` === key);
    lanes.push({
      name: `${sideName(rings[0].side)}'s ${rings[0].device}`,
      bars: rings.map((ring) => ({
        className: ring.device === "vibrator" ? "vibrator" : "ringer",
        fromMs: ring.onMs,
        toMs: ring.offMs ?? toMs,
        words: ring.offMs === null ? "never stopped" : duration(ring.offMs - ring.onMs),
      })),
    });
  }
  for (const side of ["alice", "bob"] as const)
    if (record.audio[side]) lanes.push({ name: `${sideName(side)} hears`, bars: [], waveOf: side });

  return figure("The call from dialling to hanging up, in seconds", (layout, width) => {
    const wide = layout === "wide";
    const left = wide ? 128 : 2;
    const right = width - 26;
    const at = (time: number) => left + ((time - fromMs) / (toMs - fromMs)) * (right - left);
    // Phases too short for their name are named above, with their length.
    const small = lanes[0].bars
      .filter((bar) => at(bar.toMs) - at(bar.fromMs) < textWidth(bar.words) + 10)
      .map((bar) => ({ bar, words: `${bar.words} ${duration(bar.toMs - bar.fromMs)}` }));
    const places = placeLabels(
      small.map(({ bar, words }) => ({ x: at(bar.fromMs) + textWidth(words) / 2 - 6, width: textWidth(words) })),
      left,
      right,
    );
    const lift = Math.max(0, ...places.map((place) => 15 * (place.lane + 1)));
    const callouts = small.map(
      (
        { bar, words },
        i,
      ) => html`<g class="callout"><line x1="${at(bar.fromMs) + 1}" x2="${at(bar.fromMs) + 1}" y1="${lift - 15 * places[i].lane - 2}" y2="${lift + (wide ? 6 : 22)}"/>
<text class="halo" x="${places[i].left}" y="${lift - 15 * places[i].lane - 4}">${words}</text></g>`,
    );
    let y = 6 + lift;
    const rows = lanes.map((lane) => {
      const tall = lane.waveOf ? 40 : 22;
      if (!wide) y += 16;
      const middle = y + tall / 2;
      const name = wide
        ? html`<text class="lane" x="${left - 12}" y="${middle + 4}" text-anchor="end">${fitText(lane.name, left - 14)}</text>`
        : html`<text class="lane" x="${left}" y="${y - 4}">${fitText(lane.name, width)}</text>`;
      const bars = lane.bars.map((bar) => {
        const x = Math.max(left, at(bar.fromMs));
        const w = Math.max(2.5, Math.min(right, at(bar.toMs)) - x);
        const fits = textWidth(bar.words) * 1.1 + 14 < w;
        return html`<g class="phase ${bar.className}"><title>${lane.name}: ${bar.words}, from ${duration(bar.fromMs - fromMs)} to ${duration(bar.toMs - fromMs)}</title>
<rect x="${x}" y="${y}" width="${w}" height="${tall}" rx="${w < 8 ? 0 : 4}"/>
${fits && html`<text x="${x + w / 2}" y="${middle + 4}" text-anchor="middle">${bar.words}</text>`}</g>`;
      });
      const audio = lane.waveOf && record.audio[lane.waveOf];
      let wave: Markup | undefined;
      if (audio) {
        const { heard } = audio;
        const stretchMs = heard.durationMs / Math.max(1, heard.low.length);
        const place = (stretch: number) => at(heard.startedAtMs + stretch * stretchMs);
        const first = (fromMs - heard.startedAtMs) / stretchMs;
        const last = (toMs - heard.startedAtMs) / stretchMs;
        const speaker = lane.waveOf === "alice" ? "bob" : "alice";
        wave = html`<path class="wave-fill ${speaker}" d="${envelopePath(heard.low, heard.high, place, first, last, middle, tall / 2 / peakOf(heard))}"/>`;
      }
      y += tall + 8;
      return html`<line class="row" x1="${left}" x2="${right}" y1="${middle}" y2="${middle}"/>${name}${bars}${wave}`;
    });
    return {
      height: y + 26,
      body: html`${callouts}${rows}${timeAxis(0, toMs - fromMs, (time) => at(fromMs + time), y + 2, "s")}`,
    };
  });
}
