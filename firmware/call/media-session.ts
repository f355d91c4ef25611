// The media of one call: offer/answer, keys and the voice stream, kept in step. Signalling above sees bodies and refusals only.

import { isIP } from "node:net";
import type { Keying, KeyingSession, VerifiedPeer } from "../keying/keying.js";
import type { StreamParameters, StreamStatistics, VoiceStream } from "../media/voice.js";
import {
  type AudioCapabilities,
  type AudioLine,
  chooseLine,
  g711Capabilities,
  makeAnswer,
  makeOffer,
  type NegotiatedAudio,
  parse,
  print,
  readAnswer,
  readOffer,
  type SessionDescription,
  sends,
} from "../sdp/index.js";
import type { SipBody } from "../sip/contract.js";
import { findBody } from "../sip/grammar/index.js";
import type { SipMessage } from "../sip/grammar/message.js";
import type { SrtpKeys } from "../srtp/keys.js";
import type { CallIdentity } from "./call.js";
import type { CallAccount, CallEnvironment } from "./environment.js";
import { keyingRefusal, type Outcome, type Refusal, refuse } from "./reasons.js";
import type { CallSecurity } from "./types.js";

/** What the call is told. */
export interface MediaSessionEvents {
  /** Security or codec changed. */
  changed(): void;
  silent(silentMs: number): void;
  /** The first voice packet of the peer. */
  heard(): void;
  digit(digit: string, durationMs: number): void;
}

const SDP_TYPE = "application/sdp";
const DTMF_MS = 120;
const cancelled = refuse(487, "ended", "the call has ended", "The call has ended");

export class MediaSession {
  security: CallSecurity = { state: "pending" };
  /** True once close() has finished. */
  closed = false;
  private closing: Promise<StreamStatistics | undefined> | undefined;
  private account: CallAccount | undefined;
  private peerUri = "";
  private readonly ssrc: number;
  private readonly sessionId: string;
  private opening: Promise<Outcome<VoiceStream>> | undefined;
  private stream: VoiceStream | undefined;
  private keying: KeyingSession | undefined;
  /** Our half and the peer's of the last finished exchange, and what they agreed on. */
  private local: SessionDescription | undefined;
  private remote: SessionDescription | undefined;
  private current: NegotiatedAudio | undefined;
  /** An offer of ours on its way. */
  private offered: SessionDescription | undefined;
  /** The line of the peer's first offer we are going to take; undefined when the INVITE carried no offer. */
  private chosen: AudioLine | undefined;
  /** Keys on their way to the voice thread. */
  private keysTaken: Promise<void> | undefined;
  /** An answer taken before the call was. */
  private early:
    | {
        readonly from: string;
        readonly body: Buffer;
        readonly offered: SessionDescription;
        readonly work: Promise<Outcome<void>>;
      }
    | undefined;
  private heldHere = false;
  private holdWanted = false;

  constructor(
    private readonly environment: CallEnvironment,
    private readonly identity: CallIdentity,
    private readonly events: MediaSessionEvents,
  ) {
    const random = Buffer.from(environment.random(12));
    this.ssrc = random.readUInt32BE(0);
    // RFC 8866 asks for uniqueness; 62 bits keep within what everybody parses.
    this.sessionId = (random.readBigUInt64BE(4) >> 2n).toString();
  }

  /** Name of the codec in use. */
  get codec(): string | undefined {
    return this.current?.codec.name;
  }
  /** The peer does not want to hear us. */
  get heldByPeer(): boolean {
    const direction = this.current?.remoteDirection;
    return direction === "sendonly" || direction === "inactive";
  }

  /** The first offer of a call we place (or of the 200 to an INVITE without one). Voice ports and keys are made side by side. */
  async makeOffer(account: CallAccount, peerUri: string): Promise<Outcome<SipBody>> {
    this.account = account;
    this.peerUri = peerUri;
    const method = account.security === "off" ? undefined : account.keying[0];
    if (!method && account.security === "required") return this.noKeying();
    const opening = this.open();
    if (method) this.keying = this.openKeying(method, "offerer");
    const [stream, attributes] = await Promise.all([opening, this.keying?.offer()]);
    if (this.closing) return cancelled;
    if (!stream.ok) return stream;
    if (attributes && !attributes.ok) return keyingRefusal(attributes.error);
    this.offered = makeOffer({
      session: this.localSession(),
      policy: method ? account.security : "off",
      rtpPort: stream.value.rtpPort,
      rtcpPort: stream.value.rtcpPort,
      capabilities: this.capabilities(),
      keying: attributes?.value,
    });
    return { ok: true, value: body(this.offered) };
  }

