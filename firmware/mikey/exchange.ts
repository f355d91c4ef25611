// One exchange, initial or updating a bundle: what both sides of it go by.

import type { Result } from "../runtime/result.js";
import type { Keep } from "./agreed.js";
import type { MikeyResult } from "./errors.js";
import { Freshness, type FreshnessOptions } from "./freshness.js";
import { makeOffer, type OfferPlan, type SentOffer } from "./initiator.js";
import type { RandomSource } from "./methods/method.js";
import type { PolicyPayload } from "./payloads/index.js";
import type { ReplayCache } from "./replay.js";
import { type ReceivedOffer, type ReceivePlan, readOffer } from "./responder.js";
import { DEFAULT_SUITE, type MikeySuite, policyFor, type SrtpTerms } from "./srtp-policy.js";
import type { Refusal } from "./terms.js";

/** What an agent gives its exchanges. */
export interface ExchangeOptions extends FreshnessOptions {
  readonly replay: ReplayCache;
  readonly random: RandomSource;
  readonly suites?: readonly MikeySuite[];
  readonly srtp?: SrtpTerms;
}

/** What the exchanges of an agent have in common. */
export interface ExchangeContext {
  readonly replay: ReplayCache;
  readonly random: RandomSource;
  readonly freshness: Freshness;
  /** SRTP suites in the order of preference. */
  readonly suites: readonly MikeySuite[];
  readonly srtp: SrtpTerms;
  /** What our offers say of both. */
  readonly policies: readonly PolicyPayload[];
  readonly keep: Keep;
}

/** The exchanges of one agent and its bundles. */
export class Exchange {
  private readonly context: ExchangeContext;

  constructor(options: ExchangeOptions, keep: Keep) {
    const { replay, random, suites = [DEFAULT_SUITE], srtp = {} } = options;
    const policies = suites.map((suite, i) => policyFor(suite, i, srtp));
    this.context = { replay, random, freshness: new Freshness(options), suites, srtp, policies, keep };
  }

  /** Makes an offer; see {@link OfferPlan}. */
  offer(plan: OfferPlan): Promise<MikeyResult<SentOffer>> {
    return makeOffer(this.context, plan);
  }

  /** Reads an offer; see {@link ReceivePlan}. */
  receive(bytes: Uint8Array, plan: ReceivePlan): Promise<Result<ReceivedOffer, Refusal>> {
    return readOffer(this.context, bytes, plan);
  }
}
