// One call's MIKEY exchange inside offer/answer.

import { createHash } from "node:crypto";
import {
  type Agreement,
  type Bundle,
  type CallParties,
  type MethodName,
  type MikeyAgent,
  type PeerProof,
  type ReceivedOffer,
  type Refusal,
  type SentOffer,
  srtpKeys,
  wipeAgreement,
} from "../../mikey/index.js";
import type { Clock } from "../../runtime/clock.js";
import type { KeyingAttributes, KeyingEvents, KeyingResult, KeyingSession, Proof, VerifiedPeer } from "../keying.js";
import { type KeyingFailureCode, keyingError } from "./failures.js";
import { type FoundMessage, findMikey, mikeyAttributes } from "./key-mgmt.js";

function failed(
  code: KeyingFailureCode,
  text: string,
  attributes?: KeyingAttributes,
): { readonly ok: false; readonly error: ReturnType<typeof keyingError> } {
  return { ok: false, error: keyingError(code, text, attributes) };
}

function refused(refusal: Refusal, level: "session" | "media") {
  const where = refusal.offset === undefined ? "" : ` (byte ${refusal.offset})`;
  const attributes = refusal.reply && mikeyAttributes(refusal.reply, level);
  return failed(refusal.code, refusal.text + where, attributes);
}

/** Names from certificates end up on a screen: control and direction characters are taken out. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "").slice(0, 128);
}

function verifiedPeer(peer: PeerProof, method: string, sinceMs: number): VerifiedPeer {
  return { identity: peer.identity, proof: proofOf(peer), method, sinceMs };
}

function proofOf(peer: PeerProof): Proof {
  switch (peer.kind) {
    case "shared-key":
      return { kind: "shared-key", keyName: peer.keyName };
    case "domain-key": {
      const { record, isAuthenticated, fingerprint } = peer;
      return { kind: "domain-key", record: printable(record), isAuthenticated, fingerprint };
    }
    case "carrier":
      return { kind: "carrier" };
    case "certificate":
      return {
        kind: "certificate",
        subject: printable(peer.subject),
        ca: printable(peer.ca),
        fingerprint: peer.fingerprint,
        notAfter: new Date(peer.notAfterMs).toISOString(),
      };
  }
}

/** What a session is made of. */
export interface SessionParts {
  readonly role: "offerer" | "answerer";
  readonly agent: MikeyAgent;
  readonly method: MethodName;
  readonly parties: CallParties;
  readonly events: KeyingEvents;
  readonly clock: Clock;
}

/** One exchange: an offer made and its answer read, or an offer verified and answered. */
export class MikeySession implements KeyingSession {
  private isClosed = false;
  private sent: SentOffer | undefined;
  private offering: Promise<KeyingResult<KeyingAttributes>> | undefined;
  private accepting: Promise<KeyingResult<VerifiedPeer>> | undefined;
  private received: ReceivedOffer | undefined;
  private offered: FoundMessage | undefined;
  private verifying: Promise<KeyingResult<VerifiedPeer>> | undefined;
  private answering: Promise<KeyingResult<KeyingAttributes>> | undefined;
  private bundle: Bundle | undefined;
  /** An update of ours that waits for its answer. */
  private updating: SentOffer | undefined;
  /** The keys in use, by which new ones are told from unchanged ones. */
  private inUse = "";

  constructor(private readonly parts: SessionParts) {}

  offer(): Promise<KeyingResult<KeyingAttributes>> {
    this.offering ??= this.settle(() => this.makeOffer());
    return this.unlessClosed(this.offering);
  }

