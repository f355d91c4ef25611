// Where to send a request: RFC 3263 behind a cache that is refreshed ahead, so that a call waits for no look-up; servers that failed come last.

import { lookup } from "node:dns";
import type { Clock } from "../../runtime/clock.js";
import type { Log } from "../../runtime/log.js";
import { fail, ok, type Result } from "../../runtime/result.js";
import type { Timer, Timers } from "../../runtime/timers.js";
import type { SipAddress } from "../contract.js";
import type { SipUri } from "../grammar/index.js";
import type { DnsClient, RecordData, RecordType } from "./dns-client.js";
import { type Locating, locate, numericTarget, type Transport, type Wanted, wantedOf } from "./locate.js";
import type { Resolver } from "./resolve.js";

/** What a resolver is made of. */
export interface SipResolverOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly dns: DnsClient;
  /** Transports there are, most wanted first. */
  readonly transports: readonly Transport[];
  readonly families: readonly (4 | 6)[];
  readonly random: () => number;
  /** Whether names DNS does not know are looked for in the system's hosts file. */
  readonly hostsFile?: boolean;
}

/** Bounds of the tables. */
const MAX_RECORDS = 512;
const MAX_ROUTES = 128;
const MAX_BLACKLIST = 256;
/** A warm route is looked up again at this part of the time it is good for, and at least and at most so far apart, ms. */
const REFRESH_PART = 0.75;
const REFRESH_MIN_MS = 5000;
const REFRESH_MAX_MS = 3_600_000;
/** A record nobody can be asked about again is still used for so long, ms (RFC 8767). */
const STALE_MS = 3_600_000;
/** How long a server that failed is left to the last: doubled with each failure, ms. */
const BLACKLIST_MS = 15_000;
const BLACKLIST_MAX_MS = 600_000;

interface CachedRecords {
  readonly records: readonly RecordData[RecordType][];
  readonly untilMs: number;
}

interface CachedRoute {
  readonly targets: readonly SipAddress[];
  readonly untilMs: number;
}

interface Failed {
  count: number;
  untilMs: number;
}

/** A route that is kept fresh. */
interface Warm {
  readonly wanted: Wanted;
  timer: Timer | undefined;
}

export class SipResolver implements Resolver {
  private readonly records = new Map<string, CachedRecords>();
  private readonly routes = new Map<string, CachedRoute>();
  private readonly underWay = new Map<string, ((result: Result<readonly SipAddress[]>) => void)[]>();
  private readonly blacklist = new Map<string, Failed>();
  private readonly warmed = new Map<string, Warm>();
  private closed = false;

  constructor(private readonly options: SipResolverOptions) {}

  /** At once when the URI is numeric or its route is known; the rest of the route is in `alternatives`. */
  resolve(uri: SipUri, done: (result: Result<SipAddress>) => void): void {
    const { transports, clock } = this.options;
    const wanted = wantedOf(uri, transports);
    if (!wanted.ok) return done(wanted);
    const numeric = numericTarget(wanted.value, transports);
    if (numeric) return done(ok(numeric));
    const known = this.routes.get(keyOf(wanted.value));
    if (known && known.untilMs > clock.now()) return done(ok(this.ordered(known.targets)));
    this.look(wanted.value, (result) => {
      if (result.ok) done(ok(this.ordered(result.value)));
      // Better an old address than none.
      else if (known && known.untilMs + STALE_MS > clock.now()) done(ok(this.ordered(known.targets)));
      else done(result);
    });
  }

  /** Looks a URI's route up now, and again ahead of the end of its time, until {@link cool} or {@link close}. */
  warm(uri: SipUri): void {
    const { transports } = this.options;
    const wanted = wantedOf(uri, transports);
    if (!wanted.ok || numericTarget(wanted.value, transports)) return;
    const key = keyOf(wanted.value);
    if (this.warmed.has(key) || this.warmed.size >= MAX_ROUTES || this.closed) return;
    const warm: Warm = { wanted: wanted.value, timer: undefined };
    this.warmed.set(key, warm);
    this.refresh(key, warm);
  }

  /** No longer keeps a route fresh. */
  cool(uri: SipUri): void {
    const wanted = wantedOf(uri, this.options.transports);
    if (!wanted.ok) return;
    const key = keyOf(wanted.value);
    this.warmed.get(key)?.timer?.cancel();
    this.warmed.delete(key);
  }

  report(to: SipAddress, outcome: "answered" | "failed", retryAfterS?: number): void {
    const key = targetKey(to);
    if (outcome === "answered") {
      this.blacklist.delete(key);
      return;
    }
    const now = this.options.clock.now();
    const count = (this.blacklist.get(key)?.count ?? 0) + 1;
    const doubled = Math.min(BLACKLIST_MS * 2 ** (count - 1), BLACKLIST_MAX_MS);
    const asked = retryAfterS === undefined ? 0 : Math.min(retryAfterS * 1000, BLACKLIST_MAX_MS);
    this.blacklist.delete(key);
    bound(this.blacklist, MAX_BLACKLIST);
    this.blacklist.set(key, { count, untilMs: now + Math.max(doubled, asked) });
  }

