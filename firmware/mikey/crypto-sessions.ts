// The crypto sessions of a bundle: their map (one session per direction in a call, RFC 4567 section 7.1) and their keys.

import { ok } from "../runtime/result.js";
import type { SrtpKeys } from "../srtp/keys.js";
import { copy } from "./bytes.js";
import { type MikeyResult, refuse } from "./errors.js";
import type { Header, SrtpSession } from "./header.js";
import { type AgreedKey, packetIndex } from "./key-data.js";
import { mikey1, type Prf, TgkKeys } from "./prf.js";
import { type SrtpUse, suiteKeyLengths } from "./srtp-policy.js";

/** A master key of SRTP and when it is valid. */
export interface MasterKey {
  /** SRTP master key. */
  readonly tek: Uint8Array;
  /** SRTP master salt. */
  readonly salt: Uint8Array;
  readonly mki?: Uint8Array;
  /** First and last packet index the key protects (48 bits); absent: all. */
  readonly indices?: { readonly from: number; readonly to: number };
}

/** Keys, place and protection of one crypto session. */
export interface CryptoSession extends MasterKey, SrtpUse {
  /** Counted from 1. */
  readonly csId: number;
  /** SSRC its packets must carry; 0: its sender, who answers nothing, has not said it. */
  readonly ssrc: number;
  readonly roc: number;
  /** Whether we send or receive it. */
  readonly direction: "sent" | "received";
  /** Further keys of the session, told apart by their MKIs. */
  readonly more: readonly MasterKey[];
}

/** The map of an offer: for each stream of ours an odd session with its SSRC, and an even one for the responder's (section 6.1.1). */
export function offeredSessions(ssrcs: readonly number[], isOneWay = false): readonly SrtpSession[] {
  const sessions: SrtpSession[] = [];
  for (const ssrc of ssrcs) {
    sessions.push({ policy: 0, ssrc, roc: 0 });
    if (!isOneWay) sessions.push({ policy: 0, ssrc: 0, roc: 0 });
  }
  return sessions;
}

/** What the map of an offer must look like: `pairs` as {@link offeredSessions} makes them, `any` as it comes. */
export type MapShape = "pairs" | "any";

/**
 * Fills our SSRCs into an offered map, one for each session that is still open.
 * @param known sessions of a running bundle, which the map must begin with.
 */
export function answeredSessions(
  sessions: readonly SrtpSession[],
  ssrcs: readonly number[],
  shape: MapShape,
  known: readonly SrtpSession[] = [],
): MikeyResult<readonly SrtpSession[]> {
  const isKept = known.every((one, i) => sessions[i]?.ssrc === one.ssrc);
  if (!isKept) return refuse("unsupported-crypto-sessions", "the update changes sessions of the running bundle");
  const added = sessions.slice(known.length);
  if (shape === "pairs") {
    const wanted = known.length > 0 ? added.length : 2 * ssrcs.length;
    if (added.length !== wanted || added.length % 2 !== 0)
      return refuse(
        "unsupported-crypto-sessions",
        `${added.length} crypto sessions offered, ${ssrcs.length === 1 ? "one stream has 2" : `${wanted} are needed`}`,
      );
    if (added.some(({ ssrc }, i) => (ssrc === 0) !== (i % 2 === 1)))
      return refuse(
        "unsupported-crypto-sessions",
        "odd sessions must name the initiator's SSRC, even ones leave ours open",
      );
  }
  const open = added.filter(({ ssrc }) => ssrc === 0).length;
  if (open > ssrcs.length)
    return refuse("unsupported-crypto-sessions", `${open} sessions wait for an SSRC, we have ${ssrcs.length}`);
  let at = 0;
  const filled = added.map((session) => (session.ssrc === 0 ? { ...session, ssrc: ssrcs[at++] } : session));
  return ok([...sessions.slice(0, known.length), ...filled]);
}

