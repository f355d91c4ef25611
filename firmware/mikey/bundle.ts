// A running crypto session bundle: new keys, more sessions, and its key for another device (RFC 3830 sections 4.5 and 8).

import type { Result } from "../runtime/result.js";
import type { Agreed } from "./agreed.js";
import { copy } from "./bytes.js";
import { offeredSessions } from "./crypto-sessions.js";
import { envelopeMethod } from "./envelope-cache.js";
import { type MikeyResult, refuse } from "./errors.js";
import type { Exchange } from "./exchange.js";
import type { SrtpSession } from "./header.js";
import type { SentOffer } from "./initiator.js";
import { type AgreedKey, copyKeys, wipeKeys } from "./key-data.js";
import type { MikeyMethod } from "./methods/method.js";
import type { KeyValidity, PolicyPayload } from "./payloads/index.js";
import type { ReceivedOffer } from "./responder.js";
import { policyFor } from "./srtp-policy.js";
import type { CallParties, Refusal } from "./terms.js";

/** Keys that several peers get: a group's, or those of a running bundle for another device. */
export interface SharedKeys {
  readonly csbId: number;
  readonly rand: Uint8Array;
  readonly keys: readonly AgreedKey[];
  /** Every session with its SSRC and how far its packets have come (ROC). */
  readonly sessions: readonly SrtpSession[];
  readonly policies: readonly PolicyPayload[];
}

/** Zeroes shared keys. */
export function wipeSharedKeys(shared: SharedKeys): void {
  wipeKeys(shared.keys);
}

/** What an update changes. */
export interface UpdateOptions {
  /** New keys; else those in use go on (a new address, a new policy list, more sessions). */
  readonly rekey: boolean;
  /** An SPI for the new key, so that both ends know when it begins to be used. */
  readonly validity?: KeyValidity;
  /** SSRCs of streams we add: each gets a session, and one for the peer's stream beside it. */
  readonly add?: readonly number[];
  /** Roll-over counters by SSRC, for whoever joins late. */
  readonly rocs?: ReadonlyMap<number, number>;
  /** False: no answer is wanted. Default true. */
  readonly verify?: boolean;
}

/**
 * A bundle that both ends keep. Either of them may update it; an update is proved with the key of the method that made the
 * bundle, or with the envelope key it left behind. Close it at the end of the call: that wipes its TGK.
 */
export class Bundle {
  private readonly agreed: Agreed;
  private readonly updater: MikeyMethod;
  private isClosed = false;

  /** @param agreed its keys become the bundle's; its envelope key is copied. */
  constructor(
    private readonly exchange: Exchange,
    agreed: Agreed,
  ) {
    const { envelope, method, peer, label } = agreed;
    this.agreed = envelope ? { ...agreed, envelope: { ...envelope, key: copy(envelope.key) } } : agreed;
    this.updater = envelope ? envelopeMethod(peer, label, envelope.key) : method;
  }

  get csbId(): number {
    return this.agreed.csbId;
  }
  /** The CS ID map as both ends know it. */
  get sessions(): readonly SrtpSession[] {
    return this.agreed.sessions;
  }

  /**
   * Makes an update. Its acceptance gives an agreement with a bundle of its own, which takes this one's place: close this one then.
   */
  async update(options: UpdateOptions, protocols: readonly string[], nowMs: number): Promise<MikeyResult<SentOffer>> {
    if (this.isClosed) return refuse("internal-error", "the bundle was closed");
    const { agreed } = this;
    const known = withRocs(agreed.sessions, options.rocs);
    const policy = known[0]?.policy ?? 0;
    const added = offeredSessions(options.add ?? []).map((session) => ({ ...session, policy }));
    const [ssrc, ...moreSsrcs] = [agreed.parties.ssrc, ...(agreed.parties.moreSsrcs ?? []), ...(options.add ?? [])];
    return this.exchange.offer({
      method: this.updater,
      parties: { ...agreed.parties, ssrc, moreSsrcs },
      protocols,
      nowMs,
      csbId: agreed.csbId,
      rand: agreed.rand,
      sessions: [...known, ...added],
      policies: agreed.policies,
      keys: options.rekey ? { kind: "fresh", validity: options.validity ?? { kind: "none" } } : { kind: "unchanged" },
      verify: options.verify ?? true,
      asksForGroup: false,
      current: agreed,
      end() {},
    });
  }

  /**
   * Reads an update of the peer's.
   * @param add SSRCs of our streams for the sessions it may add.
   */
  async receive(
    bytes: Uint8Array,
    protocols: readonly string[],
    nowMs: number,
    add: readonly number[] = [],
  ): Promise<Result<ReceivedOffer, Refusal>> {
    if (this.isClosed) return refuse("internal-error", "the bundle was closed");
    const { agreed } = this;
    const parties: CallParties = {
      ...agreed.parties,
      moreSsrcs: [...(agreed.parties.moreSsrcs ?? []), ...add],
    };
    return this.exchange.receive(bytes, {
      parties,
      fill: add,
      protocols,
      nowMs,
      methods: (dataType) => (dataType === this.updater.offerType ? [this.updater] : []),
      current: agreed,
    });
  }

  /**
   * Copies of the keys, to be offered to another device or member (`OfferOptions.share`): with a key transport, Diffie-Hellman
   * cannot carry a key. Wipe them with {@link wipeSharedKeys} when they are offered.
   * @param rocs roll-over counters by SSRC, so that the receiver finds its place in the running streams.
   */
  share(rocs?: ReadonlyMap<number, number>): SharedKeys {
    if (this.isClosed) throw new TypeError("the bundle was closed");
    const { keyCsbId, rand, keys, sessions, policies, uses } = this.agreed;
    return {
      csbId: keyCsbId,
      rand,
      keys: copyKeys(keys),
      sessions: withRocs(sessions, rocs),
      policies: policies.length > 0 ? policies : [policyFor(uses[0].suite, sessions[0]?.policy ?? 0, uses[0])],
    };
  }

  /** Wipes the keys; what was derived from them stays. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    wipeKeys(this.agreed.keys);
    if (!this.agreed.envelope) return;
    this.updater.wipe();
    this.agreed.envelope.key.fill(0);
  }
}

function withRocs(sessions: readonly SrtpSession[], rocs: ReadonlyMap<number, number> | undefined): SrtpSession[] {
  return sessions.map((session) => ({ ...session, roc: rocs?.get(session.ssrc) ?? session.roc }));
}
