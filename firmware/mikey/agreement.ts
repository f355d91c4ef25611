// "Agree on SRTP keys with this peer": the rules all methods share, from configuration to keys (RFC 3830 section 5).

import type { Result } from "../runtime/result.js";
import { Bundle, type SharedKeys } from "./bundle.js";
import type { CounterStore } from "./counters.js";
import { offeredSessions } from "./crypto-sessions.js";
import { EnvelopeCache } from "./envelope-cache.js";
import { type MikeyResult, refuse } from "./errors.js";
import { Exchange } from "./exchange.js";
import type { SrtpSession } from "./header.js";
import type { SentOffer } from "./initiator.js";
import type { MethodName, MikeyMethod, RandomSource } from "./methods/method.js";
import { DataType } from "./numbers.js";
import type { KeyValidity } from "./payloads/index.js";
import type { ReplayCache } from "./replay.js";
import type { ReceivedOffer } from "./responder.js";
import type { MikeySuite, SrtpTerms } from "./srtp-policy.js";
import { type CallParties, checkParties, ownSsrcs, type Refusal } from "./terms.js";

export { type Agreement, wipeAgreement } from "./agreed.js";
export type { SentOffer } from "./initiator.js";
export type { GroupAnswer, ReceivedOffer } from "./responder.js";

const RAND_BYTES = 16;

export interface MikeyOptions {
  /** The methods we can run; the offer's data type picks one. */
  readonly methods: readonly MikeyMethod[];
  readonly replay: ReplayCache;
  readonly random: RandomSource;
  /** Half width of the accepted time window in ms; default {@link DEFAULT_SKEW_MS}. */
  readonly skewMs?: number;
  /** SRTP suites we run, in the order of our preference; default AES_CM_128_HMAC_SHA1_80 alone. */
  readonly suites?: readonly MikeySuite[];
  /**
   * How our offers want a suite to be run: key derivation rate, and what goes without protection. What others offer may lack no other
   * protection than ours does; they may ask for any key derivation rate. Default: all is protected, keys are derived once.
   */
  readonly srtp?: SrtpTerms;
  /** Agreements keep a {@link Bundle}: what re-keying, adding sessions and handing over need. Default false: TGKs are wiped at once. */
  readonly keepsBundles?: boolean;
  /** Envelope keys kept for later bundles; default: a cache of this agent's own. */
  readonly envelopes?: EnvelopeCache;
  /** Type of our timestamps; default `ntp-utc`. `counter` needs {@link counters}. */
  readonly timestamps?: "ntp-utc" | "ntp" | "counter";
  /** Lets peers use counters as timestamps. */
  readonly counters?: CounterStore;
}

/** What may be asked of an offer. */
export interface OfferOptions {
  /** False: no answer is wanted, and the keys are there at once (`SentOffer.assume`). Only key transports can. Default true. */
  readonly verify?: boolean;
  /** Only our own streams get sessions: what a sender offers to a group. */
  readonly isOneWay?: boolean;
  /** An SPI (SRTP's MKI) or a range of packet indices for a fresh key. */
  readonly validity?: KeyValidity;
  /** Keys of a group or of a running bundle instead of fresh ones (section 8, thesis 15.1). */
  readonly share?: SharedKeys;
  /** RSA-R: asks for a group's keys; the responder says which sessions there are (RFC 4738 section 3.2). */
  readonly asksForGroup?: boolean;
  /** All methods offered in the description, this one among them, most wanted first: a list nobody can shorten or reorder unnoticed. */
  readonly beside?: readonly MethodName[];
}

/** Agreements of one user agent. Time comes in as wall-clock ms since 1970, so that NTP eras are handled in one place. */
export class MikeyAgent {
  private readonly openCsbIds = new Set<number>();
  private readonly envelopes: EnvelopeCache;
  private readonly exchange: Exchange;

  constructor(private readonly options: MikeyOptions) {
    if (options.timestamps === "counter" && !options.counters)
      throw new TypeError("counters as timestamps need a counter store");
    this.envelopes = options.envelopes ?? new EnvelopeCache();
    this.exchange = new Exchange(options, (agreed, nowMs) => {
      if (agreed.envelope && !agreed.envelope.isForBundleOnly)
        this.envelopes.keep(agreed.peer, agreed.label, agreed.envelope.key, nowMs);
      return options.keepsBundles ? new Bundle(this.exchange, agreed) : undefined;
    });
  }

