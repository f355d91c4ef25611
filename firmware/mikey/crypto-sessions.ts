// The crypto sessions of one call: one per direction (RFC 4567 section 7.1), their map and their keys.

import { ok } from "../runtime/result.js";
import type { SrtpSuiteName } from "../srtp/keys.js";
import { copy } from "./bytes.js";
import { type MikeyResult, refuse } from "./errors.js";
import type { Header, SrtpSession } from "./header.js";
import { MapType } from "./numbers.js";
import { deriveFromTgk } from "./prf.js";
import { suiteKeyLengths } from "./srtp-policy.js";

/** Keys and place of one crypto session. */
export interface CryptoSession {
  /** Counted from 1. */
  readonly csId: number;
  /** SSRC its packets must carry. */
  readonly ssrc: number;
  readonly roc: number;
  readonly suite: SrtpSuiteName;
  /** SRTP master key. */
  readonly tek: Uint8Array;
  /** SRTP master salt. */
  readonly salt: Uint8Array;
  readonly mki?: Uint8Array;
}

/** What a method agreed on. */
export interface AgreedKey {
  readonly tgk: Uint8Array;
  /** Master salt sent beside the TGK; absent: derived from it (section 4.1.3). */
  readonly salt?: Uint8Array;
  /** SPI of the key, SRTP's MKI. */
  readonly mki?: Uint8Array;
}

/** Zeroes an agreed key. */
export function wipeKey(key: AgreedKey): void {
  key.tgk.fill(0);
  key.salt?.fill(0);
}

/** The map of an offer: CS 1 is ours, CS 2 waits for the responder's SSRC (section 6.1.1). */
export function offeredSessions(ssrc: number): readonly SrtpSession[] {
  return [
    { policy: 0, ssrc, roc: 0 },
    { policy: 0, ssrc: 0, roc: 0 },
  ];
}

/** Fills our SSRC into an offered map. We serve one stream in both directions: two sessions, the second still open. */
export function answeredSessions(header: Header, ssrc: number): MikeyResult<readonly SrtpSession[]> {
  const { sessions } = header;
  if (header.mapType !== MapType.srtpId)
    return refuse("unsupported-cs-map", "the message names no crypto sessions for SRTP");
  if (sessions.length !== 2)
    return refuse("unsupported-crypto-sessions", `${sessions.length} crypto sessions offered, one stream has 2`);
  if (sessions[0].ssrc === 0 || sessions[1].ssrc !== 0)
    return refuse("unsupported-crypto-sessions", "session 1 must name the initiator's SSRC, session 2 leave ours open");
  return ok([sessions[0], { ...sessions[1], ssrc }]);
}

/** Whether an answer's header belongs to our offer: same bundle, our session untouched, theirs filled in. */
export function checkAnswerHeader(offer: Header, answer: Header): MikeyResult<undefined> {
  const isSame =
    answer.csbId === offer.csbId &&
    answer.prf === offer.prf &&
    answer.mapType === offer.mapType &&
    answer.sessions.length === offer.sessions.length &&
    answer.sessions.every(
      (session, i) => session.policy === offer.sessions[i].policy && (i > 0 || session.roc === offer.sessions[i].roc),
    ) &&
    answer.sessions[0].ssrc === offer.sessions[0].ssrc;
  if (!isSame) return refuse("response-mismatch", "the answer's header does not belong to our offer");
  if (answer.sessions[1].ssrc === 0) return refuse("response-mismatch", "the answer leaves the responder's SSRC open");
  return ok(undefined);
}

/** Derives master key and salt of each session (section 4.1.3). */
export function deriveSessions(
  key: AgreedKey,
  csbId: number,
  rand: Uint8Array,
  sessions: readonly SrtpSession[],
  suites: readonly SrtpSuiteName[],
): CryptoSession[] {
  return sessions.map((session, i) => {
    const lengths = suiteKeyLengths[suites[i]];
    return {
      csId: i + 1,
      ssrc: session.ssrc,
      roc: session.roc,
      suite: suites[i],
      tek: deriveFromTgk(key.tgk, "tek", i + 1, csbId, rand, lengths.key),
      salt: key.salt ? copy(key.salt) : deriveFromTgk(key.tgk, "salt", i + 1, csbId, rand, lengths.salt),
      ...(key.mki ? { mki: key.mki } : {}),
    };
  });
}
