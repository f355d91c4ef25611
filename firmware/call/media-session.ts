// The media of one call: offer/answer, keys and the voice stream, kept in step. Signalling above sees bodies and refusals only.

import type { Keying, KeyingAttributes } from "../keying/keying.js";
import type { StreamStatistics } from "../media/voice.js";
import {
  type AudioLine,
  chooseLine,
  makeAnswer,
  makeOffer,
  type NegotiatedAudio,
  readAnswer,
  readOffer,
  type SessionDescription,
} from "../sdp/index.js";
import type { SipBody } from "../sip/contract.js";
import type { SipMessage } from "../sip/grammar/message.js";
import type { CallIdentity } from "./call.js";
import { type Asking, CallKeys, hasKeying } from "./call-keys.js";
import { noKeying, readSdp, refusalAttributes, refusalBody, sdpBody, unacceptable } from "./descriptions.js";
import type { CallAccount, CallEnvironment } from "./environment.js";
import { MediaLine, type MediaSessionEvents } from "./media-line.js";
import { cancelled, type Outcome, type Refusal, refuse } from "./reasons.js";
import { type ReofferResult, Reoffers, type ReofferWish } from "./reoffers.js";
import type { CallSecurity } from "./types.js";

const DTMF_MS = 120;
const nothing: Outcome<void> = { ok: true, value: undefined };

export class MediaSession {
  private readonly line: MediaLine;
  private readonly keys: CallKeys;
  private readonly reoffers: Reoffers;
  /** The peer's first offer, and its line that we are going to take; undefined when the INVITE carried no offer. */
  private remote: SessionDescription | undefined;
  private chosen: AudioLine | undefined;
  /** Secured lines of it that could be taken, the first that can be verified is. */
  private candidates: readonly AudioLine[] = [];
  /** Our answer, and the address it names. */
  private written:
    | {
        readonly body: SipBody;
        readonly description: SessionDescription;
        readonly audio: NegotiatedAudio;
        readonly address: string;
      }
    | undefined;
  /** An answer taken before the call was. */
  private early:
    | {
        readonly from: string;
        readonly body: Buffer;
        readonly offered: SessionDescription;
        readonly work: Promise<Outcome<void>>;
      }
    | undefined;

  /** Our answer's key agreement, begun while it rings. */
  private ahead: Promise<Outcome<KeyingAttributes>> | undefined;
  /** How it ended. */
  private concluded: Outcome<void> | undefined;

  constructor(environment: CallEnvironment, identity: CallIdentity, events: MediaSessionEvents) {
    const line = new MediaLine(environment, identity, events);
    this.line = line;
    this.keys = new CallKeys({
      environment,
      call: identity.id,
      ssrc: line.ssrc,
      isClosing: () => line.closing,
      stream: async () => {
        const opened = line.stream ?? (await line.open());
        return "ok" in opened ? (opened.ok ? opened.value : undefined) : opened;
      },
      changed: () => {
        if (!this.isAhead) events.changed();
      },
    });
    this.reoffers = new Reoffers(line, this.keys);
  }

  /** Until somebody has picked up a call is not private: keys that are ready before count as not agreed on yet. */
  get security(): CallSecurity {
    const { security } = this.keys;
    return this.isAhead && security.state === "secure" ? { state: "pending", caller: security.peer } : security;
  }
  /** True once close() has finished. */
  get closed(): boolean {
    return this.line.closed;
  }
  /** The first offer/answer is finished. */
  get running(): boolean {
    return this.line.current !== undefined;
  }
  /** Name of the codec in use. */
  get codec(): string | undefined {
    return this.line.current?.audio.codec.name;
  }
  /** We hold the call. */
  get heldHere(): boolean {
    return this.line.heldHere;
  }
  /** The peer does not want to hear us. */
  get heldByPeer(): boolean {
    const direction = this.line.current?.audio.remoteDirection;
    return direction === "sendonly" || direction === "inactive";
  }

  private get isAhead(): boolean {
    return this.ahead !== undefined && !this.running;
  }