  /**
   * Makes an offer.
   * @param protocols key management protocols of the SDP offer in order, for RFC 4567 section 4.1.4.
   */
  async offer(
    name: MethodName,
    parties: CallParties,
    protocols: readonly string[],
    nowMs: number,
    options: OfferOptions = {},
  ): Promise<MikeyResult<SentOffer>> {
    const configured = this.options.methods.find((one) => one.name === name);
    if (!configured) return refuse("unsupported-method", `no keys are configured for method ${name}`);
    const named = checkParties(parties);
    if (!named.ok) return named;
    // An envelope key that both ends kept spares the public-key operations.
    const method = (name === "pke" && this.envelopes.methodFor(parties.peerUri, nowMs)) || configured;
    const { share, verify = true, asksForGroup = false } = options;
    const csbId = share?.csbId ?? this.newCsbId();
    const end = () => {
      if (!share) this.openCsbIds.delete(csbId);
    };
    const sent = await this.exchange.offer({
      method,
      parties,
      protocols,
      nowMs,
      csbId,
      rand: share?.rand ?? this.options.random(RAND_BYTES),
      sessions: share?.sessions ?? this.newSessions(parties, options),
      ...(share ? { policies: share.policies } : {}),
      keys: share
        ? { kind: "given", keys: share.keys }
        : { kind: "fresh", validity: options.validity ?? { kind: "none" } },
      verify,
      asksForGroup,
      ...(options.beside ? { offers: this.offerTypes(options.beside) } : {}),
      end,
    });
    if (!sent.ok) end();
    return sent;
  }

  /**
   * Reads an offer: format, freshness, replay, then the method's authentication, then terms. Nothing is remembered of an
   * offer that is not authentic (section 5.3).
   * @param offers data types of all the MIKEY offers of the description, in order; default: this is the only one.
   */
  receive(
    bytes: Uint8Array,
    parties: CallParties,
    protocols: readonly string[],
    nowMs: number,
    offers?: readonly number[],
  ): Promise<Result<ReceivedOffer, Refusal>> {
    return this.exchange.receive(bytes, {
      parties,
      protocols,
      nowMs,
      methods: (dataType) => {
        const found = this.options.methods.filter((one) => one.offerType === dataType);
        const kept = dataType === DataType.psk ? this.envelopes.methodFor(parties.peerUri, nowMs) : undefined;
        return kept ? [kept, ...found] : found;
      },
      ...(offers ? { offers } : {}),
    });
  }

  /** Work that can be done before any call. */
  async prepare(nowMs: number): Promise<void> {
    await Promise.all(this.options.methods.map((method) => method.prepare(nowMs)));
  }

  /** Zeroes the methods' long-term secrets. */
  close(): void {
    for (const method of this.options.methods) method.wipe();
    this.envelopes.close();
  }

  private offerTypes(names: readonly MethodName[]): number[] {
    return names.flatMap((name) => this.options.methods.find((one) => one.name === name)?.offerType ?? []);
  }

  private newSessions(parties: CallParties, options: OfferOptions): readonly SrtpSession[] {
    if (options.asksForGroup) return [];
    return parties.outside ? parties.outside.sessions : offeredSessions(ownSsrcs(parties), options.isOneWay ?? false);
  }

  /** A random CSB ID that none of our open bundles has (section 6.1). */
  private newCsbId(): number {
    const bytes = this.options.random(4);
    let csbId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    while (this.openCsbIds.has(csbId)) csbId = (csbId + 1) >>> 0;
    this.openCsbIds.add(csbId);
    return csbId;
  }
}

/** Bytes of a group's or bundle's key, made by whoever distributes it: one TGK for all. */
export function newGroupKeys(
  random: RandomSource,
  sessions: readonly SrtpSession[],
  policies: SharedKeys["policies"],
): SharedKeys {
  const four = random(4);
  return {
    csbId: new DataView(four.buffer, four.byteOffset).getUint32(0),
    rand: new Uint8Array(random(RAND_BYTES)),
    keys: [{ kind: "tgk", key: new Uint8Array(random(32)), validity: { kind: "none" } }],
    sessions,
    policies,
  };
}
