// What a stream says: captured samples into frames of a packet time, encoded behind an RTP header.

import type { Codec } from "../audio/index.js";
import { RTP_HEADER_BYTES, writeRtpHeaderInto } from "../rtp/index.js";
import { SRTP_MAX_TRAILER } from "../srtp/index.js";
import type { DigitSender } from "./digit-sender.js";

/**
 * Packet buffers that take turns. The kernel takes a datagram at once as a rule; when its queue is full, libuv keeps a reference until it
 * drains. Sixteen packets are 160 ms or more: a queue that stands still longer has lost the voice anyway.
 */
const BUFFERS = 16;

/** What takes finished packets. */
export interface PacketOutlet {
  /** False: nothing may or can leave now; the voice of this moment is not said, its time passes. */
  readonly open: boolean;
  /** Takes the RTP packet in `buffer[0, length)`, which has room for an SRTP trailer, and may change it in place. */
  sendRtp(buffer: Uint8Array, length: number): void;
}

/** Framing, encoding and numbering of one stream. Allocates only in {@link configure}. */
export class Outgoing {
  /** Replaces voice by silence. */
  muted = false;
  private codec: Codec | undefined;
  private payloadType = 0;
  private frame = new Int16Array(0);
  private filled = 0;
  private buffers: Uint8Array[] = [];
  /** Where each buffer's payload goes. */
  private payloads: Uint8Array[] = [];
  private turn = 0;
  /** The next packet begins a talkspurt (RFC 3551 section 4.1). */
  private marker = true;

  /**
   * @param ssrc may change: see {@link Stream}.
   * @param sequence of the first packet; below 2^15, so that a lost beginning does not lead an SRTP receiver astray (RFC 3711 section 3.3.1).
   * @param timestamp of the first sample of the frame being filled.
   */
  constructor(
    public ssrc: number,
    public sequence: number,
    public timestamp: number,
    private readonly digits: DigitSender,
    private readonly outlet: PacketOutlet,
  ) {}

  /** What to send from now on. Numbering goes on. */
  configure(codec: Codec, payloadType: number, ptimeMs: number): void {
    const samples = codec.format.samplesPerFrame(ptimeMs);
    if (codec !== this.codec || samples !== this.frame.length) {
      this.skip(0);
      const bytes = RTP_HEADER_BYTES + codec.format.maxBytes(samples) + SRTP_MAX_TRAILER;
      this.frame = new Int16Array(samples);
      this.buffers = Array.from({ length: BUFFERS }, () => new Uint8Array(bytes));
      this.payloads = this.buffers.map((buffer) => buffer.subarray(RTP_HEADER_BYTES));
      this.codec = codec;
    }
    this.payloadType = payloadType;
  }

  /** Takes captured samples; every full frame becomes a packet. */
  capture(pcm: Int16Array, samples: number): void {
    const { frame } = this;
    for (let at = 0; at < samples; ) {
      const count = Math.min(samples - at, frame.length - this.filled);
      if (this.muted) for (let i = 0; i < count; i++) frame[this.filled + i] = 0;
      else for (let i = 0; i < count; i++) frame[this.filled + i] = pcm[at + i];
      this.filled += count;
      at += count;
      if (this.filled === frame.length) this.finish();
    }
  }

  /** `samples` of time passed that were not captured. The frame begun is given up. */
  skip(samples: number): void {
    this.timestamp = (this.timestamp + this.filled + samples) >>> 0;
    this.filled = 0;
    this.marker = true;
  }

  /** The source got another SSRC: numbering starts anew (RFC 3550 section 8.2). */
  restart(ssrc: number, sequence: number): void {
    this.ssrc = ssrc;
    this.sequence = sequence;
    this.marker = true;
  }

  /** The frame is full: sends it, or lets its time pass. */
  private finish(): void {
    const { frame, outlet, digits } = this;
    if (!outlet.open) {
      digits.abandon();
      this.skip(0);
      return;
    }
    const events = digits.packetsFor(this.timestamp, frame.length);
    if (events > 0) {
      for (let i = 0; i < events; i++) {
        const buffer = this.nextBuffer();
        this.send(buffer, digits.writeInto(buffer, i, this.sequence, this.ssrc));
      }
    } else {
      digits.replace(frame, frame.length);
      const buffer = this.nextBuffer();
      const header = writeRtpHeaderInto(
        buffer,
        this.marker,
        this.payloadType,
        this.sequence,
        this.timestamp,
        this.ssrc,
      );
      const bytes = this.codec!.encodeInto(this.payloads[this.turn], frame, frame.length);
      this.send(buffer, header + bytes);
    }
    this.marker = false;
    this.timestamp = (this.timestamp + frame.length) >>> 0;
    this.filled = 0;
  }

  private nextBuffer(): Uint8Array {
    this.turn = (this.turn + 1) % BUFFERS;
    return this.buffers[this.turn];
  }

  private send(buffer: Uint8Array, length: number): void {
    this.outlet.sendRtp(buffer, length);
    this.sequence = (this.sequence + 1) & 0xffff;
  }
}