  /**
   * The first offer of a call we place (or of the 200 to an INVITE without one). Voice ports and keys are made side by side. May be made once more
   * where the first was refused.
   */
  async makeOffer(account: CallAccount, peerUri: string): Promise<Outcome<SipBody>> {
    const { line, keys } = this;
    line.account = account;
    line.peerUri = peerUri;
    const method = account.security === "off" ? undefined : account.keying[0];
    if (!method && account.security === "required") return noKeying();
    const opening = line.open();
    if (method) keys.open(method, "offerer", account, peerUri);
    const [stream, attributes] = await Promise.all([opening, method ? keys.offer() : undefined]);
    if (line.closing) return cancelled;
    if (!stream.ok) return stream;
    if (attributes && !attributes.ok) return attributes;
    line.offered = makeOffer({
      session: line.localSession,
      policy: method ? account.security : "off",
      rtpPort: stream.value.rtpPort,
      rtcpPort: stream.value.rtcpPort,
      capabilities: line.capabilities,
      keying: attributes?.value,
    });
    return { ok: true, value: sdpBody(line.offered) };
  }

  /**
   * An answer in a provisional response: early media (RFC 3960). What comes is heard, nothing of ours is: nobody has picked up. With keys for
   * secured media these are agreed on now. An answer that cannot be used is left alone: the final one decides.
   * @param from the tag of the dialog it came in: forks may each send one, the first is taken.
   */
  async acceptEarlyAnswer(message: SipMessage, from: string): Promise<boolean> {
    const { line } = this;
    const { account, offered } = line;
    if (this.early || line.current || !account || !offered || message.body.length === 0) return false;
    const answer = readSdp(message);
    if (!answer.ok) return false;
    const read = readAnswer(offered, answer.value, line.capabilities);
    // A clear answer of one fork must not decide for those that could still make the call private.
    if (!read.ok || (!read.value.audio.secured && this.keys.running)) return false;
    const work = this.takeAnswer(message, true);
    this.early = { from, body: Buffer.from(message.body), offered, work };
    const taken = await work;
    if (!taken.ok || line.closing) return false;
    line.stream?.mute(true);
    return true;
  }

  /** The answer to our first offer: keys are agreed on and the voice starts, or nothing is ever sent or played. */
  async acceptAnswer(message: SipMessage, from = ""): Promise<Outcome<void>> {
    const { early, line } = this;
    if (!early) return this.takeAnswer(message);
    const taken = await early.work;
    if (line.closing) return cancelled;
    const again = message.body.length === 0 || early.body.equals(message.body);
    const same = early.from === from;
    if (taken.ok && same && again) {
      this.keys.keepFork();
      return taken;
    }
    // Each phone has keys of its own: those of one that answered early are no other's.
    const isOpen = taken.ok && same ? this.keys.keepFork() : this.keys.dropFork();
    if (this.security.state !== "secure" || isOpen) {
      line.offered = early.offered;
      return this.takeAnswer(message);
    }
    if (!same)
      return refuse(
        488,
        "forked-after-early-keys",
        "keys are agreed on with another phone",
        "Another phone answered than the one the call was made private with",
      );
    const answer = readSdp(message);
    if (!answer.ok) return answer;
    const read = readAnswer(early.offered, answer.value, line.capabilities);
    if (!read.ok || !read.value.audio.secured)
      return refuse(488, "answer-changed", "the answer changed", "The other phone's answer does not fit the call");
    return line.run(early.offered, answer.value, read.value.audio);
  }

  private async takeAnswer(message: SipMessage, isEarly = false): Promise<Outcome<void>> {
    const { line, keys } = this;
    const { account, offered, stream } = line;
    if (!account || !offered || !stream) throw new Error("acceptAnswer before makeOffer");
    const answer = readSdp(message);
    if (!answer.ok) return answer;
    const read = readAnswer(offered, answer.value, line.capabilities);
    if (!read.ok)
      return refuse(488, read.error.code, read.error.text, "The other phone's answer does not fit the call");
    const { audio } = read.value;
    if (audio.secured) {
      const accepted = await (isEarly ? keys.acceptEarly(audio.keying) : keys.accept(audio.keying));
      if (line.closing) return cancelled;
      if (!accepted.ok) return accepted;
      line.environment.trace.mark("answer-verified", line.identity.id);
    } else if (account.security === "required") {
      return refuse(488, "not-secured", "secured call required", "The other phone would not make the call private");
    } else {
      keys.goOpen();
    }
    await keys.settled();
    return line.closing ? cancelled : line.run(offered, answer.value, audio);
  }

