// What a user proves itself with: a password, or the hashes a server keeps in its place.

import type { Secret } from "../../runtime/secret.js";
import { type DigestHash, digestHashes, hashA1, hashDigits } from "./hash.js";

/** One user's credentials. */
export interface DigestCredentials {
  readonly user: string;
  /**
   * The realm they are for. `"*"`: any realm that asks, which lets every stranger's server collect digests to guess the password from.
   * Undefined: the realms of the account's own domain and of its registrar.
   */
  readonly realm?: string;
  readonly secret:
    | { readonly password: Secret }
    /** H(user:realm:password) in hex, by hash. */
    | { readonly ha1: ReadonlyMap<DigestHash, Secret> };
}

/** Hashes that can be computed with these credentials, strongest first. */
export function usableHashes(credentials: DigestCredentials): readonly DigestHash[] {
  const { secret } = credentials;
  return "password" in secret ? digestHashes : digestHashes.filter((hash) => secret.ha1.has(hash));
}

/** H(A1); undefined when only other hashes are known. */
export function ha1Of(credentials: DigestCredentials, hash: DigestHash, realm: string): string | undefined {
  const { secret } = credentials;
  if ("password" in secret) return hashA1(hash, credentials.user, realm, secret.password.bytes);
  const known = secret.ha1.get(hash);
  return known && Buffer.from(known.bytes).toString("latin1");
}

/**
 * Reads the text of an HA1 file: one hash a line, `SHA-256:<hex>`, `SHA-512-256:<hex>` or `MD5:<hex>`; a line of 32 digits alone is MD5.
 * Empty lines and lines with # are skipped. Undefined when a line is something else or there is none. The text is not quoted in errors.
 */
export function parseHa1File(text: string): Map<DigestHash, string> | undefined {
  const found = new Map<DigestHash, string>();
  for (const line of text.split(/\r?\n/)) {
    const clean = line.trim();
    if (clean === "" || clean.startsWith("#")) continue;
    const parts = /^(?:(MD5|SHA-256|SHA-512-256)\s*[:=]\s*)?([0-9a-fA-F]+)$/i.exec(clean);
    if (!parts) return undefined;
    const hash = (parts[1]?.toUpperCase() ?? "MD5") as DigestHash;
    if (parts[2].length !== hashDigits[hash] || found.has(hash)) return undefined;
    found.set(hash, parts[2].toLowerCase());
  }
  return found.size > 0 ? found : undefined;
}
