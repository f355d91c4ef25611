// Offers within a running call, ours and the peer's: hold, another address, other keys, from open to private; never the other way.

import type { KeyingAttributes } from "../keying/keying.js";
import { type AudioLine, makeAnswer, makeOffer, readAnswer, readOffer } from "../sdp/index.js";
import type { SipBody } from "../sip/contract.js";
import type { SipMessage } from "../sip/grammar/message.js";
import { type CallKeys, hasKeying } from "./call-keys.js";
import { noKeying, readSdp, sdpBody } from "./descriptions.js";
import type { MediaLine } from "./media-line.js";
import { cancelled, type Outcome, refuse } from "./reasons.js";

/** What an offer of ours shall change; what is absent stays as it is. */
export interface ReofferWish {
  readonly hold?: boolean;
  /** Other keys. */
  readonly rekey?: boolean;
  /** An open call becomes private. */
  readonly secure?: boolean;
}

/** What came of it. */
export interface ReofferResult {
  /** The peer answered without a word of the key agreement: it proved nothing, and the keys are the old ones. */
  readonly unproved: boolean;
}

export class Reoffers {
  private wish: ReofferWish = {};
  /** Our offer on its way carries attributes of the key agreement. */
  private isKeyed = false;
  /** The peer takes changes only without a word of the key agreement. */
  private isPlain = false;

  constructor(
    private readonly line: MediaLine,
    private readonly keys: CallKeys,
  ) {}

  /** Makes an offer; one made before is given up. */
  async make(wish: ReofferWish): Promise<Outcome<SipBody>> {
    const { line, keys } = this;
    const { current, account } = line;
    if (!current || !account)
      return refuse(500, "no-session", "no session to change", "There is no call to change yet");
    const { secured } = current.audio;
    const upgrade = !secured && wish.secure === true;
    let keying: KeyingAttributes | undefined;
    if (secured && (wish.rekey || !this.isPlain)) {
      const update = await keys.update(wish.rekey ?? false);
      if (!update.ok) return update;
      keying = update.value;
    } else if (upgrade) {
      const method = account.security === "off" ? undefined : account.keying[0];
      if (!method) return noKeying();
      keys.open(method, "offerer", account, line.peerUri);
      const offer = await keys.offer();
      if (!offer.ok) {
        keys.giveUp();
        return offer;
      }
      keying = offer.value;
    }
    if (line.closing) return cancelled;
    // Where the peer's own offer came meanwhile, the exchange to go on from is another.
    const { local, remote, audio } = line.current!;
    if (audio.secured !== secured)
      return refuse(491, "pending", "the call has just changed", "The call has just changed");
    const hold = wish.hold ?? line.heldHere;
    this.wish = { ...wish, hold };
    this.isKeyed = keying !== undefined;
    line.offered = makeOffer({
      session: line.localSession,
      policy: secured || upgrade ? "required" : "off",
      rtpPort: line.stream!.rtpPort,
      rtcpPort: line.stream!.rtcpPort,
      capabilities: line.capabilities,
      direction: hold ? "sendonly" : "sendrecv",
      previous: { local, remote, current: audio },
      ...(upgrade ? { secure: true } : {}),
      ...(keying ? { keying } : {}),
    });
    return { ok: true, value: sdpBody(line.offered) };
  }

  /**
   * It was refused: all stays as it is.
   * @param status SIP's.
   * @returns true: it is worth another try, without what the peer may not have known how to read.
   */
  drop(status: number): boolean {
    const { wish, isKeyed, line } = this;
    if (wish.secure && this.keys.security.state === "open") this.keys.giveUp();
    line.offered = undefined;
    this.wish = {};
    const isAboutKeys = isKeyed && !wish.rekey && line.current?.audio.secured === true;
    if (!isAboutKeys || this.isPlain || (status !== 488 && status !== 606)) return false;
    this.isPlain = line.account?.keys?.changes !== "proved";
    return this.isPlain;
  }