  /**
   * Reads the offer of a call that comes in and sees which of its lines can be taken; {@link verifyOffer} follows. An INVITE without an offer
   * passes; ours then goes out with the 200. Costs little: nothing is verified yet.
   */
  readOffer(account: CallAccount, message: SipMessage, peerUri: string): Outcome<void> {
    const { line } = this;
    line.account = account;
    line.peerUri = peerUri;
    if (message.body.length === 0)
      return account.security === "required" && account.keying.length === 0 ? noKeying() : nothing;
    const offer = readSdp(message);
    if (!offer.ok) return offer;
    const lines = readOffer(offer.value, line.capabilities);
    this.remote = offer.value;
    if (!lines.ok)
      return refuse(488, lines.error.code, lines.error.text, "The caller's phone has no codec in common with this one");
    return this.consider(account, lines.value);
  }

  /** The lines that could be taken: a clear one is chosen, secured ones have to be verified. */
  private consider(account: CallAccount, lines: readonly AudioLine[]): Outcome<void> {
    const ours = account.security === "off" ? [] : lines.filter((one) => one.secured && methodFor(account, one));
    if (ours.length === 0) {
      // Lines whose key agreement we do not know are as if they were not there.
      const known = lines.filter((one) => !one.secured || !hasKeying(one.keying));
      if (account.security !== "off" && known.length === 0)
        return unacceptable("unsupported-keying", "no common key management method");
      const clear = chooseLine(account.security === "off" ? lines : known, account.security);
      if (!clear.ok) return unacceptable(clear.error.code, clear.error.text);
      this.keys.goOpen();
      this.chosen = clear.value;
      return nothing;
    }
    // Another secured line is tried after one that failed only where the policy says so, and where it has a message of its own.
    const isAlone = account.keys?.failedLine !== "refuse-line";
    this.candidates = isAlone ? ours.slice(0, 1) : ours.filter((one, i) => i === 0 || one.keying.media.length > 0);
    return nothing;
  }

  /**
   * Verifies who sent the offer read before, and chooses its line. What fails that is never replaced by a clear line.
   * @param ask gets from the caller what the offer leaves out.
   */
  async verifyOffer(ask?: Asking): Promise<Outcome<void>> {
    const { keys, line } = this;
    const { account } = line;
    if (!account) throw new Error("verifyOffer before readOffer");
    let refusal: Outcome<never> | undefined;
    for (const one of this.candidates) {
      keys.open(methodFor(account, one)!, "answerer", account, line.peerUri, ask);
      const verified = await keys.verify(one.keying);
      if (line.closing) return cancelled;
      if (verified.ok) {
        keys.security = { state: "pending", caller: verified.value };
        this.chosen = one;
        return nothing;
      }
      refusal ??= verified;
    }
    return refusal ?? nothing;
  }

  /** Ports for the voice, and the sound card: wanted as soon as it rings. */
  openVoice(): void {
    if (!this.line.closing) void this.line.open();
  }

  /**
   * While it rings, for a caller who is verified: agrees on keys, sets up both SRTP contexts and writes the answer, so that picking up only
   * sends. Nothing is sent or played by it. Never rejects; what fails is told by {@link makeAnswer}.
   */
  async prepareAnswer(): Promise<void> {
    if (!this.chosen || this.line.closing) return;
    const made = await this.writeAnswer();
    if (made.ok) await this.conclude();
  }

  /** Picking up only sends. */
  get isAnswerReady(): boolean {
    return this.written !== undefined && this.written.address === this.line.localSession.address;
  }

  private agree(offered: KeyingAttributes): Promise<Outcome<KeyingAttributes>> {
    this.ahead ??= this.keys.answer(offered, { keysLater: true });
    return this.ahead;
  }

  /**
   * The answer to the offer read before (or our offer, when there was none). When it has been sent, {@link startVoice} is next.
   */
  async makeAnswer(): Promise<Outcome<SipBody>> {
    const { line } = this;
    const { account } = line;
    if (!account) throw new Error("makeAnswer before readOffer");
    if (!this.chosen) return this.makeOffer(account, line.peerUri);
    if (!this.isAnswerReady) {
      const made = await this.writeAnswer();
      if (!made.ok) return made;
    }
    const { concluded = nothing } = this;
    return concluded.ok ? { ok: true, value: this.written!.body } : concluded;
  }

  /** The answer is on its way: keys that it needed not wait for are worked out, and the voice starts. */
  async startVoice(): Promise<Outcome<void>> {
    const { line, written, remote } = this;
    if (!written || !remote) return nothing;
    const concluded = await this.conclude();
    if (!concluded.ok) return concluded;
    return line.closing ? cancelled : line.run(written.description, remote, written.audio);
  }

