// MIKEY's error messages outside an offer or answer: written when the peer's answer fails, read when the peer refused (RFC 3830 section 5.1.2).

import {
  ErrorNumber,
  errorMessage,
  errorNames,
  errorNumbers,
  type MikeyErrorCode,
  parseMessage,
  payloadsOf,
  printMessage,
  type SentOffer,
} from "../../mikey/index.js";
import type { KeyingAttributes, KeyingError } from "../keying.js";
import { keyingError } from "./failures.js";
import { findOffers } from "./key-mgmt.js";

/** What each number of RFC 3830 table 6.12 (and RFC 4738's) means to the person who called. */
const meanings: Readonly<Record<number, string>> = {
  [ErrorNumber.authFailure]: "The other phone could not verify this one: the keys or signatures do not fit.",
  [ErrorNumber.invalidTimestamp]: "The clocks of the two phones differ too much. Check date and time.",
  [ErrorNumber.invalidId]: "The other phone knows this one by another name than it called itself.",
  [ErrorNumber.invalidCertificate]: "The other phone does not accept this phone's certificate.",
  [ErrorNumber.invalidDataType]: "The other phone has no keys for the way this one secures calls.",
};

/** The error message about an answer to `offer`. Undefined: the code is nothing to tell the peer. */
export function errorAbout(offer: Uint8Array, code: MikeyErrorCode): Uint8Array | undefined {
  const number = code === "response-mismatch" ? ErrorNumber.unspecified : errorNumbers[code];
  const parsed = parseMessage(offer);
  if (number === undefined || !parsed.ok) return undefined;
  const [timestamp] = payloadsOf(parsed.value, "timestamp");
  return timestamp && printMessage(errorMessage(parsed.value.header.csbId, timestamp, number, []));
}

/**
 * What a peer's refusal says, if it is a MIKEY error message.
 * @param sent offers it may be about: they tell whether it is authentic.
 */
export async function explainRefusal(
  said: KeyingAttributes | Uint8Array,
  sent: readonly SentOffer[],
  nowMs: number,
): Promise<KeyingError | undefined> {
  const bytes = said instanceof Uint8Array ? said : messageIn(said);
  const parsed = bytes && parseMessage(bytes);
  if (!bytes || !parsed?.ok) return undefined;
  const [error] = payloadsOf(parsed.value, "error");
  if (!error) return undefined;
  let text = `the peer refused: ${errorNames[error.number] ?? `error ${error.number}`} (not authenticated)`;
  for (const offer of sent) {
    const read = await offer.accept(bytes, nowMs);
    if (!read.ok && read.error.code === "refused-by-peer") text = read.error.text;
  }
  const plain = keyingError("refused-by-peer", text);
  return { ...plain, user: meanings[error.number] ?? plain.user };
}

function messageIn(attributes: KeyingAttributes): Uint8Array | undefined {
  const found = findOffers({ session: [...attributes.session, ...attributes.media], media: [] });
  return found.ok ? found.value[0].message : undefined;
}
