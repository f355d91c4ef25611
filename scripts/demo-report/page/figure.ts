// What the drawings share: frames, axes, labels that do not lie on each other.

import type { Waveform } from "../record.js";
import { html, type Markup } from "./markup.js";

/** Each figure is drawn for a wide page and for a phone; the style sheet shows one. Widths in CSS pixels. */
export const widths = { wide: 1000, narrow: 350 } as const;
export type Layout = keyof typeof widths;

/** Height of a line of small text. */
export const LINE = 15;

/** Estimated width of text of the figures' size. */
export function textWidth(text: string): number {
  return text.length * 6.4;
}

/** Cuts text that would be wider than `room`. */
export function fitText(text: string, room: number): string {
  const characters = Math.floor(room / 6.4);
  return text.length <= characters ? text : `${text.slice(0, Math.max(1, characters - 1))}…`;
}

/** An SVG in both layouts. `draw` returns its height and content; `title` says to those who cannot see it what it shows. */
export function figure(
  title: string,
  draw: (layout: Layout, width: number) => { readonly height: number; readonly body: Markup | readonly Markup[] },
): Markup {
  return html`${(["wide", "narrow"] as const).map((layout) => {
    const width = widths[layout];
    const { height, body } = draw(layout, width);
    return html`<svg class="${layout}" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}" aria-label="${title}">${body}</svg>`;
  })}`;
}

/** Round steps that divide `span` into at most `most` parts. */
export function tickStep(span: number, most: number): number {
  const rough = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? 10 * power;
}

/** A time axis with ticks. `at` gives the place of a time. */
export function timeAxis(from: number, to: number, at: (time: number) => number, y: number, unit: "ms" | "s"): Markup {
  const step = tickStep(to - from, (at(to) - at(from)) / 70);
  const scale = unit === "s" ? 1000 : 1;
  const decimals = Math.max(0, -Math.floor(Math.log10(step / scale) + 1e-9));
  const ticks: Markup[] = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-6; n++) {
    const x = at(n * step);
    const text = ((n * step) / scale).toFixed(decimals);
    ticks.push(html`<line class="tick" x1="${x}" x2="${x}" y1="${y}" y2="${y + 4}"/>
<text class="axis" x="${x}" y="${y + 16}" text-anchor="middle">${text}</text>`);
  }
  return html`<line class="tick" x1="${at(from)}" x2="${at(to)}" y1="${y}" y2="${y}"/>${ticks}
<text class="axis" x="${at(to) + 6}" y="${y + 4}">${unit}</text>`;
}

/** A label that wants to be near `x`. */
export interface Wish {
  readonly x: number;
  readonly width: number;
}

/** Where a label went: its left edge, and its lane (0 is the nearest). */
export interface Place {
  readonly left: number;
  readonly lane: number;
}

/** Gives each label a place between `min` and `max`, in the nearest lane where it lies on no other. */
export function placeLabels(wishes: readonly Wish[], min: number, max: number): Place[] {
  const lanes: { left: number; right: number }[][] = [];
  return wishes.map((wish) => {
    const left = Math.max(min, Math.min(max - wish.width, wish.x - wish.width / 2));
    const right = left + wish.width;
    let lane = 0;
    while (lanes[lane]?.some((other) => left < other.right + 8 && right > other.left - 8)) lane++;
    lanes[lane] ??= [];
    lanes[lane].push({ left, right });
    return { left, lane };
  });
}

/** Two-headed arrow that measures from `x1` to `x2`, with its words above; they stand beside it when it is short. */
export function dimension(x1: number, x2: number, y: number, words: string, right: number): Markup {
  const width = textWidth(words) + 8;
  const inside = x2 - x1 > width;
  const head = Math.min(5, (x2 - x1) / 2);
  const textX = inside ? (x1 + x2) / 2 : x2 + 8 + width <= right ? x2 + 8 : x1 - 8;
  const anchor = inside ? "middle" : textX > x2 ? "start" : "end";
  return html`<g class="dimension"><line x1="${x1}" x2="${x2}" y1="${y}" y2="${y}"/>
<path d="M${x1 + head} ${y - 3.5}L${x1} ${y}L${x1 + head} ${y + 3.5}M${x2 - head} ${y - 3.5}L${x2} ${y}L${x2 - head} ${y + 3.5}"/>
<text x="${textX}" y="${inside ? y - 6 : y + 4}" text-anchor="${anchor}">${words}</text></g>`;
}

/** Head of an arrow that ends at (x2, y2). */
export function arrowHead(x1: number, y1: number, x2: number, y2: number, size = 7): Markup {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const ux = (x2 - x1) / length;
  const uy = (y2 - y1) / length;
  const bx = x2 - ux * size;
  const by = y2 - uy * size;
  const half = size * 0.45;
  return html`<path class="head" d="M${x2} ${y2}L${bx - uy * half} ${by + ux * half}L${bx + uy * half} ${by - ux * half}Z"/>`;
}

/** The loudest sample, 0 to 1, so that quiet recordings can be drawn as large as loud ones. */
export function peakOf(wave: Waveform): number {
  let peak = 0.02;
  for (let i = 0; i < wave.low.length; i++) peak = Math.max(peak, wave.high[i], -wave.low[i]);
  return peak;
}

/** Outline of a recording between two of its stretches, around `middle`, as one closed path; columns of at most two pixels. */
export function envelopePath(
  low: readonly number[],
  high: readonly number[],
  at: (stretch: number) => number,
  from: number,
  to: number,
  middle: number,
  half: number,
): string {
  const first = Math.max(0, Math.floor(from));
  const last = Math.min(low.length, Math.ceil(to));
  if (last <= first) return "";
  const columns = Math.max(1, Math.min(last - first, Math.round((at(last) - at(first)) / 1.5)));
  const top: string[] = [];
  const bottom: string[] = [];
  for (let c = 0; c < columns; c++) {
    const a = first + Math.floor((c * (last - first)) / columns);
    const b = Math.max(a + 1, first + Math.floor(((c + 1) * (last - first)) / columns));
    let most = -1;
    let least = 1;
    for (let i = a; i < b; i++) {
      most = Math.max(most, high[i]);
      least = Math.min(least, low[i]);
    }
    const x = ((at(a) + at(b)) / 2).toFixed(1);
    top.push(`${x} ${(middle - Math.max(most * half, 0.4)).toFixed(1)}`);
    bottom.push(`${x} ${(middle - Math.min(least * half, -0.4)).toFixed(1)}`);
  }
  return `M${top.join("L")}L${bottom.reverse().join("L")}Z`;
}
