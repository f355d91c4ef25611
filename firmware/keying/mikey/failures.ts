// What each failure means outside MIKEY: the SIP answer it deserves and the sentence for the person holding the phone.

import type { MikeyErrorCode } from "../../mikey/index.js";
import type { KeyingError } from "../keying.js";
import { mikeyAttributes } from "./key-mgmt.js";

/** Failures of the SDP around MIKEY and of the session's use. */
export type KeyingFailureCode =
  | MikeyErrorCode
  | "missing-key-mgmt"
  | "malformed-key-mgmt"
  | "ambiguous-key-mgmt"
  | "unexpected-message"
  | "closed";

interface Meaning {
  readonly user: string;
  /** Default 488 (RFC 4567 section 4.1.2). */
  readonly sipStatus?: number;
}

const cannotRead = { user: "The other phone sent a security message this phone cannot read." };
const noCommon = { user: "The two phones have no security settings in common." };
const badCertificate = { user: "The other phone's certificate cannot be used." };

const meanings: Readonly<Record<KeyingFailureCode, Meaning>> = {
  "malformed-message": cannotRead,
  "malformed-key-mgmt": cannotRead,
  "ambiguous-key-mgmt": cannotRead,
  "missing-key-mgmt": { user: "The other phone did not secure the call." },
  "unsupported-version": noCommon,
  "unsupported-method": noCommon,
  "unsupported-prf": noCommon,
  "unsupported-timestamp": noCommon,
  "unsupported-cs-map": noCommon,
  "unsupported-crypto-sessions": noCommon,
  "unsupported-key-data": noCommon,
  "unsupported-encryption": noCommon,
  "unsupported-mac": noCommon,
  "unsupported-hash": noCommon,
  "unsupported-signature": noCommon,
  "unsupported-dh-group": noCommon,
  "unsupported-protocol": noCommon,
  "unsupported-policy": noCommon,
  "bad-dh-value": { user: "The other phone sent an unsafe key. The call was stopped." },
  "clock-skew": { user: "The clocks of the two phones differ too much. Check date and time." },
  replayed: { user: "An old call request was sent again by someone. It was ignored." },
  "replay-cache-full": { user: "Too many calls at once. Try again in a few minutes.", sipStatus: 480 },
  "missing-identity": { user: "The other phone did not say who it is." },
  "identity-mismatch": { user: "The other phone proved to be somebody else than expected. The call was stopped." },
  "unsupported-identity": { user: "Only calls between SIP addresses can be secured." },
  "own-identity-mismatch": { user: "This phone's certificate is not for its own address. Check its settings." },
  "own-certificate-expired": {
    user: "This phone's own certificate is not valid now. Renew it, or check date and time.",
  },
  "wrong-psk": { user: "The two phones do not have the same shared key." },
  "bad-envelope": { user: "The other phone's keys were not meant for this phone. The call was stopped." },
  "wrong-key-wrap": { user: "The other phone's keys were damaged on the way. The call was stopped." },
  "unknown-certificate": { user: "The other phone named a certificate that this phone does not have." },
  "unknown-certificate-hash": { user: "The other phone used a certificate that this phone no longer has." },
  "unusable-public-key": { user: "The other phone's certificate cannot be used to send it keys." },
  "unknown-bundle": { user: "The other phone changed the security of a call that this phone does not know." },
  "certificate-revoked": { user: "The other phone's certificate was withdrawn. The call was stopped." },
  "revocation-unknown": { user: "Whether the other phone's certificate is still good could not be checked." },
  "no-domain-key": { user: "No public key is published for the other phone's address." },
  "domain-key-revoked": { user: "The other phone's published key was withdrawn." },
  "bad-domain-key": { user: "The other phone's published key cannot be used." },
  "domain-key-not-authenticated": { user: "The other phone's published key is not protected by its domain." },
  "dns-failure": { user: "The other phone's public key could not be looked up. Check the network." },
  "unknown-recipient": { user: "This phone has no public key of the other one to send it keys with." },
  "key-not-shareable": { user: "This kind of security cannot be given to a group or to another device." },
  "bad-signature": { user: "The other phone's signature is wrong. The call was stopped." },
  "bidding-down": { user: "Someone on the way tried to weaken the call's security. The call was stopped." },
  "missing-certificate": { user: "The other phone did not show a certificate." },
  "unsupported-certificate": badCertificate,
  "malformed-certificate": badCertificate,
  "bad-certificate-path": badCertificate,
  "unknown-critical-extension": badCertificate,
  "bad-key-usage": { user: "The other phone's certificate is not meant for calls." },
  "weak-certificate": { user: "The other phone's certificate is too weak to be trusted." },
  "certificate-expired": { user: "The other phone's certificate has expired." },
  "certificate-not-yet-valid": { user: "The other phone's certificate is not valid yet. Check date and time." },
  "unknown-ca": { user: "The other phone's certificate comes from an authority this phone does not trust." },
  "response-mismatch": { user: "The other phone's answer does not belong to this call. The call was stopped." },
  "refused-by-peer": { user: "The other phone refused the security of this call." },
  "unexpected-message": { user: "The call's security was set up in an unexpected order. The call was stopped." },
  "internal-error": { user: "This phone could not secure the call.", sipStatus: 500 },
  closed: { user: "The call has ended.", sipStatus: 487 },
};

/** Most characters of a line for Warning or Reason. */
const MAX_TEXT = 200;

/** Makes the error that leaves this room. `text` may quote the peer: what cannot stand in a SIP header is replaced. */
export function keyingError(
  code: KeyingFailureCode,
  text: string,
  reply?: { readonly message: Uint8Array; readonly level: "session" | "media" },
): KeyingError {
  const { user, sipStatus = 488 } = meanings[code];
  const line = text
    .replace(/[^\x20-\x7e]/g, "?")
    .replace(/["\\]/g, "'")
    .slice(0, MAX_TEXT);
  const told = reply && {
    attributes: mikeyAttributes(reply.message, reply.level),
    body: { type: "application/mikey", content: reply.message },
  };
  return { code, sipStatus, text: `MIKEY: ${line}`, user, ...told };
}
