// Session descriptions as SIP bodies, read and written, and the words for those that cannot be taken.

import { isIP } from "node:net";
import type { KeyingAttributes } from "../keying/keying.js";
import { type AudioCapabilities, g711Capabilities, parse, print, type SessionDescription } from "../sdp/index.js";
import type { SipBody } from "../sip/contract.js";
import { findBody } from "../sip/grammar/index.js";
import type { SipMessage } from "../sip/grammar/message.js";
import { type Outcome, type Refusal, refuse } from "./reasons.js";

const SDP_TYPE = "application/sdp";

/** A description as a body. */
export function sdpBody(description: SessionDescription): SipBody {
  return { type: SDP_TYPE, content: new TextEncoder().encode(print(description)) };
}

/** The description a message carries. */
export function readSdp(message: SipMessage): Outcome<SessionDescription> {
  const found = findBody(message, [SDP_TYPE]);
  if (!found.ok)
    return refuse(
      415,
      "unsupported-media",
      `cannot read ${found.error.text}`,
      "The other phone described the call in an unknown way",
    );
  if (!found.value)
    return refuse(488, "missing-sdp", "no session description", "The other phone sent no description of the call");
  const parsed = parse(found.value.content);
  if (!parsed.ok)
    return refuse(
      488,
      "bad-sdp",
      `session description: ${parsed.error.text}`,
      "The other phone's description of the call is broken",
    );
  return { ok: true, value: parsed.value };
}

/** What our voice path can do with these codecs, most wanted first. */
export function capabilitiesOf(names: readonly string[]): AudioCapabilities {
  const codecs = names.flatMap((name) => g711Capabilities.codecs.filter((codec) => codec.name === name));
  return { ...g711Capabilities, codecs };
}

/** A description of ours for the peer's, with every line refused, that carries what the key agreement says about why. */
export function refusalBody(
  { attributes }: Refusal,
  offer: SessionDescription | undefined,
  local: { readonly address: string; readonly sessionId: string },
): SipBody | undefined {
  if (!attributes || !offer || attributes.session.length + attributes.media.length === 0) return undefined;
  const { address, sessionId } = local;
  const place = { netType: "IN", addrType: isIP(address) === 6 ? "IP6" : "IP4", address };
  return sdpBody({
    origin: { username: "-", sessionId, sessionVersion: sessionId, ...place },
    sessionName: "-",
    connection: place,
    bandwidth: [],
    timing: offer.timing,
    other: [],
    attributes: [...attributes.session, ...attributes.media],
    media: offer.media.map((media) => ({
      ...media,
      port: 0,
      bandwidth: [],
      attributes: [],
      connection: undefined,
    })),
  });
}

/** Key agreement attributes of a description that refuses: at its top, or on any of its lines. */
export function refusalAttributes(description: SessionDescription): KeyingAttributes {
  return { session: description.attributes, media: description.media.flatMap(({ attributes }) => attributes) };
}

/** The account makes secured calls only, and has no keys. */
export function noKeying(): Outcome<never> {
  return refuse(
    488,
    "no-keying-configured",
    "secured call required",
    "No key or certificate is configured, and this account makes private calls only",
  );
}

/** No line of an offer can be taken under our security policy. */
export function unacceptable(code: string, text: string): Outcome<never> {
  const why: Record<string, string> = {
    "no-secured-line": "secured call required: offer RTP/SAVP with a=key-mgmt:mikey",
    "no-keying": "RTP/SAVP needs a=key-mgmt:mikey",
    "no-clear-line": "only RTP/AVP is accepted here",
  };
  const renamed: Record<string, string> = { "no-keying": "missing-key-mgmt", "no-secured-line": "not-secured" };
  return refuse(
    488,
    renamed[code] ?? code,
    why[code] ?? text,
    "The caller's phone could not make the call private the way this one wants it",
  );
}
