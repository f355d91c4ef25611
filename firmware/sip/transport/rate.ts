// Token buckets against floods: how much one source, and all together, may ask of the phone. The table of sources is bounded.

import { canonicalHost } from "../grammar/index.js";

/** What is let through. A burst is what may come at once after a quiet time. */
export interface RateLimits {
  /** Messages a second from one source, of any kind; above that they are dropped unread. */
  readonly messagesPerSource: number;
  readonly messagesBurst: number;
  /** New requests outside dialogs a second, from one source and in all; above that they are answered 503. */
  readonly requestsPerSource: number;
  readonly requestsBurst: number;
  readonly requestsTotal: number;
  readonly requestsTotalBurst: number;
  /** 503s a second for one source; what is beyond is dropped. */
  readonly refusalsPerSource: number;
  /** Sources told apart; the rest shares one. */
  readonly sources: number;
}

export const defaultRateLimits: RateLimits = {
  messagesPerSource: 400,
  messagesBurst: 800,
  requestsPerSource: 50,
  requestsBurst: 100,
  requestsTotal: 100,
  requestsTotalBurst: 200,
  refusalsPerSource: 10,
  sources: 1024,
};

/** A bucket that fills with time. */
class Bucket {
  private tokens: number;
  private atMs: number;
  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    nowMs: number,
  ) {
    this.tokens = burst;
    this.atMs = nowMs;
  }
  take(nowMs: number): boolean {
    this.fill(nowMs);
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
  /** Seconds until there is one. */
  wait(nowMs: number): number {
    this.fill(nowMs);
    return Math.max(0, (1 - this.tokens) / this.perSecond);
  }
  full(nowMs: number): boolean {
    this.fill(nowMs);
    return this.tokens >= this.burst;
  }
  private fill(nowMs: number): void {
    const passed = Math.max(0, nowMs - this.atMs);
    this.atMs = nowMs;
    this.tokens = Math.min(this.burst, this.tokens + (passed * this.perSecond) / 1000);
  }
}

class Source {
  readonly messages: Bucket;
  readonly requests: Bucket;
  readonly refusals: Bucket;
  constructor(limits: RateLimits, nowMs: number) {
    this.messages = new Bucket(limits.messagesPerSource, limits.messagesBurst, nowMs);
    this.requests = new Bucket(limits.requestsPerSource, limits.requestsBurst, nowMs);
    this.refusals = new Bucket(limits.refusalsPerSource, limits.refusalsPerSource, nowMs);
  }
  idle(nowMs: number): boolean {
    return this.messages.full(nowMs) && this.requests.full(nowMs) && this.refusals.full(nowMs);
  }
}

/** Counts and decides. IPv6 sources are told apart by /64, which is what one subscriber has. */
export class RateGuard {
  private readonly limits: RateLimits;
  private readonly sources = new Map<string, Source>();
  private readonly total: Bucket;
  private readonly others: Source;

  constructor(limits: Partial<RateLimits>, nowMs: number) {
    this.limits = { ...defaultRateLimits, ...limits };
    this.total = new Bucket(this.limits.requestsTotal, this.limits.requestsTotalBurst, nowMs);
    this.others = new Source(this.limits, nowMs);
  }

  /** Sources in the table. */
  get size(): number {
    return this.sources.size;
  }

  /** Whether a message from there is read at all. */
  admitMessage(host: string, nowMs: number): boolean {
    return this.source(host, nowMs).messages.take(nowMs);
  }

  /** Whether a new request outside dialogs is served: `refuse` says answer 503, `drop` that even that is too much. */
  admitRequest(host: string, nowMs: number): "serve" | "refuse" | "drop" {
    const source = this.source(host, nowMs);
    if (source.requests.take(nowMs) && this.total.take(nowMs)) return "serve";
    return source.refusals.take(nowMs) ? "refuse" : "drop";
  }

  /** Whole seconds until a request from there has a chance, at least 1. */
  retryAfter(host: string, nowMs: number): number {
    return Math.max(1, Math.ceil(Math.max(this.source(host, nowMs).requests.wait(nowMs), this.total.wait(nowMs))));
  }

  private source(host: string, nowMs: number): Source {
    const key = sourceKey(host);
    const known = this.sources.get(key);
    if (known) return known;
    if (this.sources.size >= this.limits.sources && !this.makeRoom(nowMs)) return this.others;
    const source = new Source(this.limits, nowMs);
    this.sources.set(key, source);
    return source;
  }

  /** Forgets a source that has been quiet; looks at a few of the oldest only, so that a flood of sources costs little. */
  private makeRoom(nowMs: number): boolean {
    let looked = 0;
    for (const [key, source] of this.sources) {
      this.sources.delete(key);
      if (source.idle(nowMs)) return true;
      this.sources.set(key, source);
      if (++looked >= 8) return false;
    }
    return false;
  }
}

function sourceKey(host: string): string {
  if (!host.includes(":")) return host;
  const canonical = canonicalHost(host.split("%")[0]);
  if (!canonical.includes(":")) return canonical;
  const [head, tail] = canonical.split("::");
  const groups = head.split(":");
  if (tail !== undefined) while (groups.length < 4) groups.push("0");
  return groups.slice(0, 4).join(":");
}
