// RTCP packets as data (RFC 3550 section 6): sender and receiver reports, source description, goodbye, application, and the rest as bytes.

/** One reception report (RFC 3550 section 6.4.1). */
export interface ReportBlock {
  /** The source reported on. */
  readonly ssrc: number;
  /** Share lost since the last report, in 1/256. */
  readonly fractionLost: number;
  /** Packets lost since the beginning, signed 24 bits (duplicates make it negative). */
  readonly cumulativeLost: number;
  /** Extended highest sequence number received, 32 bits. */
  readonly highestSequence: number;
  /** Interarrival jitter, clock ticks. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP timestamp of the last sender report; 0: none yet. */
  readonly lastSenderReport: number;
  /** Since that report arrived, in 1/65536 s. */
  readonly delaySinceLastSenderReport: number;
}

/** SR. */
export interface SenderReport {
  readonly type: "sr";
  readonly ssrc: number;
  /** When it was sent: 64-bit NTP timestamp. */
  readonly ntp: bigint;
  /** The same moment as an RTP timestamp. */
  readonly rtpTimestamp: number;
  /** Since the beginning, modulo 2^32; octets of payload only. */
  readonly packets: number;
  readonly octets: number;
  /** At most 31. */
  readonly reports: readonly ReportBlock[];
  /** Profile-specific, a multiple of 4 bytes. */
  readonly extension?: Uint8Array;
}

/** RR. */
export interface ReceiverReport {
  readonly type: "rr";
  readonly ssrc: number;
  readonly reports: readonly ReportBlock[];
  readonly extension?: Uint8Array;
}

/** Item types of a source description, RFC 3550 section 6.5. */
export const SdesType = { cname: 1, name: 2, email: 3, phone: 4, location: 5, tool: 6, note: 7, private: 8 } as const;

/** SDES. */
export interface SourceDescription {
  readonly type: "sdes";
  /** At most 31. */
  readonly chunks: readonly {
    readonly ssrc: number;
    /** Texts of at most 255 bytes of UTF-8; `type` as in {@link SdesType}. */
    readonly items: readonly { readonly type: number; readonly text: string }[];
  }[];
}

/** BYE. */
export interface Goodbye {
  readonly type: "bye";
  /** At most 31. */
  readonly sources: readonly number[];
  /** At most 255 bytes of UTF-8. */
  readonly reason?: string;
}

/** APP. */
export interface ApplicationPacket {
  readonly type: "app";
  readonly ssrc: number;
  /** 0-31. */
  readonly subtype: number;
  /** Four ASCII characters. */
  readonly name: string;
  /** A multiple of 4 bytes. */
  readonly data: Uint8Array;
}

/** Any other packet: feedback (RFC 4585), extended reports (RFC 3611), ... */
export interface OtherRtcp {
  readonly type: "other";
  readonly packetType: number;
  /** The five bits after version and padding. */
  readonly count: number;
  /** Everything after the first word, without padding; a multiple of 4 bytes. */
  readonly body: Uint8Array;
}

/** One packet of a compound. */
export type RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye | ApplicationPacket | OtherRtcp;

/** Packet type numbers of RFC 3550. */
export const RtcpType = { sr: 200, rr: 201, sdes: 202, bye: 203, app: 204 } as const;