  /** Works out the keys of the answer, once, and gives them to the voice. */
  private async conclude(): Promise<Outcome<void>> {
    const { keys } = this;
    this.concluded ??= keys.conclude();
    await keys.settled();
    return this.concluded;
  }

  private async writeAnswer(): Promise<Outcome<void>> {
    const { line, chosen, remote } = this;
    if (!chosen || !remote) return nothing;
    const { address } = line.localSession;
    const [stream, attributes] = await Promise.all([
      line.open(),
      chosen.secured ? this.agree(chosen.keying) : undefined,
    ]);
    if (line.closing) return cancelled;
    if (!stream.ok) return stream;
    if (attributes && !attributes.ok) return attributes;
    const { description, audio } = makeAnswer({
      offer: remote,
      line: chosen,
      session: line.localSession,
      rtpPort: stream.value.rtpPort,
      rtcpPort: stream.value.rtcpPort,
      capabilities: line.capabilities,
      keying: attributes?.value,
    });
    const possible = line.check(audio);
    if (!possible.ok) return possible;
    this.written = { body: sdpBody(description), description, audio, address };
    return nothing;
  }

  /** The ACK of our 200: carries the answer when the 200 carried the offer. */
  async acceptLateAnswer(message: SipMessage): Promise<Outcome<void>> {
    const { line } = this;
    if (!line.offered) return nothing;
    if (!line.current) return this.acceptAnswer(message);
    const accepted = await this.reoffers.accept(message);
    return accepted.ok ? nothing : accepted;
  }

  /** An offer within the call; see {@link ReofferWish}. */
  makeReoffer(wish: ReofferWish): Promise<Outcome<SipBody>> {
    return this.reoffers.make(wish);
  }
  /** It was refused: all stays as it is. True: it is worth another try. */
  dropReoffer(status: number): boolean {
    return this.reoffers.drop(status);
  }
  /** Reads the answer to it. */
  acceptReanswer(message: SipMessage): Promise<Outcome<ReofferResult>> {
    return this.reoffers.accept(message);
  }
  /** Answers an offer of the peer within the call. */
  answerReoffer(message: SipMessage): Promise<Outcome<SipBody>> {
    return this.reoffers.answer(message);
  }
  /** The peer has our last answer, and with it the keys in it. */
  confirmed(): void {
    if (!this.line.closing) this.line.stream?.confirmKeys();
  }

  /** A body for a refusal that tells the peer what its keying method wants told; undefined where there is nothing to tell. */
  refusalBody(refusal: Refusal): SipBody | undefined {
    return refusalBody(refusal, this.remote, this.line.localSession);
  }

  /** What our first offer names and does not bring, for a phone that asks for one of these media types. */
  document(types: readonly string[]): SipBody | undefined {
    for (const type of types) {
      const content = this.keys.document(type);
      if (content) return { type, content };
    }
    return undefined;
  }

  /** Our first offer was refused. True: it left out what the peer was believed to know, and {@link makeOffer} makes one that may succeed. */
  recant(): boolean {
    return this.keys.recant();
  }

  /** Why the peer refused or ended the call, where a body of the key agreement's says so. */
  async explain(message: SipMessage): Promise<Refusal | undefined> {
    if (message.body.length === 0) return undefined;
    const type = message.headers.get("Content-Type") ?? "";
    const description = /^application\/mikey\b/i.test(type) ? undefined : readSdp(message);
    if (description && !description.ok) return undefined;
    const why = await this.keys.explain(description ? refusalAttributes(description.value) : message.body);
    return why && !why.ok ? why.refusal : undefined;
  }

  mute(on: boolean): void {
    this.line.stream?.mute(on);
  }
  digit(digit: string): void {
    this.line.stream?.digit(digit, DTMF_MS);
  }
  statistics(): Promise<StreamStatistics | undefined> {
    const { stream, closing } = this.line;
    return stream && !closing ? stream.statistics() : Promise.resolve(undefined);
  }

  /** Stops the voice and wipes the keys. Resolves with the stream's last statistics; never rejects. */
  close(): Promise<StreamStatistics | undefined> {
    this.keys.close();
    return this.line.close();
  }
}

function methodFor(account: CallAccount, line: AudioLine): Keying | undefined {
  return account.keying.find((method) => method.recognises(line.keying));
}
