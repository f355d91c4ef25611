// The keys of one call: which agreement runs, how its keys get to the voice, and what may be said of the call's privacy.

import type {
  Keying,
  KeyingAttributes,
  KeyingContext,
  KeyingEvents,
  KeyingFork,
  KeyingResult,
  KeyingSession,
  VerifiedPeer,
} from "../keying/keying.js";
import type { VoiceStream } from "../media/voice.js";
import type { SrtpKeys } from "../srtp/keys.js";
import type { CallAccount, CallEnvironment } from "./environment.js";
import { keyingRefusal, type Outcome, refuse } from "./reasons.js";
import type { CallSecurity } from "./types.js";

/** The call around the keys. */
export interface CallKeysHost {
  readonly environment: CallEnvironment;
  readonly call: number;
  readonly ssrc: number;
  isClosing(): boolean;
  /** The call's stream, opened where it is not yet; undefined: there will be none. */
  stream(): Promise<VoiceStream | undefined>;
  changed(): void;
}

/** Asks the other end; see {@link KeyingContext.ask}. */
export type Asking = NonNullable<KeyingContext["ask"]>;

/**
 * How keys come into use: the first of the stream; another phone's in place of those of one that answered early; at once (the peer has them);
 * when the peer shows that it has them.
 */
type Installing = "first" | "other-phone" | "now" | "confirmed";

/** True when there is anything in them. */
export function hasKeying(attributes: KeyingAttributes): boolean {
  return attributes.session.length + attributes.media.length > 0;
}

export class CallKeys {
  security: CallSecurity = { state: "pending" };
  private session: KeyingSession | undefined;
  /** With the phone that answered before the call was taken. */
  private fork: KeyingFork | undefined;
  private installing: Installing = "first";
  private taken: Promise<boolean> = Promise.resolve(true);
  private lifetime: number | undefined;

  constructor(private readonly host: CallKeysHost) {}

  /** An agreement is under way or has been reached. */
  get running(): boolean {
    return this.session !== undefined;
  }

  /**
   * Begins an agreement; one begun before is given up. The keys in use stay until there are others.
   * @param ask see {@link KeyingContext.ask}.
   */
  open(method: Keying, role: "offerer" | "answerer", account: CallAccount, peerUri: string, ask?: Asking): void {
    this.dropFork();
    this.session?.close();
    this.installing = "first";
    this.session = this.begin(method, role, account, peerUri, ask);
  }

  async offer(): Promise<Outcome<KeyingAttributes>> {
    return said(await this.session!.offer());
  }

  async accept(answered: KeyingAttributes): Promise<Outcome<VerifiedPeer>> {
    return said(await this.session!.accept(answered));
  }

  /** An answer before the call is taken: another phone's may still be the one. */
  async acceptEarly(answered: KeyingAttributes): Promise<Outcome<VerifiedPeer>> {
    this.fork = this.session!.fork?.(this.events());
    return said(await (this.fork ?? this.session!).accept(answered));
  }

  /** The phone that answered early has taken the call: its keys stay. False: the offer takes no further answer. */
  keepFork(): false {
    const { fork } = this;
    if (fork) {
      fork.keep();
      this.session?.close();
      this.session = fork;
      this.fork = undefined;
    }
    return false;
  }

  /** The early answer is not the one. True: the offer still takes another. */
  dropFork(): boolean {
    if (!this.fork) return false;
    this.fork.close();
    this.fork = undefined;
    this.installing = this.security.state === "secure" ? "other-phone" : "first";
    return true;
  }

  async verify(offered: KeyingAttributes): Promise<Outcome<VerifiedPeer>> {
    return said(await this.session!.verify(offered));
  }

  /** What goes into the answer. `keysLater`: its keys may have to be worked out yet, see {@link conclude}. */
  async answer(
    offered: KeyingAttributes,
    options: { readonly keysLater?: boolean } = {},
  ): Promise<Outcome<KeyingAttributes>> {
    return said(await this.session!.answer(offered, options));
  }

  /** Works out the keys of the answer, where that has been left for when it is on its way. */
  conclude(): Outcome<void> {
    return said(this.session?.conclude?.() ?? { ok: true, value: undefined });
  }

  /**
   * What proves us in an offer within the call: with new keys, or without (thesis 15.2). Undefined: the method has no such thing, and the
   * keys in use go on.
   */
  async update(rekey: boolean): Promise<Outcome<KeyingAttributes | undefined>> {
    const made = await this.session?.update?.({ rekey });
    if (made?.ok) return made;
    if (made && made.error.code !== "unexpected-message") return keyingRefusal(made.error);
    if (!rekey) return { ok: true, value: undefined };
    return refuse(488, "no-rekey", "this agreement cannot be renewed", "This call's keys cannot be changed");
  }