/** Whether an answer's header belongs to our offer: same bundle, our sessions untouched, theirs filled in. */
export function checkAnswerHeader(
  offer: Header,
  answer: Header,
  policies: readonly number[] | undefined,
): MikeyResult<undefined> {
  const keeps = (number: number, i: number) =>
    number === offer.sessions[i].policy || (policies?.includes(number) ?? false);
  const isSame =
    answer.csbId === offer.csbId &&
    answer.prf === offer.prf &&
    answer.mapType === offer.mapType &&
    answer.sessionCount === offer.sessionCount &&
    answer.sessions.length === offer.sessions.length &&
    answer.sessions.every(
      (session, i) =>
        keeps(session.policy, i) &&
        (offer.sessions[i].ssrc === 0 ||
          (session.ssrc === offer.sessions[i].ssrc && session.roc === offer.sessions[i].roc)),
    );
  if (!isSame) return refuse("response-mismatch", "the answer's header does not belong to our offer");
  if (answer.sessions.some(({ ssrc }) => ssrc === 0))
    return refuse("response-mismatch", "the answer leaves the responder's SSRC open");
  return ok(undefined);
}

function indicesOf({ validity }: AgreedKey): MasterKey["indices"] {
  if (validity.kind !== "interval") return undefined;
  return { from: packetIndex(validity.from), to: packetIndex(validity.to) };
}

/** Whether a key can serve sessions of a suite. */
function checkKey(key: AgreedKey, { suite }: SrtpUse): MikeyResult<undefined> {
  const lengths = suiteKeyLengths(suite);
  if (key.salt && key.salt.length !== lengths.salt)
    return refuse("unsupported-key-data", `a salt of ${key.salt.length} bytes, ${suite} needs ${lengths.salt}`);
  const wanted = key.salt ? lengths.key : lengths.key + lengths.salt;
  if (key.kind === "tgk" || key.key.length === wanted) return ok(undefined);
  return refuse(
    "unsupported-key-data",
    `a TEK of ${key.key.length} bytes ${key.salt ? "with" : "without"} salt, ${suite} needs ${lengths.key}`,
  );
}

/** Each session has a key of its own: as many TEKs as sessions, and nothing else tells them apart. */
function isOneEach(keys: readonly AgreedKey[], sessionCount: number): boolean {
  return (
    keys.length > 1 &&
    keys.length === sessionCount &&
    keys.every(({ kind, validity }) => kind === "tek" && validity.kind !== "spi")
  );
}

/** Whether keys can serve sessions of these kinds, before anything is derived or answered. */
export function checkKeys(keys: readonly AgreedKey[], uses: readonly SrtpUse[]): MikeyResult<undefined> {
  if (keys.length === 0) return refuse("unsupported-key-data", "the message brings no key");
  const isEach = isOneEach(keys, uses.length);
  if (!isEach && keys.length > 1 && keys.some(({ validity }) => validity.kind !== "spi"))
    return refuse(
      "unsupported-key-data",
      `${keys.length} keys for ${uses.length} sessions and nothing to tell them apart`,
    );
  for (const [i, use] of uses.entries())
    for (const key of isEach ? [keys[i]] : keys) {
      const usable = checkKey(key, use);
      if (!usable.ok) return usable;
    }
  return ok(undefined);
}

/**
 * A session's master key from an agreed one. A TEK is taken as it is; one of 30 bytes (46 with a 256-bit key) without a salt
 * is key and salt in one, as RTSP cameras write it.
 */
function masterKey(key: AgreedKey, tgk: TgkKeys | undefined, csId: number, { suite }: SrtpUse): MasterKey {
  const lengths = suiteKeyLengths(suite);
  const indices = indicesOf(key);
  const mki = key.validity.kind === "spi" ? { mki: copy(key.validity.spi) } : {};
  const given = tgk ? tgk.derive("tek", csId, lengths.key) : copy(key.key.subarray(0, lengths.key));
  const more = key.salt ?? key.key.subarray(lengths.key);
  const salt = tgk && !key.salt ? tgk.derive("salt", csId, lengths.salt) : copy(more);
  return { tek: given, salt, ...mki, ...(indices ? { indices } : {}) };
}

