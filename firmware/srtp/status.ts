// What protecting or unprotecting a packet can answer instead of a length. Numbers, because packets are refused at line rate.

/** Negative results of the per-packet functions; anything from 0 up is a length in bytes. */
export const SrtpStatus = {
  /** Not an RTP (RTCP) packet of version 2, or its header does not fit into it, or it is longer than one keystream. */
  malformed: -1,
  /** The authentication tag is not the packet's (RFC 3711 section 4.2). Nothing was changed. */
  badTag: -2,
  /** The index was accepted before, or lies behind the replay window (RFC 3711 section 3.3.2). */
  replayed: -3,
  /** The packet names another master key than the one here (RFC 3711 section 3.1). */
  unknownMki: -4,
  /** A further SSRC, while the context already holds as many as it was made for. */
  tooManyStreams: -5,
  /** The stream's index space is used up: 2^48 RTP or 2^31 RTCP packets (RFC 3711 section 9.2). */
  keyLimit: -6,
  /** Sender only: this index was protected before; a second time would repeat the keystream (RFC 3711 section 9.1). */
  indexUsed: -7,
  /** The context was closed and holds no keys any more. */
  closed: -8,
} as const;

/** One of {@link SrtpStatus}' values. */
export type SrtpStatusCode = (typeof SrtpStatus)[keyof typeof SrtpStatus];

/** Names for counters and logs, in the words of the voice path's `dropped` statistics. */
export type SrtpStatusName =
  | "ok"
  | "malformed"
  | "bad-tag"
  | "replayed"
  | "unknown-mki"
  | "too-many-streams"
  | "key-limit"
  | "index-used"
  | "closed";

const names: readonly SrtpStatusName[] = [
  "ok",
  "malformed",
  "bad-tag",
  "replayed",
  "unknown-mki",
  "too-many-streams",
  "key-limit",
  "index-used",
  "closed",
];

/**
 * Name of a per-packet result: `"ok"` for a length (0 and up).
 * @throws RangeError when `code` is a negative number that is no status.
 */
export function statusName(code: number): SrtpStatusName {
  if (code >= 0) return "ok";
  const name = names[-code];
  if (name === undefined) throw new RangeError(`no SRTP status has the number ${code}`);
  return name;
}
