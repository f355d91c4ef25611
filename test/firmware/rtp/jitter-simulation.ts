// A network and a reader for jitter buffer tests: packets with given delays on a virtual clock, sound pulled period by period.

import {
  JitterBuffer,
  type JitterBufferOptions,
  Pull,
  RtpPacket,
  writeRtpHeaderInto,
} from "../../../firmware/rtp/index.js";

export interface Trace {
  /** ms of sound. */
  readonly durationMs: number;
  /** Network delay of packet `index`, ms; undefined: lost. */
  readonly delay: (index: number) => number | undefined;
  readonly ptimeMs?: number;
  /** Reader's period, ms. */
  readonly periodMs?: number;
  /** How much faster the sender's clock runs, parts per million. */
  readonly driftPpm?: number;
  /** True when the sender speaks at a time of its own clock, ms; default: always. */
  readonly speaking?: (ms: number) => boolean;
  /** Sends nothing while it is silent. */
  readonly dtx?: boolean;
  readonly firstSequence?: number;
  readonly firstTimestamp?: number;
  readonly buffer?: Partial<JitterBufferOptions>;
  /** ms at which figures begin to count. */
  readonly settleMs?: number;
  /** When the reader starts, ms after the first packet is sent. */
  readonly readerStartMs?: number;
}

export interface Outcome {
  readonly buffer: JitterBuffer;
  /** From `settleMs` on. */
  readonly sent: number;
  readonly lost: number;
  readonly played: number;
  readonly late: number;
  readonly concealed: number;
  readonly skipped: number;
  readonly inserted: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly meanDelayMs: number;
  /** Indexes of the packets played, in order. */
  readonly order: number[];
}

const RATE = 8000;

/** Runs `trace`; payloads carry the packet's index, so that what comes out can be named. */
export function simulate(trace: Trace): Outcome {
  const ptime = trace.ptimeMs ?? 20;
  const period = trace.periodMs ?? 10;
  const spacing = ptime / (1 + (trace.driftPpm ?? 0) / 1e6);
  const settle = trace.settleMs ?? 2000;
  const samples = (ptime * RATE) / 1000;
  const buffer = new JitterBuffer({ clockRate: RATE, ...trace.buffer });
  const speaking = trace.speaking ?? (() => true);

  const arrivals: { at: number; index: number }[] = [];
  let sent = 0;
  let lost = 0;
  let sequence = trace.firstSequence ?? 65_000;
  const sequenceOf = new Map<number, number>();
  for (let index = 0; index * ptime < trace.durationMs; index++) {
    if (trace.dtx && !speaking(index * ptime)) continue;
    sequenceOf.set(index, sequence);
    sequence = (sequence + 1) & 0xffff;
    const delay = trace.delay(index);
    if (index * spacing >= settle) sent++;
    if (delay === undefined) {
      if (index * spacing >= settle) lost++;
    } else arrivals.push({ at: index * spacing + delay, index });
  }
  arrivals.sort((a, b) => a.at - b.at || a.index - b.index);

  const wire = new Uint8Array(12 + samples);
  const packet = new RtpPacket();
  let stock = 0;
  let quiet = false;
  let next = 0;
  let began: { late: number; concealed: number; skipped: number; inserted: number; played: number } | undefined;
  let minDelay = Number.POSITIVE_INFINITY;
  let maxDelay = 0;
  let sum = 0;
  let count = 0;
  const order: number[] = [];
  const end = arrivals[arrivals.length - 1].at;
  for (let now = trace.readerStartMs ?? 7.3; now < end; now += period) {
    while (next < arrivals.length && arrivals[next].at <= now) {
      const { at, index } = arrivals[next++];
      const stamp = ((trace.firstTimestamp ?? 0xffff_0000) + index * samples) >>> 0;
      writeRtpHeaderInto(wire, index === 0, 0, sequenceOf.get(index)!, stamp, 0x1234);
      new DataView(wire.buffer).setUint32(12, index);
      packet.read(wire);
      buffer.put(packet, at, samples);
    }
    if (!began && now >= settle) {
      const { late, concealed, skipped, inserted, played } = buffer;
      began = { late, concealed, skipped, inserted, played };
    }
    for (stock -= (period * RATE) / 1000; stock < 0; stock += buffer.samples) {
      const pull = buffer.get(now, quiet);
      if (pull !== Pull.packet) {
        if (pull === Pull.empty) quiet = true;
        continue;
      }
      const index = new DataView(buffer.data.buffer).getUint32(buffer.offset);
      order.push(index);
      quiet = !speaking(index * ptime);
      if (now < settle) continue;
      minDelay = Math.min(minDelay, buffer.delayMs);
      maxDelay = Math.max(maxDelay, buffer.delayMs);
      sum += buffer.delayMs;
      count++;
    }
  }
  const from = began!;
  return {
    buffer,
    sent,
    lost,
    played: buffer.played - from.played,
    late: buffer.late - from.late,
    concealed: buffer.concealed - from.concealed,
    skipped: buffer.skipped - from.skipped,
    inserted: buffer.inserted - from.inserted,
    minDelayMs: minDelay,
    maxDelayMs: maxDelay,
    meanDelayMs: sum / count,
    order,
  };
}

/** Numbers in [0, 1), the same every time (mulberry32). */
export function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