  /**
   * An answer in a provisional response: early media (RFC 3960). What comes is heard, nothing of ours is: nobody has picked up. With keys for
   * secured media these are agreed on now. An answer that cannot be used is left alone: the final one decides.
   * @param from the tag of the dialog it came in: forks may each send one, the first is taken.
   */
  async acceptEarlyAnswer(message: SipMessage, from: string): Promise<boolean> {
    const { account, offered } = this;
    if (this.early || this.current || !account || !offered || message.body.length === 0) return false;
    const answer = readSdp(message);
    if (!answer.ok) return false;
    const read = readAnswer(offered, answer.value, this.capabilities());
    // A clear answer of one fork must not decide for those that could still make the call private.
    if (!read.ok || (!read.value.audio.secured && this.keying)) return false;
    const work = this.takeAnswer(message);
    this.early = { from, body: Buffer.from(message.body), offered, work };
    const taken = await work;
    if (!taken.ok || this.closing) return false;
    this.stream?.mute(true);
    return true;
  }

  /** The answer to our first offer: keys are agreed on and the voice starts, or nothing is ever sent or played. */
  async acceptAnswer(message: SipMessage, from = ""): Promise<Outcome<void>> {
    const { early } = this;
    if (!early) return this.takeAnswer(message);
    const taken = await early.work;
    if (this.closing) return cancelled;
    const again = message.body.length === 0 || early.body.equals(message.body);
    if (taken.ok && early.from === from && again) return taken;
    if (this.security.state !== "secure") {
      this.offered = early.offered;
      return this.takeAnswer(message);
    }
    // Keys are agreed on with the one that answered early, and with nobody else.
    if (early.from !== from)
      return refuse(
        488,
        "forked-after-early-keys",
        "keys are agreed on with another phone",
        "Another phone answered than the one the call was made private with",
      );
    const answer = readSdp(message);
    if (!answer.ok) return answer;
    const read = readAnswer(early.offered, answer.value, this.capabilities());
    if (!read.ok || !read.value.audio.secured)
      return refuse(488, "answer-changed", "the answer changed", "The other phone's answer does not fit the call");
    return this.run(early.offered, answer.value, read.value.audio);
  }

  private async takeAnswer(message: SipMessage): Promise<Outcome<void>> {
    const { account, offered, stream } = this;
    if (!account || !offered || !stream) throw new Error("acceptAnswer before makeOffer");
    const answer = readSdp(message);
    if (!answer.ok) return answer;
    const read = readAnswer(offered, answer.value, this.capabilities());
    if (!read.ok)
      return refuse(488, read.error.code, read.error.text, "The other phone's answer does not fit the call");
    const { audio } = read.value;
    if (audio.secured) {
      const accepted = await this.keying!.accept(audio.keying);
      if (this.closing) return cancelled;
      if (!accepted.ok) return keyingRefusal(accepted.error);
      this.environment.trace.mark("answer-verified", this.identity.id);
    } else if (account.security === "required") {
      return refuse(488, "not-secured", "secured call required", "The other phone would not make the call private");
    } else {
      this.goOpen();
    }
    await this.keysTaken;
    return this.closing ? cancelled : this.run(offered, answer.value, audio);
  }

  /**
   * Reads the offer of a call that comes in, chooses the line to take and verifies who sent it. An INVITE without an offer passes;
   * ours then goes out with the 200.
   */
  async readOffer(account: CallAccount, message: SipMessage, peerUri: string): Promise<Outcome<void>> {
    this.account = account;
    this.peerUri = peerUri;
    if (message.body.length === 0) {
      if (account.security === "required" && account.keying.length === 0) return this.noKeying();
      void this.open();
      return { ok: true, value: undefined };
    }
    const offer = readSdp(message);
    if (!offer.ok) return offer;
    const lines = readOffer(offer.value, this.capabilities());
    this.remote = offer.value;
    if (!lines.ok)
      return refuse(488, lines.error.code, lines.error.text, "The caller's phone has no codec in common with this one");
    const line = chooseLine(lines.value, account.security);
    if (!line.ok) return this.unacceptable(line.error.code, line.error.text);
    if (line.value.secured) {
      const method = account.keying.find((one) => one.recognises(line.value.keying));
      if (!method) return this.unacceptable("unsupported-keying", "no common key management method");
      this.keying = this.openKeying(method, "answerer");
      const verified = await this.keying.verify(line.value.keying);
      if (this.closing) return cancelled;
      if (!verified.ok) return keyingRefusal(verified.error);
      this.security = { state: "pending", caller: verified.value };
    } else {
      this.goOpen();
    }
    this.chosen = line.value;
    void this.open();
    return { ok: true, value: undefined };
  }

