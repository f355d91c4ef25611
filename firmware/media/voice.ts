// The face the voice path shows to signalling: a handful of messages, never samples. Implemented over a worker thread.

import type { SrtpKeys } from "../srtp/keys.js";

/** Direction of a stream as we see it (RFC 3264 section 5.1). */
export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

/** A negotiated codec, in SDP's words. */
export interface CodecChoice {
  /** RTP payload type, 0-127. */
  readonly payloadType: number;
  /** Encoding name, upper case, e.g. `"PCMU"`. */
  readonly name: string;
  /** RTP clock rate, Hz. */
  readonly clockRate: number;
}

/** How a stream is opened: before anything is known of the peer. */
export interface StreamOptions {
  /** Number of the call, for trace points and events. */
  readonly call: number;
  /** Our SSRC, 32 bits. */
  readonly ssrc: number;
  /** RTCP canonical name (RFC 3550 section 6.5.1; a random one per call as in RFC 7022). */
  readonly cname: string;
}

/** What offer/answer agreed on. */
export interface StreamParameters {
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** RTCP port of the peer (remotePort + 1 unless a=rtcp says otherwise). */
  readonly remoteRtcpPort: number;
  readonly codec: CodecChoice;
  /** Payload type of telephone-event (RFC 4733) in what we send, when agreed on. */
  readonly telephoneEventSend?: number;
  /** Payload type of telephone-event in what we receive. */
  readonly telephoneEventReceive?: number;
  /** Packet time to send, ms. */
  readonly ptimeMs: number;
  readonly direction: Direction;
  /**
   * `"srtp"`: nothing leaves and nothing is played before keys are there, and never anything clear.
   * `"clear"`: plain RTP/AVP. Cannot change from srtp to clear within a stream's life.
   */
  readonly security: "srtp" | "clear";
}

/** Counters of one stream. Times in ms. */
export interface StreamStatistics {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  /** Sequence numbers that never came, RFC 3550 appendix A.3. */
  readonly packetsLost: number;
  /** Came after their turn to be played. */
  readonly packetsLate: number;
  /** Periods filled by concealment. */
  readonly concealed: number;
  /** Interarrival jitter, RFC 3550 section 6.4.1, ms. */
  readonly jitterMs: number;
  /** What the jitter buffer holds now, ms. */
  readonly bufferMs: number;
  /** Round-trip time from RTCP, when the peer reports. */
  readonly roundTripMs?: number;
  /**
   * From the other end's mouth to our ear, ms, as far as this end can tell: half the round trip, what the jitter buffer holds, one packet,
   * what waits in our card to be played, and in place of the other card what waits in ours to be delivered.
   */
  readonly mouthToEarMs?: number;
  /** Packets dropped, by reason: `bad-tag`, `replayed`, `clear-refused`, `malformed`, `wrong-payload`, `wrong-source`, `no-keys`. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Times the sound card over- or under-ran during the call. */
  readonly xruns: number;
}

/** What a stream tells. */
export interface StreamEvents {
  /** The first packet of each direction; monotonic ms. */
  firstPacket(direction: "sent" | "received", atMs: number): void;
  /** A DTMF digit of the peer ended (or was seen to begin, where its end got lost). */
  digit(digit: string, durationMs: number): void;
  /** No packet for a while, though the direction expects some; `silentMs` since the last. Repeated while it lasts. */
  silent(silentMs: number): void;
  /** The key we send with is nearly used up (RFC 3711 section 9.2): time to agree on another; or it is, and nothing is sent any more. */
  keyAge?(kind: "expiring" | "expired"): void;
}

/** The ports of a stream. */
export interface PortNumbers {
  readonly rtpPort: number;
  /** One above. */
  readonly rtcpPort: number;
}

/** Ports bound before a stream wants them, so that whoever has a message to write knows them already. */
export interface VoiceAhead {
  /** From now on some ports are always bound and told, each for one {@link openAt}. */
  offerPorts(tell: (ports: PortNumbers) => void): void;
  /** {@link Voice.open} with ports that were told; at once. @throws Error when they were not, or the voice is closed. */
  openAt(rtpPort: number, options: StreamOptions, events: StreamEvents): VoiceStream;
}

/** Tones the earpiece plays on its own. */
export type Tone = "ringback" | "busy" | "error" | "call-waiting" | "key";

/** One call's voice. */
export interface VoiceStream {
  /** Local RTP port (RTCP is one above). */
  readonly rtpPort: number;
  readonly rtcpPort: number;
  /** Keys for sending and receiving; again on a re-key. The arrays are copied, the caller wipes its own. */
  keys(tx: SrtpKeys, rx: SrtpKeys): void;
  /**
   * Other keys for a running stream, without losing a packet: those under way under the old ones are still taken (see
   * `SrtpContext.replaceKeys`). `now`: we send under the new ones from the next packet on. `confirmed`: when the peer is known to have
   * them, which its first packet under them or {@link confirmKeys} says. Resolves when packets under the new keys are taken; the arrays
   * are copied.
   */
  rekey(tx: SrtpKeys, rx: SrtpKeys, sending: "now" | "confirmed"): Promise<void>;
  /** The peer has the keys of the last {@link rekey}. */
  confirmKeys(): void;
  /** Starts, or changes after a re-offer. @throws Error when it would turn an srtp stream into a clear one. */
  start(parameters: StreamParameters): void;
  /** Sends a DTMF digit as telephone-event. `durationMs` 40-6000. */
  digit(digit: string, durationMs: number): void;
  mute(on: boolean): void;
  statistics(): Promise<StreamStatistics>;
  /** Sends RTCP BYE, closes the sockets, wipes keys; resolves with the last statistics. */
  close(): Promise<StreamStatistics>;
}

/** What the sound card tells. */
export interface VoiceEvents {
  device(event: { readonly type: "lost" | "back" | "xrun"; readonly text: string }): void;
  /** The voice thread died; every stream is gone. */
  failed(text: string): void;
}

/** A sound card by the name of its driver: plain data. */
export interface CardChoice {
  readonly driver: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Sound that can move. */
export interface VoiceRouting {
  /**
   * Moves all sound to another card, or back to the phone's own (undefined). Calls go on: until the card is open periods pass in silence.
   */
  useCard(card: CardChoice | undefined): void;
}

/** The phone's voice. */
export interface Voice {
  /** Binds the ports of a stream; a pair is kept ready so that this costs one message round trip. */
  open(options: StreamOptions, events: StreamEvents): Promise<VoiceStream>;
  /** Plays a tone until told otherwise; undefined: silence. */
  tone(tone: Tone | undefined): void;
  /** Earpiece volume 0 to 1. */
  volume(level: number): void;
  close(): Promise<void>;
}
