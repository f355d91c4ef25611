// One call: what both directions share. Subclasses know how it is set up; this knows its life, its voice and its end.

import type { StreamStatistics } from "../media/voice.js";
import type { Log, Timer } from "../runtime/index.js";
import type { Failure, IncomingReinvite, InviteDialog, InviteDialogEvents, SipBody } from "../sip/contract.js";
import type { SipMessage, SipRequest, SipResponse } from "../sip/grammar/message.js";
import type { CallEnvironment, KeyRules } from "./environment.js";
import { MediaSession } from "./media-session.js";
import { cancelled, changeWarning, endOfFailure, endOfRefusal, type Refusal, reason } from "./reasons.js";
import type { ReofferWish } from "./reoffers.js";
import type { CallEnd, CallSnapshot, CallState } from "./types.js";

/** Without a packet for this long the call is over: the peer or the network has gone. */
const MEDIA_TIMEOUT_MS = 90_000;

/** What a call is told at birth. */
export interface CallIdentity {
  readonly id: number;
  readonly direction: "outgoing" | "incoming";
  readonly account: string;
  readonly peer: { readonly uri: string; readonly displayName?: string };
  /** What the network says of the caller, unproved. */
  readonly asserted?: { readonly uri: string; readonly displayName?: string };
}

/** Nobody notices that a screen or a ringer hears of something so much later, ms; the other phone's next message may come meanwhile. */
const SOON_MS = 4;

export abstract class Call {
  protected state: CallState;
  protected dialog: InviteDialog | undefined;
  protected readonly media: MediaSession;
  protected readonly log: Log;
  protected startedAtMs: number;
  private answeredAtMs: number | undefined;
  private endedAtMs: number | undefined;
  private end: CallEnd | undefined;
  private statistics: StreamStatistics | undefined;
  private muted = false;
  private heldByPeer = false;
  private limit: Timer | undefined;
  private telling: Timer | undefined;
  /** An offer of ours within the call that is under way, and what is wanted after it. */
  private reoffering: ReofferWish | undefined;
  private wanted: ReofferWish | undefined;
  /** Who waits for the outcome of the next such offer. */
  private waiting: ((failed?: Refusal) => void)[] = [];
  private rekeyTimer: Timer | undefined;
  private keysWatched: number | undefined;
  /** Nothing can be sent any more under the keys there are. */
  private keysUsedUp = false;
  /** An early answer is in use. */
  protected early = false;
  private earlyMedia = false;
  protected quiet = false;
  private transport: CallSnapshot["transport"];
  protected wasRefused = false;

  constructor(
    protected readonly environment: CallEnvironment,
    readonly identity: CallIdentity,
    private readonly rules: KeyRules | undefined,
    initial: CallState,
  ) {
    this.state = initial;
    this.startedAtMs = environment.clock.wallMs();
    this.log = environment.log;
    this.media = new MediaSession(environment, identity, {
      changed: () => this.changedSoon(),
      silent: (silentMs) => {
        environment.emit({ type: "silent", id: identity.id, silentMs });
        if (silentMs >= MEDIA_TIMEOUT_MS && this.state === "active") {
          const text = "no voice packet for 90 s";
          this.finish({ by: "error", code: "media-timeout", text, user: "The connection was lost" }, () =>
            this.dialog?.bye(reason(408, text)),
          );
        }
      },
      heard: () => {
        if (!this.early || this.state !== "ringing") return;
        this.earlyMedia = true;
        this.changed();
      },
      digit: (digit, durationMs) => environment.emit({ type: "digit", id: identity.id, digit, durationMs }),
      keyAge: (kind) => this.keyAge(kind),
    });
  }

  /** True once nothing will happen any more. */
  get over(): boolean {
    return this.state === "ended";
  }
  /** True for an incoming call that was refused before the phone rang. */
  get refused(): boolean {
    return this.wasRefused;
  }
  get currentState(): CallState {
    return this.state;
  }

  /** What the rooms above see. */
  snapshot(): CallSnapshot {
    const { id, direction, account, peer, asserted } = this.identity;
    return {
      id,
      direction,
      state: this.state,
      account,
      peer,
      security: this.media.security,
      codec: this.media.codec,
      transport: this.transport,
      heldByPeer: this.heldByPeer,
      muted: this.muted,
      startedAtMs: this.startedAtMs,
      answeredAtMs: this.answeredAtMs,
      endedAtMs: this.endedAtMs,
      end: this.end,
      statistics: this.statistics,
      ...(asserted ? { asserted } : {}),
      ...(this.quiet ? { quiet: true } : {}),
      ...(this.earlyMedia && this.state === "ringing" ? { earlyMedia: true } : {}),
    };
  }

