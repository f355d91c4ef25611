// The voice stream of one call and what offer/answer made of it so far.

import { isIP } from "node:net";
import type { StreamParameters, StreamStatistics, VoiceStream } from "../media/voice.js";
import { type AudioCapabilities, type NegotiatedAudio, type SessionDescription, sends } from "../sdp/index.js";
import type { CallIdentity } from "./call.js";
import { capabilitiesOf } from "./descriptions.js";
import type { CallAccount, CallEnvironment } from "./environment.js";
import { type Outcome, refuse } from "./reasons.js";

/** What the call is told of its voice. */
export interface MediaSessionEvents {
  /** Security or codec changed. */
  changed(): void;
  silent(silentMs: number): void;
  /** The first voice packet of the peer. */
  heard(): void;
  digit(digit: string, durationMs: number): void;
  /** The key we send with is nearly used up, or used up. */
  keyAge(kind: "expiring" | "expired"): void;
}

/** Both halves of a finished exchange and what they agreed on. */
export interface FinishedExchange {
  readonly local: SessionDescription;
  readonly remote: SessionDescription;
  readonly audio: NegotiatedAudio;
}

const none: readonly string[] = [];
/** By lists of codecs; an account's stays the same. */
const able = new WeakMap<readonly string[], AudioCapabilities>();

export class MediaLine {
  account: CallAccount | undefined;
  peerUri = "";
  readonly ssrc: number;
  readonly sessionId: string;
  /** The last finished exchange. */
  current: FinishedExchange | undefined;
  /** An offer of ours on its way. */
  offered: SessionDescription | undefined;
  stream: VoiceStream | undefined;
  /** We hold the call. */
  heldHere = false;
  /** True once close() has finished. */
  closed = false;
  private opening: Promise<Outcome<VoiceStream>> | undefined;
  private ending: Promise<StreamStatistics | undefined> | undefined;

  constructor(
    readonly environment: CallEnvironment,
    readonly identity: CallIdentity,
    private readonly events: MediaSessionEvents,
  ) {
    const random = Buffer.from(environment.random(12));
    this.ssrc = random.readUInt32BE(0);
    // RFC 8866 asks for uniqueness; 62 bits keep within what everybody parses.
    this.sessionId = (random.readBigUInt64BE(4) >> 2n).toString();
  }

  get closing(): boolean {
    return this.ending !== undefined;
  }

  get localSession(): { readonly address: string; readonly sessionId: string } {
    return { address: this.environment.localAddress, sessionId: this.sessionId };
  }

  /** What the account's codecs let us do. */
  get capabilities(): AudioCapabilities {
    const codecs = this.account?.codecs ?? none;
    let capabilities = able.get(codecs);
    if (!capabilities) {
      capabilities = capabilitiesOf(codecs);
      able.set(codecs, capabilities);
    }
    return capabilities;
  }

  open(): Promise<Outcome<VoiceStream>> {
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
          keyAge: events.keyAge,
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

  /** Whether {@link run} can be done with what an exchange agreed on, as far as can be seen before. */
  check({ remoteAddress, remoteRtcpAddress }: NegotiatedAudio): Outcome<void> {
    if (isIP(remoteAddress) !== 0 && isIP(remoteRtcpAddress) !== 0) return { ok: true, value: undefined };
    return refuse(
      488,
      "no-address",
      "the media address is not an IP address",
      "The other phone's media address cannot be used",
    );
  }

  /** Starts the voice, or changes it, with what an exchange agreed on. */
  run(local: SessionDescription, remote: SessionDescription, audio: NegotiatedAudio): Outcome<void> {
    const { remoteAddress } = audio;
    const possible = this.check(audio);
    if (!possible.ok) return possible;
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
    this.current = { local, remote, audio };
    this.offered = undefined;
    return { ok: true, value: undefined };
  }

  /** Stops the voice. Resolves with the stream's last statistics; never rejects. */
  close(): Promise<StreamStatistics | undefined> {
    this.ending ??= (async () => {
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
    return this.ending;
  }
}
