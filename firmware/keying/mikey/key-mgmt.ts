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
  const offers: Offer[] = [];
  for (const { name, value = "" } of attributes) {
    if (name.length !== NAME.length || name.toLowerCase() !== NAME) continue;
    const said = value.trim();
    const blank = said.indexOf(" ");
    if (blank > 0 && said.indexOf(" ", blank + 1) < 0)
      offers.push({ protocol: said.slice(0, blank), data: said.slice(blank + 1) });
    else {
      const [protocol, data = "", ...rest] = said.split(/ +/);
      offers.push({ protocol, data: rest.length === 0 ? data : "" });
    }
  }
  return offers;
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

/** Finds the one MIKEY message of an answer. Codes as {@link findOffers}, and `ambiguous-key-mgmt`. */
export function findMikey(attributes: KeyingAttributes): Result<FoundMessage> {
  const found = findOffers(attributes);
  if (!found.ok) return found;
  if (found.value.length > 1)
    return fail("ambiguous-key-mgmt", `${found.value.length} MIKEY messages for one media line`);
  return ok(found.value[0]);
}

/** Finds the MIKEY messages of an offer, most wanted first. Codes: `missing-key-mgmt`, `malformed-key-mgmt`. */
export function findOffers(attributes: KeyingAttributes): Result<Found> {
  let result = known.get(attributes);
  if (!result) {
    result = readOffers(attributes);
    known.set(attributes, result);
  }
  return result;
}

type Found = readonly [FoundMessage, ...FoundMessage[]];

/** What was found in attributes: they are asked when an offer is verified and when it is answered. */
const known = new WeakMap<KeyingAttributes, Result<Found>>();

function readOffers(attributes: KeyingAttributes): Result<Found> {
  const { level, offers } = effective(attributes);
  if (offers.length > MAX_OFFERS) return fail("malformed-key-mgmt", `more than ${MAX_OFFERS} key-mgmt attributes`);
  const ours = offers.filter((offer) => offer.protocol.toLowerCase() === PROTOCOL);
  if (ours.length === 0) return fail("missing-key-mgmt", "no a=key-mgmt:mikey in the session description");
  const protocols = offers.map((offer) => offer.protocol);
  const found: FoundMessage[] = [];
  for (const { data } of ours) {
    if (data.length > MAX_BASE64) return fail("malformed-key-mgmt", `key-mgmt data of ${data.length} characters`);
    if (data.length === 0 || data.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(data))
      return fail("malformed-key-mgmt", "key-mgmt data is not base64");
    found.push({ message: new Uint8Array(Buffer.from(data, "base64")), level, protocols });
  }
  return ok([found[0], ...found.slice(1)]);
}

/** The attributes that carry messages, most wanted first. */
export function mikeyAttributes(
  messages: Uint8Array | readonly Uint8Array[],
  level: "session" | "media",
): KeyingAttributes {
  const attributes = (messages instanceof Uint8Array ? [messages] : messages).map((message) => ({
    name: NAME,
    value: `${PROTOCOL} ${Buffer.from(message).toString("base64")}`,
  }));
  return level === "session" ? { session: attributes, media: [] } : { session: [], media: attributes };
}