  /** Reads the peer's answer to it. A refusal ends the call: what was agreed on is not what the peer may think. */
  async accept(message: SipMessage): Promise<Outcome<ReofferResult>> {
    const { line, keys } = this;
    const { offered, account, current } = line;
    if (!offered || !account || !current) return { ok: true, value: { unproved: false } };
    const answer = readSdp(message);
    if (!answer.ok) return answer;
    const read = readAnswer(offered, answer.value, line.capabilities);
    if (!read.ok)
      return refuse(488, read.error.code, read.error.text, "The other phone's answer does not fit the call");
    const { audio } = read.value;
    let unproved = false;
    if (audio.secured && !current.audio.secured) {
      const accepted = await keys.accept(audio.keying);
      if (!accepted.ok) return accepted;
    } else if (this.isKeyed) {
      unproved = !hasKeying(audio.keying);
      if (unproved && account.keys?.changes === "proved") return unprovedChange();
      const accepted = unproved ? undefined : await keys.acceptUpdate(audio.keying);
      if (accepted && !accepted.ok) return accepted;
    }
    if (!(await keys.settled()) && audio.secured) return keysLost();
    if (line.closing) return cancelled;
    const running = line.run(offered, answer.value, audio);
    if (!running.ok) return running;
    line.heldHere = this.wish.hold ?? line.heldHere;
    this.wish = {};
    return { ok: true, value: { unproved } };
  }

  /** Answers an offer of the peer, or makes ours where it brings none. A secured call is never taken to an unsecured line. */
  async answer(message: SipMessage): Promise<Outcome<SipBody>> {
    const { line } = this;
    const { account, current, stream } = line;
    if (!account || !current || !stream) return refuse(491, "pending", "the first offer/answer is not finished", "");
    if (message.body.length === 0) return this.make({});
    const offer = readSdp(message);
    if (!offer.ok) return offer;
    const lines = readOffer(offer.value, line.capabilities);
    if (!lines.ok) return refuse(488, lines.error.code, lines.error.text, "");
    const chosen = this.choose(lines.value);
    if (!chosen.ok) return chosen;
    const keying = await this.answerKeys(chosen.value);
    if (line.closing) return cancelled;
    if (!keying.ok) return keying;
    const { description, audio } = makeAnswer({
      offer: offer.value,
      line: chosen.value,
      session: line.localSession,
      rtpPort: stream.rtpPort,
      rtcpPort: stream.rtcpPort,
      capabilities: line.capabilities,
      direction: line.heldHere ? "sendonly" : "sendrecv",
      keying: keying.value,
      previous: line.current!.local,
    });
    if (!(await this.keys.settled()) && audio.secured) return keysLost();
    if (line.closing) return cancelled;
    const running = line.run(description, offer.value, audio);
    return running.ok ? { ok: true, value: sdpBody(description) } : running;
  }

  /** The line to take: a secured one where the call is secured, or where the peer makes it so; else the clear one. */
  private choose(lines: readonly AudioLine[]): Outcome<AudioLine> {
    const { account, current } = this.line;
    const { secured } = current!.audio;
    const isOurs = (line: AudioLine) => line.secured && account!.keying.some((one) => one.recognises(line.keying));
    const upgrade = secured || account!.security === "off" ? undefined : lines.find(isOurs);
    const same = lines.find((one) => one.secured === secured);
    const chosen = upgrade ?? (secured ? (lines.find(isOurs) ?? same) : same);
    if (chosen) return { ok: true, value: chosen };
    return refuse(488, "security-change", `this call stays ${secured ? "secured" : "as it is"}`, "");
  }

  /** The key agreement's half of the answer; undefined where it has none. */
  private async answerKeys(chosen: AudioLine): Promise<Outcome<KeyingAttributes | undefined>> {
    const { line, keys } = this;
    const account = line.account!;
    const isUpgrade = chosen.secured && !line.current!.audio.secured;
    if (!chosen.secured) return { ok: true, value: undefined };
    if (!hasKeying(chosen.keying))
      return account.keys?.changes === "proved" ? unprovedChange() : { ok: true, value: undefined };
    const method = account.keying.find((one) => one.recognises(chosen.keying));
    if (!method) return refuse(488, "unsupported-keying", "no common key management method", "");
    if (!isUpgrade) return keys.answerUpdate(chosen.keying, method, account, line.peerUri);
    keys.open(method, "answerer", account, line.peerUri);
    const answered = await keys.answer(chosen.keying);
    if (!answered.ok) keys.giveUp();
    return answered;
  }
}

function unprovedChange(): Outcome<never> {
  return refuse(
    488,
    "unproved-change",
    "changes of this call need a=key-mgmt:mikey",
    "Somebody tried to change the call without proving who it was",
  );
}

function keysLost(): Outcome<never> {
  return refuse(500, "keys-not-taken", "the voice path did not take the keys", "This phone's voice path failed");
}