/** What the sessions of a bundle are derived from. */
export interface BundleKeys {
  readonly keys: readonly AgreedKey[];
  readonly csbId: number;
  readonly rand: Uint8Array;
  /** Default: RFC 3830's. */
  readonly prf?: Prf;
}

/**
 * Derives master key and salt of each session (section 4.1.3). As many TEKs as sessions: each session has its own; otherwise every
 * session uses all keys, the first to send with.
 */
export function deriveSessions(
  bundle: BundleKeys,
  sessions: readonly SrtpSession[],
  uses: readonly SrtpUse[],
  isSent: (session: SrtpSession, index: number) => boolean,
): MikeyResult<CryptoSession[]> {
  const { keys, csbId, rand, prf = mikey1 } = bundle;
  const usable = checkKeys(keys, uses);
  if (!usable.ok) return usable;
  const tgks = keys.map((one) => (one.kind === "tgk" ? new TgkKeys(one.key, csbId, rand, prf) : undefined));
  for (const tgk of tgks) tgk?.prepare(sessions.length);
  const isEach = isOneEach(keys, sessions.length);
  const all = sessions.map((session, i): CryptoSession => {
    const masters = isEach
      ? [masterKey(keys[i], undefined, i + 1, uses[i])]
      : keys.map((key, k) => masterKey(key, tgks[k], i + 1, uses[i]));
    return new Session(i + 1, session, uses[i], isSent(session, i) ? "sent" : "received", masters);
  });
  for (const tgk of tgks) tgk?.wipe();
  return ok(all);
}

class Session implements CryptoSession {
  readonly suite: SrtpUse["suite"];
  readonly ssrc: number;
  readonly roc: number;
  readonly tek: Uint8Array;
  readonly salt: Uint8Array;
  readonly more: readonly MasterKey[];
  declare readonly mki?: Uint8Array;
  declare readonly indices?: NonNullable<MasterKey["indices"]>;
  declare readonly kdr?: number;
  declare readonly unencryptedRtp?: boolean;
  declare readonly unencryptedRtcp?: boolean;
  declare readonly unauthenticatedRtp?: boolean;

  constructor(
    readonly csId: number,
    { ssrc, roc }: SrtpSession,
    { suite, kdr, unencryptedRtp, unencryptedRtcp, unauthenticatedRtp }: SrtpUse,
    readonly direction: CryptoSession["direction"],
    [first, ...more]: readonly MasterKey[],
  ) {
    this.suite = suite;
    this.ssrc = ssrc;
    this.roc = roc;
    this.tek = first.tek;
    this.salt = first.salt;
    this.more = more;
    if (first.mki) this.mki = first.mki;
    if (first.indices) this.indices = first.indices;
    if (kdr !== undefined) this.kdr = kdr;
    if (unencryptedRtp) this.unencryptedRtp = true;
    if (unencryptedRtcp) this.unencryptedRtcp = true;
    if (unauthenticatedRtp) this.unauthenticatedRtp = true;
  }
}

/** A session's keys as SRTP takes them; the arrays are the session's own. `key`: the first, or one of its `more`. */
export function srtpKeys(session: CryptoSession, key: MasterKey = session): SrtpKeys {
  const { suite, roc, kdr, unencryptedRtp, unencryptedRtcp, unauthenticatedRtp } = session;
  const { tek, salt, mki, indices } = key;
  return {
    suite,
    masterKey: tek,
    masterSalt: salt,
    roc,
    ...(mki ? { mki } : {}),
    ...(kdr === undefined ? {} : { kdr }),
    ...indices,
    ...(unencryptedRtp ? { unencryptedRtp } : {}),
    ...(unencryptedRtcp ? { unencryptedRtcp } : {}),
    ...(unauthenticatedRtp ? { unauthenticatedRtp } : {}),
  };
}

/** Zeroes the keys of sessions. */
export function wipeSessions(sessions: readonly CryptoSession[]): void {
  for (const session of sessions)
    for (const { tek, salt } of [session, ...session.more]) {
      tek.fill(0);
      salt.fill(0);
    }
}