  async acceptUpdate(answered: KeyingAttributes): Promise<Outcome<VerifiedPeer>> {
    this.installing = "now";
    return said(await this.session!.acceptUpdate!(answered));
  }

  /**
   * Answers the peer's: an update of the running agreement, or a new agreement, which must be with the same peer. New keys are taken
   * from now on and used once the peer has them.
   */
  async answerUpdate(
    offered: KeyingAttributes,
    method: Keying,
    account: CallAccount,
    peerUri: string,
  ): Promise<Outcome<KeyingAttributes>> {
    this.installing = "confirmed";
    const updated = await this.session?.answerUpdate?.(offered);
    if (updated && (updated.ok || !isAnotherAgreement(updated.error.code))) return said(updated);
    const other = this.begin(method, "answerer", account, peerUri);
    const verified = await other.verify(offered);
    const before = this.security.state === "secure" ? this.security.peer.identity : undefined;
    const isSame = !verified.ok || before === undefined || verified.value.identity === before;
    const answered = isSame && verified.ok ? await other.answer(offered) : undefined;
    if (answered?.ok) {
      this.session?.close();
      this.session = other;
      return answered;
    }
    other.close();
    if (!isSame)
      return refuse(488, "identity-mismatch", "the call is with somebody else", "Somebody else tried to join the call");
    return keyingRefusal(verified.ok ? answered!.error : verified.error);
  }

  /** What our offer names and does not bring, for a phone that asks for it. */
  document(type: string): Uint8Array | undefined {
    return this.session?.document?.(type);
  }

  /** Our first offer was refused. True: it left out what the peer was believed to know, and another one may succeed. */
  recant(): boolean {
    return this.session?.recant?.() ?? false;
  }

  /** What the peer says of an offer or answer of ours that it refused, where the agreement's words say it. */
  async explain(what: KeyingAttributes | Uint8Array): Promise<Outcome<never> | undefined> {
    const error = await this.session?.explain?.(what);
    return error && keyingRefusal(error);
  }

  /** Keys on their way have reached the voice. False: they never will. */
  settled(): Promise<boolean> {
    return this.taken;
  }

  /** An offer of ours to make an open call private came to nothing. */
  giveUp(): void {
    this.dropFork();
    this.session?.close();
    this.session = undefined;
  }

  /** The call goes on, or begins, without keys. */
  goOpen(): void {
    this.giveUp();
    this.security = { state: "open" };
  }

  close(): void {
    this.dropFork();
    this.session?.close();
  }

  private begin(
    method: Keying,
    role: "offerer" | "answerer",
    account: CallAccount,
    peerUri: string,
    ask?: Asking,
  ): KeyingSession {
    this.lifetime = account.keys?.lifetime;
    return method.open(role, { localUri: account.uri, peerUri, ssrc: this.host.ssrc, ask }, this.events());
  }

  private events(): KeyingEvents {
    const { environment, call } = this.host;
    return {
      verified: (peer) => environment.log.info("caller-verified", { call, peer: peer.identity, method: peer.method }),
      keys: (tx, rx, peer) => {
        this.taken = this.take(tx, rx, peer, this.installing);
      },
    };
  }

  /** Keys agreed on: to the voice thread, then wiped here. */
  private async take(tx: SrtpKeys, rx: SrtpKeys, peer: VerifiedPeer, how: Installing): Promise<boolean> {
    const { host } = this;
    const { environment, call } = host;
    const ours = this.lifetime === undefined ? tx : { ...tx, lifetime: this.lifetime };
    const stream = await host.stream();
    let taken = false;
    if (stream && !host.isClosing())
      try {
        if (how === "first") stream.keys(ours, rx);
        else await stream.rekey(ours, rx, how === "confirmed" ? how : "now");
        taken = true;
      } catch (error) {
        environment.log.error("keys-not-taken", { call, error: error instanceof Error ? error.message : "fault" });
      }
    for (const keys of [tx, rx]) {
      keys.masterKey.fill(0);
      keys.masterSalt.fill(0);
    }
    if (!taken || host.isClosing()) return false;
    if (how === "first") environment.trace.mark("keys-ready", call);
    const { security } = this;
    const rekeys = security.state === "secure" && how !== "other-phone" ? security.rekeys + 1 : 0;
    const openBefore = security.state === "open" || (security.state === "secure" && security.openBefore === true);
    this.security = { state: "secure", suite: tx.suite, peer, rekeys, ...(openBefore ? { openBefore } : {}) };
    host.changed();
    return true;
  }
}

function said<T>(result: KeyingResult<T>): Outcome<T> {
  return result.ok ? result : keyingRefusal(result.error);
}

/** Codes by which an agreement says that a message is not for it. */
function isAnotherAgreement(code: string): boolean {
  return code === "unknown-bundle" || code === "unexpected-message" || code === "unsupported-method";
}
