// One call's MIKEY exchange inside offer/answer.

import { createHash } from "node:crypto";
import { CHAIN_TYPE, printChain } from "../../crypto/certificate-chain.js";
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
import type {
  KeyingAttributes,
  KeyingError,
  KeyingEvents,
  KeyingFork,
  KeyingResult,
  Proof,
  VerifiedPeer,
} from "../keying.js";
import { errorAbout, explainRefusal } from "./error-messages.js";
import { type KeyingFailureCode, keyingError } from "./failures.js";
import { type FoundMessage, findMikey, findOffers, mikeyAttributes } from "./key-mgmt.js";

function failed(
  code: KeyingFailureCode,
  text: string,
  reply?: Uint8Array,
  level: "session" | "media" = "session",
): { readonly ok: false; readonly error: KeyingError } {
  return { ok: false, error: keyingError(code, text, reply && { message: reply, level }) };
}

const done = { ok: true, value: undefined } as const;

/** A fault of ours is a failed agreement, without its details. */
function faulty(fault: unknown) {
  return failed("internal-error", fault instanceof Error ? `fault in key agreement (${fault.name})` : "fault");
}

/** @param offer ours, when it is its answer that fails: the error message then repeats its timestamp. */
function refused(refusal: Refusal, level: "session" | "media", offer?: Uint8Array) {
  const where = refusal.offset === undefined ? "" : ` (byte ${refusal.offset})`;
  const reply = refusal.reply ?? (offer && errorAbout(offer, refusal.code));
  return failed(refusal.code, refusal.text + where, reply, level);
}

/** Failures of making one offer that leave the others as good as they are: the peer's key for it is not to be had. */
const canDoWithout: ReadonlySet<string> = new Set([
  "unknown-recipient",
  "unusable-public-key",
  "no-domain-key",
  "domain-key-revoked",
  "bad-domain-key",
  "domain-key-not-authenticated",
  "dns-failure",
]);

function sameMessages(these: readonly FoundMessage[], those: readonly FoundMessage[]): boolean {
  return (
    these.length === those.length && these.every(({ message }, i) => Buffer.compare(message, those[i].message) === 0)
  );
}

/** Whether two messages name the same bundle (the CSB ID, bytes 4 to 7 of the header). */
function sameBundle(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one.subarray(4, 8), other.subarray(4, 8)) === 0;
}

/** Names from certificates end up on a screen: control and direction characters are taken out. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "").slice(0, 128);
}

/** What proofs say on a screen; a peer's certificate is the same in all its calls. */
const shown = new WeakMap<PeerProof, Proof>();

function verifiedPeer(peer: PeerProof, method: string, sinceMs: number): VerifiedPeer {
  let proof = shown.get(peer);
  if (!proof) {
    proof = proofOf(peer);
    shown.set(peer, proof);
  }
  return { identity: peer.identity, proof, method, sinceMs };
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
  /** Methods of our offers, most wanted first. */
  readonly methods: readonly MethodName[];
  /** Where they stand. */
  readonly level: "session" | "media";
  readonly parties: CallParties;
  readonly events: KeyingEvents;
  readonly clock: Clock;
}

/** One exchange: an offer made and its answer read, or an offer verified and answered. */
export class MikeySession implements KeyingFork {
  private isClosed = false;
  /** The session whose offers these are, where they are not ours. */
  private lender: MikeySession | undefined;
  /** Our offers, most wanted first; after the answer the one that was taken. */
  private sent: readonly SentOffer[] = [];
  private offering: Promise<KeyingResult<KeyingAttributes>> | undefined;
  private accepting: Promise<KeyingResult<VerifiedPeer>> | undefined;
  private received: ReceivedOffer | undefined;
  private offered: readonly FoundMessage[] | undefined;
  /** The offer that is answered. */
  private taken: FoundMessage | undefined;
  private verifying: Promise<KeyingResult<VerifiedPeer>> | undefined;
  private answering: Promise<KeyingResult<KeyingAttributes>> | undefined;
  /** Keys of our answer that are still to be worked out. */
  private agreeing: (() => KeyingResult<VerifiedPeer>) | undefined;
  private bundle: Bundle | undefined;
  /** An update of ours that waits for its answer. */
  private updating: SentOffer | undefined;
  /** The keys in use, by which new ones are told from unchanged ones. */
  private inUse = "";