  accept(answered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>> {
    this.accepting ??= this.settle(() => this.readAnswer(answered));
    return this.unlessClosed(this.accepting);
  }

  verify(offered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>> {
    const found = findMikey(offered);
    if (!found.ok) return Promise.resolve(failed(found.error.code as KeyingFailureCode, found.error.text));
    if (this.offered && Buffer.compare(this.offered.message, found.value.message) !== 0)
      return Promise.resolve(failed("unexpected-message", "a second offer in one exchange"));
    this.offered = found.value;
    this.verifying ??= this.settle(() => this.readOffer(found.value));
    return this.unlessClosed(this.verifying);
  }

  async answer(offered: KeyingAttributes): Promise<KeyingResult<KeyingAttributes>> {
    const peer = await this.verify(offered);
    if (!peer.ok) return peer;
    this.answering ??= this.settle(() => this.makeAnswer(peer.value));
    return this.unlessClosed(this.answering);
  }

  update(options: { readonly rekey: boolean }): Promise<KeyingResult<KeyingAttributes>> {
    return this.unlessClosed(this.settle(() => this.makeUpdate(options.rekey)));
  }

  acceptUpdate(answered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>> {
    return this.unlessClosed(this.settle(() => this.readUpdateAnswer(answered)));
  }

  answerUpdate(offered: KeyingAttributes): Promise<KeyingResult<KeyingAttributes>> {
    return this.unlessClosed(this.settle(() => this.answerOneUpdate(offered)));
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.bundle?.close();
    this.updating?.wipe();
    this.bundle = undefined;
    this.updating = undefined;
    this.sent?.end();
    this.received?.wipe();
    this.sent = undefined;
    this.received = undefined;
  }

  private async makeOffer(): Promise<KeyingResult<KeyingAttributes>> {
    const { role, agent, method, parties, clock } = this.parts;
    if (role !== "offerer") return failed("unexpected-message", "the answerer makes no offer");
    const sent = await agent.offer(method, parties, ["mikey"], clock.wallMs());
    if (!sent.ok) return refused(sent.error, "session");
    if (this.isClosed) {
      sent.value.end();
      return failed("closed", "the session was closed");
    }
    this.sent = sent.value;
    return { ok: true, value: mikeyAttributes(sent.value.message, "session") };
  }

  private async readAnswer(answered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>> {
    const { sent } = this;
    if (!sent) return failed("unexpected-message", "an answer without an offer");
    const found = findMikey(answered);
    if (!found.ok) return failed(found.error.code as KeyingFailureCode, found.error.text);
    const nowMs = this.parts.clock.wallMs();
    const agreement = await sent.accept(found.value.message, nowMs);
    sent.wipe();
    if (!agreement.ok) return refused(agreement.error, found.value.level);
    return this.announce(agreement.value, verifiedPeer(agreement.value.peer, agreement.value.label, nowMs));
  }

  private async readOffer(found: FoundMessage): Promise<KeyingResult<VerifiedPeer>> {
    const { role, agent, parties, clock, events } = this.parts;
    if (role !== "answerer") return failed("unexpected-message", "the offerer reads no offer");
    const nowMs = clock.wallMs();
    const received = await agent.receive(found.message, parties, found.protocols, nowMs);
    if (!received.ok) return refused(received.error, found.level);
    if (this.isClosed) {
      received.value.wipe();
      return failed("closed", "the session was closed");
    }
    this.received = received.value;
    const peer = verifiedPeer(received.value.peer, received.value.label, nowMs);
    events.verified?.(peer);
    return { ok: true, value: peer };
  }

  private async makeAnswer(peer: VerifiedPeer): Promise<KeyingResult<KeyingAttributes>> {
    const { received, offered } = this;
    if (!received || !offered) return failed("closed", "the session was closed");
    const written = await received.answer();
    received.wipe();
    if (!written.ok) return refused(written.error, offered.level);
    const announced = this.announce(written.value.agreement, peer);
    return announced.ok ? { ok: true, value: mikeyAttributes(written.value.message, offered.level) } : announced;
  }

  /** Hands the keys over: from here on they are their holder's to wipe. */
  private announce(agreement: Agreement, peer: VerifiedPeer): KeyingResult<VerifiedPeer> {
    if (this.isClosed) {
      wipeAgreement(agreement);
      agreement.bundle?.close();
      return failed("closed", "the session was closed");
    }
    const { sent, received } = agreement;
    this.bundle?.close();
    this.bundle = agreement.bundle;
    const name = createHash("sha256").update(sent.tek).update(received.tek).digest("base64");
    if (name === this.inUse) {
      wipeAgreement(agreement);
      return { ok: true, value: peer };
    }
    this.inUse = name;
    this.parts.events.keys(srtpKeys(sent), srtpKeys(received), peer);
    return { ok: true, value: peer };
  }

  private async makeUpdate(rekey: boolean): Promise<KeyingResult<KeyingAttributes>> {
    const { bundle } = this;
    if (!bundle) return failed("unexpected-message", "no agreement of this session can be updated");
    const sent = await bundle.update({ rekey }, ["mikey"], this.parts.clock.wallMs());
    if (!sent.ok) return refused(sent.error, "session");
    this.updating?.wipe();
    this.updating = sent.value;
    return { ok: true, value: mikeyAttributes(sent.value.message, "session") };
  }

  private async readUpdateAnswer(answered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>> {
    const { updating } = this;
    if (!updating) return failed("unexpected-message", "an answer without an update");
    const found = findMikey(answered);
    if (!found.ok) return failed(found.error.code as KeyingFailureCode, found.error.text);
    this.updating = undefined;
    const nowMs = this.parts.clock.wallMs();
    const agreement = await updating.accept(found.value.message, nowMs);
    updating.wipe();
    if (!agreement.ok) return refused(agreement.error, found.value.level);
    return this.announce(agreement.value, verifiedPeer(agreement.value.peer, agreement.value.label, nowMs));
  }

  private async answerOneUpdate(offered: KeyingAttributes): Promise<KeyingResult<KeyingAttributes>> {
    const { bundle } = this;
    const found = findMikey(offered);
    if (!found.ok) return failed(found.error.code as KeyingFailureCode, found.error.text);
    if (!bundle) return failed("unexpected-message", "no agreement of this session can be updated");
    const nowMs = this.parts.clock.wallMs();
    const received = await bundle.receive(found.value.message, found.value.protocols, nowMs);
    if (!received.ok) return refused(received.error, found.value.level);
    const written = await received.value.answer();
    received.value.wipe();
    if (!written.ok) return refused(written.error, found.value.level);
    const { agreement, message } = written.value;
    const announced = this.announce(agreement, verifiedPeer(agreement.peer, agreement.label, nowMs));
    return announced.ok ? { ok: true, value: mikeyAttributes(message, found.value.level) } : announced;
  }

  /** A method of a session settles and never rejects: a fault of ours is a failed agreement, without its details. */
  private async settle<T>(work: () => Promise<KeyingResult<T>>): Promise<KeyingResult<T>> {
    if (this.isClosed) return failed("closed", "the session was closed");
    try {
      return await work();
    } catch (fault) {
      return failed("internal-error", fault instanceof Error ? `fault in key agreement (${fault.name})` : "fault");
    }
  }

  private async unlessClosed<T>(result: Promise<KeyingResult<T>>): Promise<KeyingResult<T>> {
    const settled = await result;
    return this.isClosed ? failed("closed", "the session was closed") : settled;
  }
}
