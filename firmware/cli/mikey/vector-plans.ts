// Which exchanges `sotto mikey vectors` makes: every method, and what can differ in each.

import type { DhGroupName } from "../../crypto/dh.js";
import type { MethodName, MikeySuite, SignaturePolicy } from "../../mikey/index.js";
import type { vectorIdentities } from "./vector-keys.js";

/** What a vector is made of. */
export interface VectorPlan {
  readonly name: string;
  readonly notes: string;
  readonly method: MethodName;
  readonly group?: DhGroupName;
  readonly identity?: keyof typeof vectorIdentities;
  readonly signatures?: SignaturePolicy;
  readonly suite?: MikeySuite;
  readonly keyWrap?: boolean;
  readonly padding?: "pkcs1" | "oaep";
  /** The bundle is updated afterwards: a new key with an SPI from the responder, then an update by the initiator that keeps it. */
  readonly isUpdated?: boolean;
  /** RSA-R: the initiator asks for a group's keys. */
  readonly isForGroup?: boolean;
  /** False: no answer is wanted (V flag 0). */
  readonly verify?: boolean;
}

/** Every vector. */
export const vectorPlans: readonly VectorPlan[] = [
  { name: "psk", method: "psk", notes: "RFC 3830 section 3.1" },
  { name: "psk-aead", method: "psk", suite: "AEAD_AES_256_GCM", notes: "SRTP policy of RFC 7714" },
  { name: "psk-key-wrap", method: "psk", keyWrap: true, notes: "AES key wrap, RFC 3394, IV of section 4.2.3" },
  {
    name: "psk-no-answer",
    method: "psk",
    verify: false,
    notes: "V flag 0: no answer; the second session's SSRC stays open",
  },
  { name: "psk-update", method: "psk", isUpdated: true, notes: "section 4.5" },
  { name: "dhhmac", method: "dhhmac", notes: "RFC 4650, OAKLEY 5" },
  { name: "dhhmac-oakley1", method: "dhhmac", group: "oakley1", notes: "OAKLEY 1, for peers that know nothing better" },
  { name: "dhhmac-oakley2", method: "dhhmac", group: "oakley2", notes: "OAKLEY 2, for peers that know nothing better" },
  { name: "dhhmac-update", method: "dhhmac", isUpdated: true, notes: "RFC 4650; RFC 3830 section 4.5" },
  { name: "dhhmac-modp2048", method: "dhhmac", group: "modp2048", notes: "private-use DH group 241" },
  { name: "dhhmac-modp3072", method: "dhhmac", group: "modp3072", notes: "private-use DH group 242" },
  { name: "dhhmac-x25519", method: "dhhmac", group: "x25519", notes: "private-use DH group 243" },
  { name: "dh", method: "dh", notes: "RFC 3830 section 3.3, OAKLEY 5, RSA PKCS#1 v1.5 with SHA-1" },
  {
    name: "dh-pss",
    method: "dh",
    signatures: "rfc3830-pss",
    notes: "signature type 1: RSA PSS with SHA-1, salt of 20 bytes",
  },
  { name: "dh-update", method: "dh", isUpdated: true, notes: "section 4.5" },
  { name: "dh-sha256", method: "dh", signatures: "sotto", notes: "signature type 13: RSA PKCS#1 v1.5 with SHA-256" },
  {
    name: "dh-p256",
    method: "dh",
    identity: "p256",
    signatures: "sotto",
    notes: "signature type 14: ECDSA P-256 with SHA-256, r then s",
  },
  {
    name: "dh-ed25519",
    method: "dh",
    identity: "ed25519",
    signatures: "sotto",
    group: "x25519",
    notes: "signature type 15: Ed25519; DH group 243",
  },
  { name: "pke", method: "pke", notes: "RFC 3830 section 3.2, envelope with PKCS#1 v1.5 padding, CHASH" },
  {
    name: "pke-oaep",
    method: "pke",
    padding: "oaep",
    notes: "envelope with OAEP padding (SHA-1), agreed outside MIKEY",
  },
  {
    name: "pke-update",
    method: "pke",
    isUpdated: true,
    notes: "section 4.5: updates are proved with the envelope key",
  },
  { name: "pke-key-wrap", method: "pke", keyWrap: true, notes: "AES key wrap with the NULL MAC" },
  { name: "rsa-r-key-wrap", method: "rsa-r", keyWrap: true, notes: "RFC 4738, AES key wrap with the NULL MAC" },
  { name: "rsa-r-update", method: "rsa-r", isUpdated: true, notes: "updates are proved with the envelope key" },
  {
    name: "rsa-r-group",
    method: "rsa-r",
    isForGroup: true,
    notes: "RFC 4738 section 3.2: a group's CSB ID, RAND and sessions",
  },
  { name: "rsa-r", method: "rsa-r", notes: "RFC 4738; the answer's signature covers R || IDi || IDr || T" },
];

/** OpenSSL brings randomness of its own into these: their messages differ from run to run, their keys do not. */
export function isRandomized(plan: VectorPlan): boolean {
  return plan.signatures === "rfc3830-pss" || plan.identity === "p256" || plan.padding === "oaep";
}