  /** Ends the call, whatever its state asks for: CANCEL, decline or BYE. */
  abstract hangup(): void;

  mute(on: boolean): void {
    this.muted = on;
    this.media.mute(on);
    this.changed();
  }

  digit(digit: string): void {
    if (this.state !== "active") throw new Error("digits can be sent in a running call only");
    this.media.digit(digit);
  }

  voiceStatistics(): Promise<StreamStatistics | undefined> {
    return this.media.statistics();
  }

  /** Puts the call on hold, or takes it back (RFC 3264 section 8.4); the crypto contexts stay. */
  hold(on: boolean): void {
    if (!this.dialog || (this.state !== "active" && this.state !== "held"))
      throw new Error("only a running call can be held");
    if ((this.wanted?.hold ?? this.reoffering?.hold ?? this.state === "held") !== on) this.reoffer({ hold: on });
  }

  /** Sends the session as it is now: the session timer asks for it, or the device has another address. */
  renew(): void {
    if (this.state === "active" || this.state === "held") this.reoffer({});
  }

  /** Makes an open call private. Resolves when it is; rejects with a sentence for the user. */
  secure(): Promise<void> {
    if (this.media.security.state === "secure") return Promise.reject(new Error("the call is private already"));
    return this.change({ secure: true });
  }

  /** Agrees on other keys. Resolves when they are used; rejects with a sentence for the user. */
  rekey(): Promise<void> {
    if (this.media.security.state !== "secure") return Promise.reject(new Error("the call is not private: no keys"));
    return this.change({ rekey: true });
  }

  private change(wish: ReofferWish): Promise<void> {
    if (!this.dialog || (this.state !== "active" && this.state !== "held"))
      return Promise.reject(new Error("only a running call can be changed"));
    return new Promise((resolve, reject) => {
      this.waiting.push((failed) => (failed ? reject(new Error(failed.user)) : resolve()));
      this.reoffer(wish);
    });
  }

  /** Sends the session as it is or shall be; while one such offer is under way the next waits. */
  private reoffer(wish: ReofferWish): void {
    if (this.reoffering) {
      this.wanted = { ...this.wanted, ...wish };
      return;
    }
    const { dialog, waiting } = this;
    if (!dialog) return;
    this.reoffering = wish;
    this.waiting = [];
    let refusal: Refusal | undefined;
    const make = async (): Promise<SipBody | undefined> => {
      const offer = await this.media.makeReoffer(wish);
      refusal = offer.ok ? undefined : offer.refusal;
      return offer.ok ? offer.value : undefined;
    };
    const over = (failed?: Refusal): void => {
      this.reoffering = undefined;
      for (const one of waiting) one(failed);
      const next = this.wanted;
      this.wanted = undefined;
      if (next && !this.over) this.reoffer(next);
    };
    const isUpdate = wish.rekey === true && this.rules?.rekeyBy === "update" && dialog.takesUpdate;
    const result = async (outcome: { readonly ok: SipResponse } | { readonly failed: Failure }): Promise<void> => {
      if (this.over) return over(cancelled.refusal);
      if ("failed" in outcome) {
        // The session goes on as it was (RFC 3261 section 14.1), unless the dialog ended, which it says by itself.
        const failed = refusal ?? (await this.refusedReoffer(outcome.failed));
        this.log.warn("reoffer-failed", { call: this.identity.id, status: outcome.failed.status, code: failed.code });
        if (this.media.dropReoffer(outcome.failed.status)) this.wanted = { ...wish, ...this.wanted };
        // RFC 4567 section 4.1.2: who offered new keys that were refused aborts the session.
        const { status, response } = outcome.failed;
        const isRefused =
          wish.rekey === true && !refusal && response !== undefined && (status === 488 || status === 606);
        if (isRefused && this.rules?.refusedRekey !== "keep") this.failWith(rekeyRefused(failed));
        else if (wish.rekey && this.keysUsedUp) this.endWithoutKeys();
        return over(failed);
      }
      const accepted = await this.media.acceptReanswer(outcome.ok);
      if (this.over) return over(cancelled.refusal);
      // The ACK says that we take packets under the keys of the answer: it waits until we do.
      if (!isUpdate) dialog.ack();
      if (!accepted.ok) {
        this.failWith(accepted.refusal);
        return over(accepted.refusal);
      }
      const unchanged = wish.rekey === true && accepted.value.unproved;
      if (unchanged) this.log.warn("rekey-ignored", { call: this.identity.id });
      if (this.state === "active" || this.state === "held") this.state = this.media.heldHere ? "held" : "active";
      this.watchKeys();
      this.changed();
      over(unchanged ? rekeyIgnored : undefined);
    };
    const said = (outcome: { readonly ok: SipResponse } | { readonly failed: Failure }): void => void result(outcome);
    if (isUpdate) dialog.update(make, said);
    else dialog.reinvite(make, said);
  }

