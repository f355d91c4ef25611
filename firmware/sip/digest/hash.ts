// The digest itself: A1, A2 and the response for every algorithm of RFC 7616 and RFC 8760. Pure functions.

import { createHash } from "node:crypto";

/** A hash and whether its session variant is meant. */
export interface DigestAlgorithm {
  readonly hash: DigestHash;
  /** `-sess`: A1 holds nonce and cnonce too. */
  readonly session: boolean;
}

/** Names as in the IANA registry of RFC 7616. */
export type DigestHash = "MD5" | "SHA-256" | "SHA-512-256";

/** Strongest first. */
export const digestHashes: readonly DigestHash[] = ["SHA-512-256", "SHA-256", "MD5"];

const nodeNames: Readonly<Record<DigestHash, string>> = {
  MD5: "md5",
  "SHA-256": "sha256",
  "SHA-512-256": "sha512-256",
};

/** Hex digits of a hash: 32 or 64. */
export const hashDigits: Readonly<Record<DigestHash, number>> = { MD5: 32, "SHA-256": 64, "SHA-512-256": 64 };

/** The algorithm of that name (without case), undefined when it is not one of ours. */
export function digestAlgorithm(name: string): DigestAlgorithm | undefined {
  const parts = /^(md5|sha-256|sha-512-256)(-sess)?$/i.exec(name.trim());
  return parts ? { hash: parts[1].toUpperCase() as DigestHash, session: parts[2] !== undefined } : undefined;
}

/** H() of RFC 7616 section 3.4.1: lower-case hex; text is hashed as UTF-8. */
export function digestOf(hash: DigestHash, ...parts: readonly (string | Uint8Array)[]): string {
  const digest = createHash(nodeNames[hash]);
  for (const part of parts) digest.update(part);
  return digest.digest("hex");
}

/** H(user:realm:password), what a server stores in place of the password (section 3.4.2). */
export function hashA1(hash: DigestHash, user: string, realm: string, password: string | Uint8Array): string {
  return digestOf(hash, `${user}:${realm}:`, password);
}

/** What a response is computed from. */
export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  /** {@link hashA1} */
  readonly ha1: string;
  readonly nonce: string;
  /** Needed unless `qop` is `none`. */
  readonly cnonce: string;
  /** How often this nonce has been used, this time included. */
  readonly nonceCount: number;
  readonly qop: "auth" | "auth-int" | "none";
  /** Empty for the server's rspauth (section 3.5). */
  readonly method: string;
  /** digest-uri: the Request-URI. */
  readonly uri: string;
  readonly body: Uint8Array;
  /** Goes to the end of A2: the server's list of security mechanisms, for a d-ver (RFC 3329 section 2.2). */
  readonly a2More?: string;
}

/** nc-value: eight hex digits. */
export function nonceCountText(count: number): string {
  return count.toString(16).padStart(8, "0");
}

/** The response (or, with an empty method, the rspauth a server proves itself with): section 3.4.1. */
export function digestResponse(input: DigestInput): string {
  const { algorithm, nonce, cnonce, qop } = input;
  const { hash, session } = algorithm;
  const a1 = session ? digestOf(hash, `${input.ha1}:${nonce}:${cnonce}`) : input.ha1;
  const plain = `${input.method}:${input.uri}`;
  const a2 = qop === "auth-int" ? `${plain}:${digestOf(hash, input.body)}` : plain;
  const ha2 = digestOf(hash, input.a2More === undefined ? a2 : `${a2}:${input.a2More}`);
  if (qop === "none") return digestOf(hash, `${a1}:${nonce}:${ha2}`);
  return digestOf(hash, `${a1}:${nonce}:${nonceCountText(input.nonceCount)}:${cnonce}:${qop}:${ha2}`);
}