  /** Forgets what it knows, e.g. after the network has changed, and looks warm routes up anew. */
  flush(): void {
    this.records.clear();
    this.routes.clear();
    this.blacklist.clear();
    for (const [key, warm] of this.warmed) this.refresh(key, warm);
  }

  close(): void {
    this.closed = true;
    for (const warm of this.warmed.values()) warm.timer?.cancel();
    this.warmed.clear();
  }

  private refresh(key: string, warm: Warm): void {
    const { clock, timers } = this.options;
    warm.timer?.cancel();
    this.forgetSoon();
    this.look(warm.wanted, (result) => {
      if (this.warmed.get(key) !== warm) return;
      const left = (this.routes.get(key)?.untilMs ?? clock.now()) - clock.now();
      const waitMs = result.ok ? left * REFRESH_PART : REFRESH_MIN_MS;
      warm.timer = timers.after(Math.min(Math.max(waitMs, REFRESH_MIN_MS), REFRESH_MAX_MS), () =>
        this.refresh(key, warm),
      );
    });
  }

  /** Records that would run out before the next look are asked for anew. */
  private forgetSoon(): void {
    const limitMs = this.options.clock.now() + REFRESH_MIN_MS;
    for (const [key, cached] of this.records) if (cached.untilMs < limitMs) this.records.delete(key);
  }

  /** Looks up; several askers share one look-up. */
  private look(wanted: Wanted, done: (result: Result<readonly SipAddress[]>) => void): void {
    const key = keyOf(wanted);
    const waiting = this.underWay.get(key);
    if (waiting) {
      waiting.push(done);
      return;
    }
    const askers = [done];
    this.underWay.set(key, askers);
    let untilMs = Number.POSITIVE_INFINITY;
    const world: Locating = {
      transports: this.options.transports,
      families: this.options.families,
      random: this.options.random,
      records: (name, type) =>
        this.ask(name, type, (until) => {
          untilMs = Math.min(untilMs, until);
        }),
    };
    const finish = (result: Result<readonly SipAddress[]>): void => {
      this.underWay.delete(key);
      if (this.closed) return;
      if (result.ok) {
        this.routes.delete(key);
        bound(this.routes, MAX_ROUTES);
        this.routes.set(key, { targets: result.value, untilMs });
      } else this.options.log.warn("name-not-found", { host: wanted.host, error: result.error.text });
      for (const asker of askers) asker(result);
    };
    locate(wanted, world).then(finish, (error: unknown) => finish(fail("dns", String(error))));
  }

  private async ask<T extends RecordType>(
    name: string,
    type: T,
    lasts: (untilMs: number) => void,
  ): Promise<readonly RecordData[T][] | undefined> {
    const { clock, dns } = this.options;
    const key = `${type} ${name.toLowerCase()}`;
    const cached = this.records.get(key);
    if (cached && cached.untilMs > clock.now()) {
      lasts(cached.untilMs);
      return cached.records as readonly RecordData[T][];
    }
    const answer = await dns.query(name, type);
    let records: readonly RecordData[T][] | undefined = answer.ok ? answer.value.records : undefined;
    let ttlS = answer.ok ? answer.value.ttlS : 0;
    if ((records?.length ?? 0) === 0 && this.options.hostsFile && (type === "A" || type === "AAAA")) {
      const found = await fromHosts(name, type === "A" ? 4 : 6);
      if (found.length > 0) {
        records = found as readonly RecordData[T][];
        ttlS = 60;
      }
    }
    if (records === undefined) {
      lasts(clock.now() + REFRESH_MIN_MS);
      return undefined;
    }
    const untilMs = clock.now() + Math.max(1, ttlS) * 1000;
    lasts(untilMs);
    this.records.delete(key);
    bound(this.records, MAX_RECORDS);
    this.records.set(key, { records, untilMs });
    return records;
  }

  /** Servers that failed lately behind those that did not; one address with the others as its alternatives. */
  private ordered(targets: readonly SipAddress[]): SipAddress {
    const now = this.options.clock.now();
    const bad = (to: SipAddress): boolean => (this.blacklist.get(targetKey(to))?.untilMs ?? 0) > now;
    const sorted = [...targets.filter((to) => !bad(to)), ...targets.filter(bad)];
    const [first, ...alternatives] = sorted;
    return alternatives.length > 0 ? { ...first, alternatives } : first;
  }
}

const targetKey = (to: SipAddress): string => `${to.host}:${to.port}/${to.transport}`;

function keyOf({ host, port, transport, secure, name, person }: Wanted): string {
  // A person matters only where a certificate may be theirs.
  return [host.toLowerCase(), port ?? "", transport ?? "", secure, name, person ?? ""].join(" ");
}

function bound(table: Map<string, unknown>, size: number): void {
  if (table.size < size) return;
  const oldest = table.keys().next();
  if (!oldest.done) table.delete(oldest.value);
}

function fromHosts(name: string, family: 4 | 6): Promise<readonly string[]> {
  return new Promise((resolve) =>
    lookup(name, { family, all: true }, (error, found) => resolve(error ? [] : found.map((one) => one.address))),
  );
}
