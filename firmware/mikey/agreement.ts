// "Agree on SRTP keys with this peer": the rules all methods share, from configuration to keys (RFC 3830 section 5).

import { toNtp } from "../runtime/clock.js";
import { ok, type Result } from "../runtime/result.js";
import type { SrtpSuiteName } from "../srtp/keys.js";
import { sameBytes } from "./bytes.js";
import {
  type AgreedKey,
  type CryptoSession,
  checkAnswerHeader,
  deriveSessions,
  offeredSessions,
  wipeKey,
} from "./crypto-sessions.js";
import { adopt, type MikeyResult, refuse } from "./errors.js";
import type { Header } from "./header.js";
import { type ParsedMessage, parseMessage } from "./message.js";
import {
  type AuthenticOffer,
  type MethodName,
  type MikeyMethod,
  type OpenOffer,
  type PeerProof,
  type RandomSource,
  single,
} from "./methods/method.js";
import { DataType, ExtensionType, MapType, PrfFunction, TimestampType } from "./numbers.js";
import type { TimestampPayload } from "./payloads/index.js";
import { aheadMs, DEFAULT_SKEW_MS, type ReplayCache, readNtp, replayKey, writeNtp } from "./replay.js";
import { policyFor } from "./srtp-policy.js";
import {
  type CallParties,
  checkParties,
  checkTerms,
  protocolList,
  type Refusal,
  refusedByPeer,
  withReply,
} from "./terms.js";
import { covered } from "./transport.js";

const RAND_BYTES = 16;
const SUITE: SrtpSuiteName = "AES_CM_128_HMAC_SHA1_80";

export interface MikeyOptions {
  /** The methods we can run; the offer's data type picks one. */
  readonly methods: readonly MikeyMethod[];
  readonly replay: ReplayCache;
  readonly random: RandomSource;
  /** Half width of the accepted time window in ms; default {@link DEFAULT_SKEW_MS}. */
  readonly skewMs?: number;
}

/** Keys for a call: one crypto session per direction. */
export interface Agreement {
  readonly method: MethodName;
  readonly label: string;
  readonly csbId: number;
  readonly peer: PeerProof;
  /** Protects what we send. */
  readonly sent: CryptoSession;
  /** Protects what we receive. */
  readonly received: CryptoSession;
}

/** Zeroes an agreement's keys. */
export function wipeAgreement(agreement: Agreement): void {
  for (const { tek, salt } of [agreement.sent, agreement.received]) {
    tek.fill(0);
    salt.fill(0);
  }
}

/** An offer on its way. */
export interface SentOffer {
  readonly message: Uint8Array;
  /** Reads the answer: authenticates it and derives the keys. */
  accept(answer: Uint8Array, nowMs: number): Promise<MikeyResult<Agreement>>;
  /** Zeroes what waits for the answer; a later {@link accept} fails. */
  wipe(): void;
  /** The bundle has ended: wipes, and lets its CSB ID be used again. */
  end(): void;
}

/** A received offer whose sender is authenticated and whose terms we can meet. */
export interface ReceivedOffer {
  readonly method: MethodName;
  readonly label: string;
  readonly peer: PeerProof;
  /** Writes the answer and derives the keys. */
  answer(): Promise<Result<{ message: Uint8Array; agreement: Agreement }, Refusal>>;
  wipe(): void;
}

/** Agreements of one user agent. Time comes in as wall-clock ms since 1970, so that NTP eras are handled in one place. */
export class MikeyAgent {
  private readonly skewMs: number;
  private readonly openCsbIds = new Set<number>();
  private lastStamp = 0n;

  constructor(private readonly options: MikeyOptions) {
    this.skewMs = options.skewMs ?? DEFAULT_SKEW_MS;
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
  ): Promise<MikeyResult<SentOffer>> {
    const method = this.options.methods.find((one) => one.name === name);
    if (!method) return refuse("unsupported-method", `no keys are configured for method ${name}`);
    const named = checkParties(parties);
    if (!named.ok) return named;
    const csbId = this.newCsbId();
    const header = headerFor(method.offerType, csbId, offeredSessions(parties.ssrc), true);
    const timestamp: TimestampPayload = {
      kind: "timestamp",
      type: TimestampType.ntpUtc,
      value: writeNtp(this.newStamp(nowMs)),
    };
    const rand = this.options.random(RAND_BYTES);
    const open = await method.offer({
      ...parties,
      header,
      timestamp,
      rand,
      policies: [policyFor(SUITE, 0)],
      extensions: [{ kind: "extension", type: ExtensionType.sdpIds, data: protocolList(protocols) }],
      random: this.options.random,
      nowMs,
    });
    if (!open.ok) {
      this.openCsbIds.delete(csbId);
      return open;
    }
    return ok(this.sentOffer(method, header, timestamp, rand, open.value));
  }

