// The SDP attribute a=key-mgmt (RFC 4567 section 3.1): finding MIKEY's message in it and writing it.

import { MAX_MESSAGE_BYTES } from "../../mikey/index.js";
import { fail, ok, type Result } from "../../runtime/result.js";
import type { KeyingAttribute, KeyingAttributes } from "../keying.js";

const NAME = "key-mgmt";
const PROTOCOL = "mikey";
const MAX_BASE64 = Math.ceil(MAX_MESSAGE_BYTES / 3) * 4;
/** Key management protocols one description may offer. */
const MAX_OFFERS = 16;

/** MIKEY's message and where it stood. */
export interface FoundMessage {
  readonly message: Uint8Array;
  readonly level: "session" | "media";
  /** Every key management protocol of that level, in order (RFC 4567 section 4.1.4). */
  readonly protocols: readonly string[];
}

interface Offer {
  readonly protocol: string;
  readonly data: string;
}

function offersOf(attributes: readonly KeyingAttribute[]): Offer[] {
  return attributes
    .filter((attribute) => attribute.name.toLowerCase() === NAME)
    .map((attribute) => {
      const [protocol = "", data = "", ...rest] = (attribute.value ?? "").trim().split(/ +/);
      return { protocol, data: rest.length === 0 ? data : "" };
    });
}

/** The level that counts for the media line: its own if it has the attribute at all, else the session's (section 3.1). */
function effective(attributes: KeyingAttributes): { level: "session" | "media"; offers: Offer[] } {
  const media = offersOf(attributes.media);
  return media.length > 0
    ? { level: "media", offers: media }
    : { level: "session", offers: offersOf(attributes.session) };
}

/** True when an offer carries a MIKEY message for the media line. */
export function hasMikey(attributes: KeyingAttributes): boolean {
  return effective(attributes).offers.some((offer) => offer.protocol.toLowerCase() === PROTOCOL);
}

/** Finds the MIKEY message. Codes: `missing-key-mgmt`, `ambiguous-key-mgmt`, `malformed-key-mgmt`. */
export function findMikey(attributes: KeyingAttributes): Result<FoundMessage> {
  const { level, offers } = effective(attributes);
  if (offers.length > MAX_OFFERS) return fail("malformed-key-mgmt", `more than ${MAX_OFFERS} key-mgmt attributes`);
  const ours = offers.filter((offer) => offer.protocol.toLowerCase() === PROTOCOL);
  if (ours.length === 0) return fail("missing-key-mgmt", "no a=key-mgmt:mikey in the session description");
  if (ours.length > 1) return fail("ambiguous-key-mgmt", `${ours.length} MIKEY messages for one media line`);
  const { data } = ours[0];
  if (data.length > MAX_BASE64) return fail("malformed-key-mgmt", `key-mgmt data of ${data.length} characters`);
  if (data.length === 0 || data.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(data))
    return fail("malformed-key-mgmt", "key-mgmt data is not base64");
  const message = new Uint8Array(Buffer.from(data, "base64"));
  return ok({ message, level, protocols: offers.map((offer) => offer.protocol) });
}

/** The attributes that carry a message. */
export function mikeyAttributes(message: Uint8Array, level: "session" | "media"): KeyingAttributes {
  const attribute = { name: NAME, value: `${PROTOCOL} ${Buffer.from(message).toString("base64")}` };
  return level === "session" ? { session: [attribute], media: [] } : { session: [], media: [attribute] };
}