  /** The answer to the offer read before (or our offer, when there was none); the voice starts at once. */
  async makeAnswer(): Promise<Outcome<SipBody>> {
    const { account, chosen, remote } = this;
    if (!account) throw new Error("makeAnswer before readOffer");
    if (!chosen || !remote) return this.makeOffer(account, this.peerUri);
    const [stream, attributes] = await Promise.all([this.open(), this.keying?.answer(chosen.keying)]);
    if (this.closing) return cancelled;
    if (!stream.ok) return stream;
    if (attributes && !attributes.ok) return keyingRefusal(attributes.error);
    const { description, audio } = makeAnswer({
      offer: remote,
      line: chosen,
      session: this.localSession(),
      rtpPort: stream.value.rtpPort,
      rtcpPort: stream.value.rtcpPort,
      capabilities: this.capabilities(),
      keying: attributes?.value,
    });
    await this.keysTaken;
    if (this.closing) return cancelled;
    const running = this.run(description, remote, audio);
    return running.ok ? { ok: true, value: body(description) } : running;
  }

  /** The ACK of our 200: carries the answer when the 200 carried the offer. */
  async acceptLateAnswer(message: SipMessage): Promise<Outcome<void>> {
    if (this.current || !this.offered) {
      if (this.offered && this.current) return this.acceptReanswer(message);
      return { ok: true, value: undefined };
    }
    return this.acceptAnswer(message);
  }

  /** A re-offer that puts the call on hold or takes it back. Without keying attributes: keys and contexts stay as they are. */
  makeHoldOffer(on: boolean): Outcome<SipBody> {
    if (!this.current) return refuse(500, "no-session", "no session to hold", "There is nothing to hold yet");
    this.holdWanted = on;
    this.offered = this.reoffer(on);
    return { ok: true, value: body(this.offered) };
  }

  /** The hold was refused: all stays as it is. */
  dropHoldOffer(): void {
    this.offered = undefined;
    this.holdWanted = this.heldHere;
  }

  acceptHoldAnswer(message: SipMessage): Outcome<void> {
    return this.acceptReanswer(message);
  }

  /**
   * Answers an offer within the call: hold, another address, another packet time, new keys when it brings keying attributes. A
   * secured call is never taken to an unsecured line.
   */
  async answerReoffer(message: SipMessage): Promise<Outcome<SipBody>> {
    const { account, current, local, stream } = this;
    if (!account || !current || !local || !stream)
      return refuse(491, "pending", "the first offer/answer is not finished", "");
    if (message.body.length === 0) {
      this.offered = this.reoffer(this.heldHere);
      return { ok: true, value: body(this.offered) };
    }
    const offer = readSdp(message);
    if (!offer.ok) return offer;
    const lines = readOffer(offer.value, this.capabilities());
    if (!lines.ok) return refuse(488, lines.error.code, lines.error.text, "");
    const line = lines.value.find((one) => one.secured === current.secured);
    if (!line) return refuse(488, "security-change", `this call stays ${current.secured ? "secured" : "as it is"}`, "");
    let attributes:
      | { session: readonly { name: string; value?: string }[]; media: readonly { name: string; value?: string }[] }
      | undefined;
    if (line.secured && line.keying.session.length + line.keying.media.length > 0) {
      const method = account.keying.find((one) => one.recognises(line.keying));
      if (!method) return refuse(488, "unsupported-keying", "no common key management method", "");
      this.keying?.close();
      this.keying = this.openKeying(method, "answerer");
      const answered = await this.keying.answer(line.keying);
      if (this.closing) return cancelled;
      if (!answered.ok) return keyingRefusal(answered.error);
      attributes = answered.value;
    }
    const { description, audio } = makeAnswer({
      offer: offer.value,
      line,
      session: this.localSession(),
      rtpPort: stream.rtpPort,
      rtcpPort: stream.rtcpPort,
      capabilities: this.capabilities(),
      direction: this.heldHere ? "sendonly" : "sendrecv",
      keying: attributes,
      previous: local,
    });
    const running = this.run(description, offer.value, audio);
    return running.ok ? { ok: true, value: body(description) } : running;
  }