  /** Why the peer refused a change. */
  private async refusedReoffer(failure: Failure): Promise<Refusal> {
    const why = failure.response && (await this.media.explain(failure.response));
    const { code, text, user } = endOfFailure(failure, why);
    return { status: failure.status, code, text, user };
  }

  /** New keys in time: the caller asks for them, and the callee should it not. */
  protected watchKeys(): void {
    const { security } = this.media;
    if (security.state !== "secure" || this.over) return;
    if (this.keysWatched === security.rekeys) return;
    this.keysWatched = security.rekeys;
    this.keysUsedUp = false;
    this.rekeyTimer?.cancel();
    const every = this.rules?.rekeyMs;
    if (every === undefined) return;
    const afterMs = this.identity.direction === "outgoing" ? every : Math.round(every * 1.25);
    const ask = (): void => {
      this.rekeyTimer = this.environment.timers.after(afterMs, ask);
      if (this.state === "active" || this.state === "held") this.reoffer({ rekey: true });
    };
    this.rekeyTimer = this.environment.timers.after(afterMs, ask);
  }

  private keyAge(kind: "expiring" | "expired"): void {
    if (this.over) return;
    this.log.info("key-age", { call: this.identity.id, kind });
    if (kind === "expired") this.keysUsedUp = true;
    if (!this.reoffering?.rekey && !this.wanted?.rekey) this.reoffer({ rekey: true });
  }

  private endWithoutKeys(): void {
    this.failWith({
      status: 488,
      code: "keys-used-up",
      text: "no new keys were agreed on before the old ones were used up",
      user: "The call's keys were used up, and the other phone did not agree on new ones",
    });
  }

  /** The dialog's events from here on. */
  protected attach(dialog: InviteDialog, acked: InviteDialogEvents["acked"]): void {
    this.dialog = dialog;
    dialog.events = {
      acked: (request, atMs) => {
        // The peer has the answer, and the keys, of our last 2xx.
        this.media.confirmed();
        if (this.state === "active" || this.state === "held") void this.lateReanswer(request);
        acked(request, atMs);
      },
      reinvite: (request) => void this.onReinvite(request),
      refresh: () => this.renew(),
      ended: (why) => {
        if (this.over && why.by === "us") this.environment.trace.mark("bye-answered", this.identity.id);
        if (this.over) return;
        if (why.by === "peer" && why.request && why.request.body.length > 0)
          return void this.endedWithReason(why.request, why.text);
        const peerReason = why.request?.headers.get("Reason");
        const user = why.by === "peer" ? "The other side hung up" : "The connection was lost";
        const error = why.by !== "peer" && why.by !== "us";
        this.finish({
          by: error ? "error" : why.by === "us" ? "us" : "peer",
          code: error ? "connection-lost" : "hangup",
          text: peerReason ? `${why.text} (${peerReason})` : why.text,
          user,
        });
      },
    };
  }

  /** The ACK brings the answer to the offer in our 2xx to a re-INVITE that had none. */
  private async lateReanswer(request: SipRequest): Promise<void> {
    if (this.reoffering || request.body.length === 0) return;
    const accepted = await this.media.acceptLateAnswer(request);
    if (!accepted.ok && !this.over) this.failWith(accepted.refusal);
  }

  /** The peer hung up and says why in the key agreement's words. */
  private async endedWithReason(request: SipRequest, text: string): Promise<void> {
    const peerReason = request.headers.get("Reason");
    const said = peerReason ? `${text} (${peerReason})` : text;
    const why = await this.media.explain(request);
    if (why) this.finish({ by: "peer", code: why.code, text: `${said}; ${why.text}`, user: why.user });
    else this.finish({ by: "peer", code: "hangup", text: said, user: "The other side hung up" });
  }

