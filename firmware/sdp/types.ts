// A session description as data (RFC 8866); unknown lines and attributes are kept.

/** `a=name` or `a=name:value`. */
export interface SdpAttribute {
  readonly name: string;
  readonly value?: string;
}

/** `c=IN IP4 host`. */
export interface SdpConnection {
  readonly netType: string;
  readonly addrType: "IP4" | "IP6" | string;
  readonly address: string;
}

/** `o=` line. Session id and version are decimal strings: they may exceed 53 bits. */
export interface SdpOrigin {
  readonly username: string;
  readonly sessionId: string;
  readonly sessionVersion: string;
  readonly netType: string;
  readonly addrType: string;
  readonly address: string;
}

/** One `m=` section. */
export interface SdpMedia {
  readonly type: string;
  /** 0: refused or disabled. */
  readonly port: number;
  readonly portCount?: number;
  /** E.g. `"RTP/SAVP"`. */
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly title?: string;
  readonly connection?: SdpConnection;
  readonly bandwidth: readonly string[];
  readonly attributes: readonly SdpAttribute[];
  /** `k=`, unknown lines and further `c=` lines of this section, as `[letter, value]`; absent: none. */
  readonly other?: readonly (readonly [string, string])[];
}

/** A whole description: the session part and its media sections in order. */
export interface SessionDescription {
  readonly origin: SdpOrigin;
  readonly sessionName: string;
  readonly connection?: SdpConnection;
  readonly bandwidth: readonly string[];
  /** `t=`, `r=`, `z=` lines in order, as `["t", "0 0"]`. */
  readonly timing: readonly (readonly [string, string])[];
  /** `i=`, `u=`, `e=`, `p=`, `k=` and unknown session-level lines, as `[letter, value]`. */
  readonly other: readonly (readonly [string, string])[];
  readonly attributes: readonly SdpAttribute[];
  readonly media: readonly SdpMedia[];
}