  /**
   * Reads an offer: format, freshness, replay, then the method's authentication, then terms. Nothing is remembered of an
   * offer that is not authentic (section 5.3).
   */
  async receive(
    bytes: Uint8Array,
    parties: CallParties,
    protocols: readonly string[],
    nowMs: number,
  ): Promise<Result<ReceivedOffer, Refusal>> {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) {
      const { header, payloads } = parsed.error;
      const { error } = adopt(parsed.error);
      const timestamp = payloads.find((payload): payload is TimestampPayload => payload.kind === "timestamp");
      return { ok: false, error: withReply(error, header, timestamp) };
    }
    const message = parsed.value;
    const timestamp = single(message, "timestamp");
    if (!timestamp.ok) return timestamp;
    const result = await this.authenticate(message, timestamp.value, parties, nowMs);
    if (!result.ok) return { ok: false, error: withReply(result.error, message.header, timestamp.value) };
    const { method, authentic, rand } = result.value;
    const terms = checkTerms(message, parties, protocols);
    if (!terms.ok) {
      const error = withReply(terms.error, message.header, timestamp.value, authentic);
      authentic.wipe();
      return { ok: false, error };
    }
    return ok(this.receivedOffer(method, authentic, message.header, terms.value, rand));
  }

  /** Work that can be done before any call. */
  async prepare(nowMs: number): Promise<void> {
    await Promise.all(this.options.methods.map((method) => method.prepare(nowMs)));
  }

  /** Zeroes the methods' long-term secrets. */
  close(): void {
    for (const method of this.options.methods) method.wipe();
  }

  private async authenticate(
    message: ParsedMessage,
    timestamp: TimestampPayload,
    parties: CallParties,
    nowMs: number,
  ): Promise<MikeyResult<{ method: MikeyMethod; authentic: AuthenticOffer; rand: Uint8Array }>> {
    const { header } = message;
    const method = this.options.methods.find((one) => one.offerType === header.dataType);
    if (!method) return refuse("unsupported-method", `offers of data type ${header.dataType} cannot be answered`);
    if (header.prf !== PrfFunction.mikey1) return refuse("unsupported-prf", `PRF ${header.prf} is not known`);
    const named = checkParties(parties);
    if (!named.ok) return named;
    if (timestamp.type === TimestampType.counter)
      return refuse("unsupported-timestamp", "counters as timestamps are not supported");
    const ahead = aheadMs(readNtp(timestamp.value), toNtp(nowMs));
    if (Math.abs(ahead) > this.skewMs)
      return refuse("clock-skew", `the message's clock is ${Math.round(ahead / 1000)} s ahead of ours`);
    const proof = method.proofLength(message);
    if (!proof.ok) return proof;
    const key = replayKey(covered(message.bytes, proof.value));
    const untilMs = nowMs + ahead + this.skewMs;
    if (this.options.replay.has(key, untilMs)) return refuse("replayed", "the message was seen before");
    const rand = single(message, "rand");
    if (!rand.ok) return rand;
    if (rand.value.rand.length < RAND_BYTES)
      return refuse("malformed-message", `RAND of ${rand.value.rand.length} bytes, at least ${RAND_BYTES} are needed`);
    const authentic = await method.authenticate(message, { ...parties, timestamp, rand: rand.value.rand, nowMs });
    if (!authentic.ok) return authentic;
    const remembered = this.options.replay.add(key, untilMs, nowMs);
    if (remembered !== "added") {
      authentic.value.wipe();
      return remembered === "known"
        ? refuse("replayed", "the message was seen before")
        : refuse("replay-cache-full", "too many calls in a short time to tell new ones from replayed ones");
    }
    return ok({ method, authentic: authentic.value, rand: rand.value.rand });
  }

  private sentOffer(
    method: MikeyMethod,
    header: Header,
    timestamp: TimestampPayload,
    rand: Uint8Array,
    open: OpenOffer,
  ): SentOffer {
    let isWiped = false;
    const wipe = () => {
      isWiped = true;
      open.wipe();
    };
    const readAnswer = async (bytes: Uint8Array, nowMs: number): Promise<MikeyResult<Agreement>> => {
      if (isWiped) return refuse("internal-error", "the exchange was given up");
      const parsed = parseMessage(bytes);
      if (!parsed.ok) return adopt(parsed.error);
      const answer = parsed.value;
      if (answer.header.csbId !== header.csbId) return refuse("response-mismatch", "the answer is for another bundle");
      const echoed = single(answer, "timestamp");
      if (!echoed.ok) return echoed;
      if (echoed.value.type !== timestamp.type || !sameBytes(echoed.value.value, timestamp.value))
        return refuse("response-mismatch", "the answer does not repeat our timestamp");
      if (answer.header.dataType === DataType.error) return refusedByPeer(answer, open);
      if (answer.header.dataType !== method.answerType)
        return refuse("response-mismatch", `data type ${answer.header.dataType} does not answer our offer`);
      const fits = checkAnswerHeader(header, answer.header);
      if (!fits.ok) return fits;
      const done = await open.finish(answer, nowMs);
      if (!done.ok) return done;
      const [sent, received] = deriveAndWipe(done.value.key, header.csbId, rand, answer.header);
      return ok({
        method: method.name,
        label: method.label,
        csbId: header.csbId,
        peer: done.value.peer,
        sent,
        received,
      });
    };
    return {
      message: open.message,
      accept: readAnswer,
      wipe,
      end: () => {
        wipe();
        this.openCsbIds.delete(header.csbId);
      },
    };
  }

  private receivedOffer(
    method: MikeyMethod,
    authentic: AuthenticOffer,
    offered: Header,
    sessions: Header["sessions"],
    rand: Uint8Array,
  ): ReceivedOffer {
    const header = headerFor(method.answerType, offered.csbId, sessions, false);
    return {
      method: method.name,
      label: method.label,
      peer: authentic.peer,
      async answer() {
        const written = await authentic.answer(header);
        if (!written.ok) return written;
        const [received, sent] = deriveAndWipe(written.value.key, header.csbId, rand, header);
        const { name, label } = method;
        const agreement = { method: name, label, csbId: header.csbId, peer: authentic.peer, sent, received };
        return ok({ message: written.value.message, agreement });
      },
      wipe: () => authentic.wipe(),
    };
  }

  /** A random CSB ID that none of our open bundles has (section 6.1). */
  private newCsbId(): number {
    const bytes = this.options.random(4);
    let csbId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    while (this.openCsbIds.has(csbId)) csbId = (csbId + 1) >>> 0;
    this.openCsbIds.add(csbId);
    return csbId;
  }

  /** Every message of an initiator has a timestamp of its own (section 5.2). */
  private newStamp(nowMs: number): bigint {
    const now = toNtp(nowMs);
    const isPast = BigInt.asIntN(64, now - this.lastStamp) <= 0n && this.lastStamp !== 0n;
    // A clock that was set back far is believed; one that stands still is nudged.
    const isNear = aheadMs(this.lastStamp, now) < 1000;
    this.lastStamp = isPast && isNear ? BigInt.asUintN(64, this.lastStamp + 1n) : now;
    return this.lastStamp;
  }
}

function headerFor(dataType: number, csbId: number, sessions: Header["sessions"], verify: boolean): Header {
  const sessionCount = sessions.length;
  return { dataType, verify, prf: PrfFunction.mikey1, csbId, mapType: MapType.srtpId, sessionCount, sessions };
}

/** Both sessions' keys; the TGK has then done its work. */
function deriveAndWipe(key: AgreedKey, csbId: number, rand: Uint8Array, header: Header): CryptoSession[] {
  const suites = header.sessions.map(() => SUITE);
  const sessions = deriveSessions(key, csbId, rand, header.sessions, suites);
  wipeKey(key);
  return sessions;
}