  constructor(private readonly parts: SessionParts) {}

  document(type: string): Uint8Array | undefined {
    const named = type === CHAIN_TYPE ? this.sent.find((one) => one.named)?.named : undefined;
    return named && printChain(named);
  }

  offer(): Promise<KeyingResult<KeyingAttributes>> {
    this.offering ??= this.settle(() => this.makeOffer());
    return this.unlessClosed(this.offering);
  }

  accept(answered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>> {
    this.accepting ??= this.settle(() => this.readAnswer(answered));
    return this.unlessClosed(this.accepting);
  }

  fork(events: KeyingEvents): KeyingFork {
    const fork = new MikeySession({ ...this.parts, events });
    fork.lender = this;
    fork.sent = this.sent;
    return fork;
  }

  keep(): void {
    const { lender } = this;
    if (!lender || this.isClosed) return;
    this.lender = undefined;
    lender.sent = [];
    for (const sent of this.sent) sent.wipe();
  }

  verify(offered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>> {
    const found = findOffers(offered);
    if (!found.ok) return Promise.resolve(failed(found.error.code as KeyingFailureCode, found.error.text));
    if (this.offered && !sameMessages(this.offered, found.value))
      return Promise.resolve(failed("unexpected-message", "a second offer in one exchange"));
    this.offered = found.value;
    this.verifying ??= this.settle(() => this.readOffers(found.value));
    return this.unlessClosed(this.verifying);
  }

  async answer(
    offered: KeyingAttributes,
    options: { readonly keysLater?: boolean } = {},
  ): Promise<KeyingResult<KeyingAttributes>> {
    const peer = await this.verify(offered);
    if (!peer.ok) return peer;
    this.answering ??= this.settle(() => this.makeAnswer(peer.value));
    const answer = await this.unlessClosed(this.answering);
    if (!answer.ok || options.keysLater) return answer;
    const concluded = this.conclude();
    return concluded.ok ? answer : concluded;
  }

  conclude(): KeyingResult<void> {
    const { agreeing } = this;
    this.agreeing = undefined;
    if (!agreeing) return done;
    if (this.isClosed) return failed("closed", "the session was closed");
    try {
      const agreed = agreeing();
      return agreed.ok ? done : agreed;
    } catch (fault) {
      return faulty(fault);
    }
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

  explain(said: KeyingAttributes | Uint8Array): Promise<KeyingError | undefined> {
    return explainRefusal(said, this.sent, this.parts.clock.wallMs());
  }

  recant(): boolean {
    // All of them, not up to the first.
    return this.sent.filter((sent) => sent.recant()).length > 0;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.bundle?.close();
    this.updating?.wipe();
    this.bundle = undefined;
    this.updating = undefined;
    if (!this.lender) for (const sent of this.sent) sent.end();
    this.received?.wipe();
    this.sent = [];
    this.received = undefined;
  }

  private async makeOffer(): Promise<KeyingResult<KeyingAttributes>> {
    const { role, level } = this.parts;
    if (role !== "offerer") return failed("unexpected-message", "the answerer makes no offer");
    for (let methods = this.parts.methods; ; ) {
      const made = await this.makeOffers(methods);
      if (this.isClosed) {
        for (const { result } of made) if (result.ok) result.value.end();
        return failed("closed", "the session was closed");
      }
      const sent = made.flatMap(({ result }) => (result.ok ? [result.value] : []));
      if (sent.length === methods.length) {
        this.sent = sent;
        return {
          ok: true,
          value: mikeyAttributes(
            sent.map(({ message }) => message),
            level,
          ),
        };
      }
      for (const one of sent) one.end();
      // Every offer names all of them: those that can be made are made anew without the rest.
      const impossible = made.flatMap(({ result, method }) => (result.ok ? [] : [{ method, error: result.error }]));
      const grave = impossible.find(({ error }) => !canDoWithout.has(error.code));
      if (grave || sent.length === 0) return refused((grave ?? impossible[0]).error, level);
      methods = methods.filter((method) => !impossible.some((one) => one.method === method));
    }
  }

  private async makeOffers(methods: readonly MethodName[]) {
    const { agent, parties, clock } = this.parts;
    const protocols = methods.map(() => "mikey");
    const options = methods.length > 1 ? { beside: methods } : {};
    return Promise.all(
      methods.map(async (method) => ({
        method,
        result: await agent.offer(method, parties, protocols, clock.wallMs(), options),
      })),
    );
  }

  private async readAnswer(answered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>> {
    if (this.sent.length === 0) return failed("unexpected-message", "an answer without an offer");
    const found = findMikey(answered);
    if (!found.ok) return failed(found.error.code as KeyingFailureCode, found.error.text);
    // Each offer has a bundle of its own; the answer names the one it is for.
    const sent = this.sent.find(({ message }) => sameBundle(message, found.value.message)) ?? this.sent[0];
    if (!this.lender) {
      for (const other of this.sent) if (other !== sent) other.end();
      this.sent = [sent];
    }
    const nowMs = this.parts.clock.wallMs();
    const agreement = await sent.accept(found.value.message, nowMs);
    if (!this.lender) sent.wipe();
    if (!agreement.ok) return refused(agreement.error, found.value.level, sent.message);
    return this.announce(agreement.value, verifiedPeer(agreement.value.peer, agreement.value.label, nowMs));
  }

  /** The first offer whose method we can run is the one; its failure is not made up for by a later one. */
  private async readOffers(all: readonly FoundMessage[]): Promise<KeyingResult<VerifiedPeer>> {
    const { role, agent, parties, clock, events } = this.parts;
    if (role !== "answerer") return failed("unexpected-message", "the offerer reads no offer");
    const nowMs = clock.wallMs();
    const types = all.map(({ message }) => message[1] ?? 0);
    let unknown: KeyingResult<VerifiedPeer> | undefined;
    for (const found of all) {
      const received = await agent.receive(found.message, parties, found.protocols, nowMs, types);
      if (!received.ok) {
        const failure = refused(received.error, found.level);
        if (received.error.code !== "unsupported-method") return failure;
        unknown ??= failure;
        continue;
      }
      if (this.isClosed) {
        received.value.wipe();
        return failed("closed", "the session was closed");
      }
      this.received = received.value;
      this.taken = found;
      const peer = verifiedPeer(received.value.peer, received.value.label, nowMs);
      events.verified?.(peer);
      return { ok: true, value: peer };
    }
    return unknown!;
  }

  private async makeAnswer(peer: VerifiedPeer): Promise<KeyingResult<KeyingAttributes>> {
    const { received, taken } = this;
    if (!received || !taken) return failed("closed", "the session was closed");
    const written = await received.write();
    if (!written.ok) {
      received.wipe();
      return refused(written.error, taken.level);
    }
    const { message, agree } = written.value;
    this.agreeing = () => {
      const agreement = agree();
      received.wipe();
      return agreement.ok ? this.announce(agreement.value, peer) : refused(agreement.error, taken.level);
    };
    return { ok: true, value: mikeyAttributes(message, taken.level) };
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
    if (!sent.ok) return refused(sent.error, this.parts.level);
    this.updating?.wipe();
    this.updating = sent.value;
    return { ok: true, value: mikeyAttributes(sent.value.message, this.parts.level) };
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
    if (!agreement.ok) return refused(agreement.error, found.value.level, updating.message);
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
    // An update of ours that waits for its answer is about the bundle there was before.
    this.updating?.wipe();
    this.updating = undefined;
    return announced.ok ? { ok: true, value: mikeyAttributes(message, found.value.level) } : announced;
  }

  /** A method of a session settles and never rejects. */
  private async settle<T>(work: () => Promise<KeyingResult<T>>): Promise<KeyingResult<T>> {
    if (this.isClosed) return failed("closed", "the session was closed");
    try {
      return await work();
    } catch (fault) {
      return faulty(fault);
    }
  }

  private async unlessClosed<T>(result: Promise<KeyingResult<T>>): Promise<KeyingResult<T>> {
    const settled = await result;
    return this.isClosed ? failed("closed", "the session was closed") : settled;
  }
}
