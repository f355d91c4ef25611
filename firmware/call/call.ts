// One call: what both directions share. Subclasses know how it is set up; this knows its life, its voice and its end.

import type { StreamStatistics } from "../media/voice.js";
import type { Log, Timer } from "../runtime/index.js";
import type { IncomingReinvite, InviteDialog, InviteDialogEvents } from "../sip/contract.js";
import type { CallEnvironment } from "./environment.js";
import { MediaSession } from "./media-session.js";
import { endOfRefusal, type Refusal, reason, warning } from "./reasons.js";
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

export abstract class Call {
  protected state: CallState;
  protected dialog: InviteDialog | undefined;
  protected readonly media: MediaSession;
  protected readonly log: Log;
  private readonly startedAtMs: number;
  private answeredAtMs: number | undefined;
  private endedAtMs: number | undefined;
  private end: CallEnd | undefined;
  private statistics: StreamStatistics | undefined;
  private muted = false;
  private heldByPeer = false;
  private limit: Timer | undefined;
  private reoffering = false;
  /** An early answer is in use. */
  protected early = false;
  private earlyMedia = false;
  protected quiet = false;
  protected wasRefused = false;

  constructor(
    protected readonly environment: CallEnvironment,
    readonly identity: CallIdentity,
    initial: CallState,
  ) {
    this.state = initial;
    this.startedAtMs = environment.clock.wallMs();
    this.log = environment.log;
    this.media = new MediaSession(environment, identity, {
      changed: () => this.changed(),
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
      ...(asserted ? { asserted } : {}),
      ...(this.quiet ? { quiet: true } : {}),
      ...(this.earlyMedia && this.state === "ringing" ? { earlyMedia: true } : {}),
      id,
      direction,
      state: this.state,
      account,
      peer,
      security: this.media.security,
      codec: this.media.codec,
      heldByPeer: this.heldByPeer,
      muted: this.muted,
      startedAtMs: this.startedAtMs,
      answeredAtMs: this.answeredAtMs,
      endedAtMs: this.endedAtMs,
      end: this.end,
      statistics: this.statistics,
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
    if (this.reoffering || (this.state === "held") === on) return;
    this.reoffer(on);
  }

  /** Sends the session as it is now: the session timer asks for it, or the device has another address. */
  renew(): void {
    if (!this.reoffering && (this.state === "active" || this.state === "held")) this.reoffer(this.state === "held");
  }

  /** Sends the session as it is or shall be (held or not) in a re-INVITE. */
  private reoffer(on: boolean): void {
    const { dialog } = this;
    if (!dialog) return;
    const offer = this.media.makeHoldOffer(on);
    if (!offer.ok) throw new Error(offer.refusal.user);
    this.reoffering = true;
    dialog.reinvite(offer.value, (outcome) => {
      this.reoffering = false;
      if (this.over) return;
      if ("failed" in outcome) {
        // The session goes on as it was (RFC 3261 section 14.1), unless the dialog ended, which it says by itself.
        this.log.warn("hold-failed", { call: this.identity.id, status: outcome.failed.status });
        this.media.dropHoldOffer();
        return;
      }
      dialog.ack();
      const accepted = this.media.acceptHoldAnswer(outcome.ok);
      if (!accepted.ok) return this.failWith(accepted.refusal);
      this.state = on ? "held" : "active";
      this.changed();
    });
  }

  /** The dialog's events from here on. */
  protected attach(dialog: InviteDialog, acked: InviteDialogEvents["acked"]): void {
    this.dialog = dialog;
    dialog.events = {
      acked,
      reinvite: (request) => void this.onReinvite(request),
      refresh: () => this.renew(),
      ended: (why) => {
        if (this.over) return;
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

  /** The call is up. */
  protected activate(): void {
    if (this.over) return;
    this.state = "active";
    if (this.early) this.media.mute(this.muted);
    this.answeredAtMs ??= this.environment.clock.wallMs();
    this.setLimit(undefined);
    this.changed();
  }

  /** One guard per call: what happens when a phase takes too long. */
  protected setLimit(ms: number | undefined, expired?: () => void): void {
    this.limit?.cancel();
    this.limit = ms !== undefined && expired ? this.environment.timers.after(ms, expired) : undefined;
  }

  /** An established call turned out not to be acceptable: BYE with the reason. */
  protected failWith(refusal: Refusal): void {
    this.finish(endOfRefusal(refusal), () => this.dialog?.bye(reason(refusal.status, refusal.text)));
  }

  /** The one way a call ends. `signal` tells the peer, when it does not know yet. */
  protected finish(end: CallEnd, signal?: () => void): void {
    if (this.over) return;
    this.state = "ended";
    this.end = end;
    this.endedAtMs = this.environment.clock.wallMs();
    this.environment.trace.mark("ended", this.identity.id);
    this.setLimit(undefined);
    signal?.();
    void this.media.close().then((statistics) => {
      this.statistics = statistics;
      this.changed();
      this.environment.ended(this);
    });
  }

  protected changed(): void {
    // The last snapshot goes out when the voice has closed, with its statistics.
    if (this.over && this.endedAtMs !== undefined && !this.media.closed) return;
    this.environment.emit({ type: "call", call: this.snapshot() });
  }

  /** The peer changes the session: hold, new address, new keys. */
  private async onReinvite(request: IncomingReinvite): Promise<void> {
    const outcome = await this.media.answerReoffer(request.request);
    if (this.over) return;
    if (!outcome.ok) {
      this.log.warn("reinvite-refused", { call: this.identity.id, code: outcome.refusal.code });
      return request.reject(outcome.refusal.status, {
        headers: warning(outcome.refusal, this.environment.localAddress),
      });
    }
    request.accept({ body: outcome.value });
    this.heldByPeer = this.media.heldByPeer;
    this.changed();
  }
}