  /** A body for a refusal that tells the peer what its keying method wants told; undefined where there is nothing to tell. */
  refusalBody(refusal: Refusal): SipBody | undefined {
    const { attributes } = refusal;
    if (!attributes || !this.remote || attributes.session.length + attributes.media.length === 0) return undefined;
    const address = this.environment.localAddress;
    const place = { netType: "IN", addrType: isIP(address) === 6 ? "IP6" : "IP4", address };
    return body({
      origin: { username: "-", sessionId: this.sessionId, sessionVersion: this.sessionId, ...place },
      sessionName: "-",
      connection: place,
      bandwidth: [],
      timing: this.remote.timing,
      other: [],
      attributes: [...attributes.session, ...attributes.media],
      media: this.remote.media.map((media) => ({
        ...media,
        port: 0,
        bandwidth: [],
        attributes: [],
        connection: undefined,
      })),
    });
  }

  mute(on: boolean): void {
    this.stream?.mute(on);
  }
  digit(digit: string): void {
    this.stream?.digit(digit, DTMF_MS);
  }
  statistics(): Promise<StreamStatistics | undefined> {
    return this.stream && !this.closing ? this.stream.statistics() : Promise.resolve(undefined);
  }

  /** Stops the voice and wipes the keys. Resolves with the stream's last statistics; never rejects. */
  close(): Promise<StreamStatistics | undefined> {
    this.closing ??= (async () => {
      this.keying?.close();
      const opened = await this.opening;
      try {
        return opened?.ok ? await opened.value.close() : undefined;
      } catch (error) {
        this.environment.log.warn("voice-close-failed", { call: this.identity.id, error: String(error) });
        return undefined;
      } finally {
        this.closed = true;
      }
    })();
    return this.closing;
  }

  private open(): Promise<Outcome<VoiceStream>> {
    const { environment, identity, events } = this;
    this.opening ??= environment.voice
      .open(
        { call: identity.id, ssrc: this.ssrc, cname: Buffer.from(environment.random(12)).toString("base64") },
        {
          firstPacket: (direction, atMs) => {
            environment.trace.mark(
              direction === "sent" ? "media-first-sent" : "media-first-received",
              identity.id,
              atMs,
            );
            if (direction === "received") events.heard();
          },
          digit: events.digit,
          silent: events.silent,
        },
      )
      .then(
        (stream): Outcome<VoiceStream> => {
          this.stream = stream;
          return { ok: true, value: stream };
        },
        (error: unknown): Outcome<VoiceStream> => {
          const text = error instanceof Error ? error.message : String(error);
          environment.log.error("voice-open-failed", { call: identity.id, error: text });
          return refuse(503, "no-voice", "no voice path available", `This phone's voice path failed: ${text}`);
        },
      );
    return this.opening;
  }

  private openKeying(method: Keying, role: "offerer" | "answerer"): KeyingSession {
    const { environment, identity } = this;
    return method.open(
      role,
      { localUri: this.account!.uri, peerUri: this.peerUri, ssrc: this.ssrc },
      {
        verified: (peer) =>
          environment.log.info("caller-verified", { call: identity.id, peer: peer.identity, method: peer.method }),
        keys: (tx, rx, peer) => {
          this.keysTaken = this.takeKeys(tx, rx, peer);
        },
      },
    );
  }

  /** Keys agreed on: to the voice thread, then wiped here. */
  private async takeKeys(tx: SrtpKeys, rx: SrtpKeys, peer: VerifiedPeer): Promise<void> {
    const opened = this.stream ?? (await this.open().then((outcome) => (outcome.ok ? outcome.value : undefined)));
    if (opened && !this.closing) opened.keys(tx, rx);
    for (const keys of [tx, rx]) {
      keys.masterKey.fill(0);
      keys.masterSalt.fill(0);
    }
    if (!opened || this.closing) return;
    this.environment.trace.mark("keys-ready", this.identity.id);
    this.security = { state: "secure", suite: tx.suite, peer };
    this.events.changed();
  }

  private goOpen(): void {
    this.keying?.close();
    this.keying = undefined;
    this.security = { state: "open" };
  }

