// One direction of the voice: what was said above what was heard, both at their true time, and a close look at the delay.

import type { Side } from "../ladder.js";
import type { HeardRecord, Waveform } from "../record.js";
import { sideName } from "../verdict.js";
import { dimension, envelopePath, figure, peakOf, timeAxis } from "./figure.js";
import { html, type Markup } from "./markup.js";
import { ms } from "./words.js";

/** Width of the close look, ms. */
const CLOSE_MS = 700;

function path(
  wave: Waveform,
  at: (time: number) => number,
  fromMs: number,
  toMs: number,
  middle: number,
  half: number,
): string {
  const stretchMs = wave.durationMs / Math.max(1, wave.low.length);
  return envelopePath(
    wave.low,
    wave.high,
    (stretch) => at(wave.startedAtMs + stretch * stretchMs),
    (fromMs - wave.startedAtMs) / stretchMs,
    (toMs - wave.startedAtMs) / stretchMs,
    middle,
    half / peakOf(wave),
  );
}

/** Where speech sets in after a pause: the place at which a delay is best seen. Monotonic ms. */
function onsetOf(wave: Waveform): number {
  const stretchMs = wave.durationMs / Math.max(1, wave.low.length);
  const loud = peakOf(wave) * 0.25;
  const quiet = peakOf(wave) * 0.05;
  const size = (i: number) => Math.max(wave.high[i], -wave.low[i]);
  let calm = 0;
  for (let i = 0; i < wave.low.length; i++) {
    if (size(i) < quiet) calm += stretchMs;
    else if (size(i) > loud) {
      if (calm >= 60) return wave.startedAtMs + i * stretchMs;
      calm = 0;
    }
  }
  return wave.startedAtMs;
}

/** The drawing of what `listener` heard. `originMs`: zero of the time axes. */
export function wavesFigure(listener: Side, record: HeardRecord, originMs: number): Markup {
  const speaker: Side = listener === "alice" ? "bob" : "alice";
  const { said, heard, analysis } = record;
  const longest = Math.max(0, ...analysis.offsets.map((offset) => offset.mouthToEarMs));
  const fromMs = said.startedAtMs;
  const toMs = Math.max(fromMs + 1, said.startedAtMs + said.durationMs + longest);
  const onset = onsetOf(said);
  const near = analysis.offsets.reduce<number | null>((best, offset) => {
    const distance = (value: { atMs: number }) => Math.abs(said.startedAtMs + value.atMs - onset);
    const current = analysis.offsets.find((o) => o.mouthToEarMs === best);
    return !current || distance(offset) < distance(current) ? offset.mouthToEarMs : best;
  }, null);
  return figure(`What ${sideName(speaker)} said and what ${sideName(listener)} heard`, (layout, width) => {
    const wide = layout === "wide";
    const left = wide ? 110 : 2;
    const right = width - 26;
    const half = wide ? 30 : 24;
    let y = 0;
    /** Both recordings over one window of time. */
    const pair = (from: number, to: number, unit: "ms" | "s", close: boolean): Markup => {
      const at = (time: number) => left + ((time - from) / (to - from)) * (right - left);
      const label = wide ? 0 : 16;
      const saidY = y + label + half;
      const heardY = saidY + 2 * half + 10 + label;
      const axisY = heardY + half + 8;
      const name = (words: string, middle: number) =>
        wide
          ? html`<text class="lane" x="${left - 12}" y="${middle + 4}" text-anchor="end">${words}</text>`
          : html`<text class="lane" x="${left}" y="${middle - half - 4}">${words}</text>`;
      const marks =
        close &&
        near !== null &&
        html`<line class="limit" x1="${at(onset)}" x2="${at(onset)}" y1="${saidY - half}" y2="${heardY + half}"/>
<line class="limit" x1="${at(onset + near)}" x2="${at(onset + near)}" y1="${saidY + half + 5 - half}" y2="${heardY + half}"/>
${dimension(at(onset), at(onset + near), saidY + half + 5, ms(near), right)}`;
      const body = html`<line class="row" x1="${left}" x2="${right}" y1="${saidY}" y2="${saidY}"/><line class="row" x1="${left}" x2="${right}" y1="${heardY}" y2="${heardY}"/>
${name(`${sideName(speaker)} said`, saidY)}${name(`${sideName(listener)} heard`, heardY)}
<path class="wave-fill ${speaker}" d="${path(said, at, from, to, saidY, half)}"><title>${said.file}</title></path>
<path class="wave-fill heard ${speaker}" d="${path(heard, at, from, to, heardY, half)}"><title>${heard.file}</title></path>
${marks}${timeAxis(from - originMs, to - originMs, (time) => at(originMs + time), axisY, unit)}`;
      y = axisY + 28;
      return body;
    };
    const whole = pair(fromMs, toMs, "s", false);
    const closeFrom = Math.max(fromMs, onset - 120);
    y += 14;
    const words = near === null ? "Close up, where speech sets in" : "Close up: from mouth to ear";
    const heading = html`<text class="panel" x="2" y="${y}">${words}</text>`;
    y += wide ? 12 : 6;
    const close = pair(closeFrom, closeFrom + CLOSE_MS + (near ?? 0), "ms", true);
    const track = trackOf(record, left, right, y, wide);
    return { height: y + track.height, body: html`${whole}${heading}${close}${track.body}` };
  });
}

/** How the delay moved during the speech. */
function trackOf(
  record: HeardRecord,
  left: number,
  right: number,
  top: number,
  wide: boolean,
): { height: number; body: Markup } {
  const { offsets } = record.analysis;
  if (offsets.length < 2) return { height: 4, body: html`` };
  const values = offsets.map((offset) => offset.mouthToEarMs);
  const least = Math.min(...values);
  const most = Math.max(...values);
  const room = Math.max(4, (most - least) * 0.25);
  const height = 44;
  const y0 = top + 22;
  const at = (time: number) => left + (time / Math.max(1, record.said.durationMs)) * (right - left);
  const level = (value: number) => y0 + height - ((value - least + room) / (most - least + 2 * room)) * height;
  const points = offsets.map((offset) => `${at(offset.atMs).toFixed(1)} ${level(offset.mouthToEarMs).toFixed(1)}`);
  const span = most - least < 0.05 ? `Delay all along: ${ms(most)}` : `Delay over time: ${ms(least)} to ${ms(most)}`;
  return {
    height: 22 + height + 10,
    body: html`<text class="panel" x="2" y="${top + 12}">${span}</text>
<rect class="track" x="${left}" y="${y0}" width="${right - left}" height="${height}" rx="4"/>
${wide && html`<text class="axis" x="${left - 12}" y="${level(most) + 4}" text-anchor="end">${ms(most)}</text>`}
<path class="track-line" d="M${points.join("L")}"/>
${offsets.map((offset) => html`<circle class="track-dot" cx="${at(offset.atMs)}" cy="${level(offset.mouthToEarMs)}" r="2.2"><title>${ms(offset.atMs)} into the speech: ${ms(offset.mouthToEarMs)}</title></circle>`)}`,
  };
}
