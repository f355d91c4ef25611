// What a stream hears: packets into the jitter buffer as they arrive, samples out of it as the earpiece asks for them.

import type { Codec } from "../audio/index.js";
import { JitterBuffer, Pull, Put, type RtpPacket } from "../rtp/index.js";

/** Longest payload taken, bytes: 120 ms of G.711. */
const MAX_PAYLOAD = 960;
/** Packets held at most. */
const SLOTS = 64;
/** A frame with no sample beyond this is a pause, in which the delay may change unheard. */
const QUIET_PEAK = 250;

/** Jitter buffer, decoder and concealment of one stream. Allocates only in the constructor. */
export class Incoming {
  private readonly jitter: JitterBuffer;
  /** Decoded samples that were not asked for yet: `pcm[at, end)`. */
  private readonly pcm: Int16Array;
  /** A view of each of the buffer's slots, where payloads are decoded in place. */
  private readonly payloads: readonly Uint8Array[];
  private at = 0;
  private end = 0;
  /** The decoded samples are silence because nothing came, not because the peer is quiet. */
  private idle = true;
  private quiet = true;
  private codec: Codec | undefined;

  /** @param codecs by payload type; whatever the stream negotiated in its life. @param rate RTP clock and sampling rate, Hz. */
  constructor(
    private readonly codecs: readonly (Codec | undefined)[],
    rate: number,
  ) {
    this.jitter = new JitterBuffer({ clockRate: rate, maxPayload: MAX_PAYLOAD, slots: SLOTS });
    const { data } = this.jitter;
    this.payloads = Array.from({ length: SLOTS }, (_, i) => data.subarray(i * MAX_PAYLOAD, (i + 1) * MAX_PAYLOAD));
    this.pcm = new Int16Array(MAX_PAYLOAD * 2);
  }

  get late(): number {
    return this.jitter.late;
  }
  get concealed(): number {
    return this.jitter.concealed;
  }
  /** Delay the buffer adds now, ms. */
  get bufferMs(): number {
    return this.jitter.packets > 0 ? Math.max(0, this.jitter.delayMs) : 0;
  }

  /** Forgets what is buffered: another source speaks, or nobody is listened to. */
  reset(): void {
    this.jitter.reset();
    this.codec?.concealment.reset();
    this.at = this.end = 0;
    this.idle = this.quiet = true;
  }

  /** Takes a packet with a codec's payload. @returns false: its length makes no sense. */
  put(packet: RtpPacket, arrivalMs: number): boolean {
    const codec = this.codecs[packet.payloadType];
    if (!codec || packet.payloadLength === 0) return false;
    return this.jitter.put(packet, arrivalMs, codec.format.maxSamples(packet.payloadLength)) !== Put.refused;
  }

  /** Takes note of a packet that stands where sound would (a digit): it is no loss. */
  pass(packet: RtpPacket): void {
    this.jitter.pass(packet);
  }

  /** Fills `out[0, samples)`. @returns false: nothing is heard; `out` is then not fully written. */
  playInto(out: Int16Array, samples: number, nowMs: number): boolean {
    const { pcm } = this;
    let heard = false;
    for (let done = 0; done < samples; ) {
      if (this.at === this.end) this.pull(nowMs);
      const count = Math.min(samples - done, this.end - this.at);
      for (let i = 0; i < count; i++) out[done + i] = pcm[this.at + i];
      if (!this.idle) heard = true;
      this.at += count;
      done += count;
    }
    return heard;
  }

  /** Decodes, conceals or is silent for the next few samples. */
  private pull(nowMs: number): void {
    const { jitter, pcm } = this;
    const pull = jitter.get(nowMs, this.quiet);
    let samples = Math.min(pcm.length, Math.max(1, Math.round(jitter.samples)));
    this.at = 0;
    this.idle = pull === Pull.empty;
    if (pull === Pull.packet) {
      const codec = this.codecs[jitter.payloadType]!;
      if (codec !== this.codec) {
        this.codec?.concealment.reset();
        this.codec = codec;
      }
      const decoded = codec.decodeInto(pcm, this.payloads[jitter.offset / MAX_PAYLOAD], jitter.length);
      if (decoded > 0) {
        samples = decoded;
        codec.concealment.received(pcm, samples);
      } else codec.concealment.concealInto(pcm, samples);
    } else if (pull === Pull.conceal && this.codec) this.codec.concealment.concealInto(pcm, samples);
    else {
      this.idle = true;
      for (let i = 0; i < samples; i++) pcm[i] = 0;
    }
    this.end = samples;
    this.quiet = this.isQuiet(samples);
  }

  private isQuiet(samples: number): boolean {
    const { pcm } = this;
    for (let i = 0; i < samples; i++) if (pcm[i] > QUIET_PEAK || pcm[i] < -QUIET_PEAK) return false;
    return true;
  }
}