  /** Starts the voice, or changes it, with what an exchange agreed on. */
  private run(local: SessionDescription, remote: SessionDescription, audio: NegotiatedAudio): Outcome<void> {
    const { remoteAddress, remoteRtcpAddress } = audio;
    if (isIP(remoteAddress) === 0 || isIP(remoteRtcpAddress) === 0)
      return refuse(
        488,
        "no-address",
        "the media address is not an IP address",
        "The other phone's media address cannot be used",
      );
    const parameters: StreamParameters = {
      remoteAddress,
      remotePort: audio.remotePort,
      remoteRtcpPort: audio.remoteRtcpPort,
      codec: audio.codec,
      telephoneEventSend: audio.telephoneEventSend,
      telephoneEventReceive: audio.telephoneEventReceive,
      ptimeMs: audio.ptimeMs,
      // 0.0.0.0 is the old way to say "do not send" (RFC 3264 section 8.4).
      direction: /^(0\.0\.0\.0|::)$/.test(remoteAddress) && sends(audio.direction) ? "inactive" : audio.direction,
      security: audio.secured ? "srtp" : "clear",
    };
    try {
      this.stream!.start(parameters);
    } catch (error) {
      return refuse(
        500,
        "voice-refused",
        "the voice path refused the session",
        `This phone's voice path failed: ${String(error)}`,
      );
    }
    this.local = local;
    this.remote = remote;
    this.current = audio;
    this.offered = undefined;
    return { ok: true, value: undefined };
  }

  private reoffer(hold: boolean): SessionDescription {
    return makeOffer({
      session: this.localSession(),
      policy: this.current!.secured ? "required" : "off",
      rtpPort: this.stream!.rtpPort,
      rtcpPort: this.stream!.rtcpPort,
      capabilities: this.capabilities(),
      direction: hold ? "sendonly" : "sendrecv",
      previous: { local: this.local!, remote: this.remote!, current: this.current! },
    });
  }

  private acceptReanswer(message: SipMessage): Outcome<void> {
    const { offered } = this;
    if (!offered) return { ok: true, value: undefined };
    const answer = readSdp(message);
    if (!answer.ok) return answer;
    const read = readAnswer(offered, answer.value, this.capabilities());
    if (!read.ok)
      return refuse(488, read.error.code, read.error.text, "The other phone's answer does not fit the call");
    const running = this.run(offered, answer.value, read.value.audio);
    if (running.ok) this.heldHere = this.holdWanted;
    return running;
  }

  private localSession(): { address: string; sessionId: string } {
    return { address: this.environment.localAddress, sessionId: this.sessionId };
  }

  private capabilities(): AudioCapabilities {
    const wanted = this.account?.codecs ?? [];
    const codecs = wanted.flatMap((name) => g711Capabilities.codecs.filter((codec) => codec.name === name));
    return { ...g711Capabilities, codecs };
  }

  private noKeying(): Outcome<never> {
    return refuse(
      488,
      "no-keying-configured",
      "secured call required",
      "No key or certificate is configured, and this account makes private calls only",
    );
  }

  private unacceptable(code: string, text: string): Outcome<never> {
    const why: Record<string, string> = {
      "no-secured-line": "secured call required: offer RTP/SAVP with a=key-mgmt:mikey",
      "no-keying": "RTP/SAVP needs a=key-mgmt:mikey",
      "no-clear-line": "only RTP/AVP is accepted here",
    };
    const renamed: Record<string, string> = { "no-keying": "missing-key-mgmt", "no-secured-line": "not-secured" };
    return refuse(
      488,
      renamed[code] ?? code,
      why[code] ?? text,
      "The caller's phone could not make the call private the way this one wants it",
    );
  }
}

function body(description: SessionDescription): SipBody {
  return { type: SDP_TYPE, content: new TextEncoder().encode(print(description)) };
}

function readSdp(message: SipMessage): Outcome<SessionDescription> {
  const found = findBody(message, [SDP_TYPE]);
  if (!found.ok)
    return refuse(
      415,
      "unsupported-media",
      `cannot read ${found.error.text}`,
      "The other phone described the call in an unknown way",
    );
  if (!found.value)
    return refuse(488, "missing-sdp", "no session description", "The other phone sent no description of the call");
  const parsed = parse(found.value.content);
  if (!parsed.ok)
    return refuse(
      488,
      "bad-sdp",
      `session description: ${parsed.error.text}`,
      "The other phone's description of the call is broken",
    );
  return { ok: true, value: parsed.value };
}