  /** The call is up. */
  protected activate(): void {
    if (this.over) return;
    this.state = "active";
    if (this.early) this.media.mute(this.muted);
    this.answeredAtMs ??= this.environment.clock.wallMs();
    this.setLimit(undefined);
    this.watchKeys();
    this.changed();
  }

  /** One guard per call: what happens when a phase takes too long. */
  protected setLimit(ms: number | undefined, expired?: () => void): void {
    this.limit?.cancel();
    this.limit = ms !== undefined && expired ? this.environment.timers.after(ms, expired) : undefined;
  }

  /** An established call turned out not to be acceptable: BYE with the reason, and what the key agreement has to say (thesis 11.4). */
  protected failWith(refusal: Refusal): void {
    this.finish(endOfRefusal(refusal), () => this.dialog?.bye(reason(refusal.status, refusal.text), refusal.body));
  }

  /** The one way a call ends. `signal` tells the peer, when it does not know yet. */
  protected finish(end: CallEnd, signal?: () => void): void {
    if (this.over) return;
    this.state = "ended";
    this.end = end;
    this.endedAtMs = this.environment.clock.wallMs();
    this.environment.trace.mark("ended", this.identity.id);
    this.setLimit(undefined);
    this.telling?.cancel();
    this.rekeyTimer?.cancel();
    for (const one of this.waiting.splice(0)) one(cancelled.refusal);
    signal?.();
    if (signal && this.dialog) this.environment.trace.mark("bye-sent", this.identity.id, this.environment.lastSendMs());
    void this.media.close().then((statistics) => {
      this.statistics = statistics;
      this.changed();
      this.environment.ended(this);
    });
  }

  /** Notes what the INVITE went over: the topmost Via of its responses is that of the request (RFC 3261 section 8.2.6.2). */
  protected carriedBy(message: SipMessage): void {
    const named = /^SIP\s*\/\s*2\.0\s*\/\s*(UDP|TCP|TLS)\b/i.exec(message.headers.get("Via") ?? "")?.[1];
    if (named) this.transport = named.toLowerCase() as CallSnapshot["transport"];
  }

  /**
   * People are told when what the network waits for has been done: telling takes longer than sending, and what follows at once is told with it. Any
   * change told before covers it.
   */
  protected changedSoon(then?: () => void, afterMs = SOON_MS): void {
    this.telling?.cancel();
    this.telling = this.environment.timers.after(afterMs, () => {
      this.telling = undefined;
      if (this.over) return;
      this.changed();
      then?.();
    });
  }

  protected changed(): void {
    this.telling?.cancel();
    this.telling = undefined;
    // The last snapshot goes out when the voice has closed, with its statistics.
    if (this.over && this.endedAtMs !== undefined && !this.media.closed) return;
    this.environment.emit({ type: "call", call: this.snapshot() });
  }

  /** The peer changes the session: hold, new address, new keys. */
  private async onReinvite(request: IncomingReinvite): Promise<void> {
    const { budget } = this.environment;
    const source = `call ${this.identity.id}`;
    const costs = request.request.body.length > 0 && this.media.security.state !== "open";
    if (costs && !budget.take(source)) return request.reject(500, { headers: [["Retry-After", "2"]] });
    const outcome = await this.media.answerReoffer(request.request);
    if (costs && outcome.ok) budget.giveBack(source);
    if (this.over) return;
    if (!outcome.ok) {
      const { refusal } = outcome;
      this.log.warn("reinvite-refused", { call: this.identity.id, code: refusal.code });
      return request.reject(refusal.status, {
        headers: changeWarning(refusal, this.environment.localAddress),
        body: this.media.refusalBody(refusal),
      });
    }
    request.accept({ body: outcome.value });
    this.heldByPeer = this.media.heldByPeer;
    this.watchKeys();
    this.changed();
  }
}

/** How a call ends whose peer refused new keys. */
function rekeyRefused(why: Refusal): Refusal {
  const { status, code, text, user } = why;
  return {
    status,
    code: "rekey-refused",
    text: `new keys were refused: ${code}, ${text}`,
    user: `New keys were refused, so the call was ended. ${user}`,
  };
}

const rekeyIgnored: Refusal = {
  status: 488,
  code: "rekey-ignored",
  text: "the peer answered without keys",
  user: "The other phone did not change the keys",
};
