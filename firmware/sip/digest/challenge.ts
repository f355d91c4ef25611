// WWW-Authenticate, Proxy-Authenticate and Authentication-Info as data (RFC 7616 sections 3.3 and 3.5, RFC 8760).

import { fail, ok, type Result } from "../../runtime/result.js";
import { Scanner, unquote } from "../grammar/scanner.js";
import { type DigestAlgorithm, digestAlgorithm } from "./hash.js";

/** A challenge we can answer. */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque?: string;
  readonly algorithm: DigestAlgorithm;
  /** As the server wrote it, to be repeated in the answer; undefined when it named none (MD5 is then meant). */
  readonly algorithmName?: string;
  /** `none`: the server is older than RFC 2617 (RFC 3261 section 22.4 keeps it alive). */
  readonly qop: "auth" | "auth-int" | "none";
  /** The credentials were right, only their nonce was too old. */
  readonly stale: boolean;
  /** The server takes (and prefers) the user name hashed. */
  readonly userhash: boolean;
}

/** Comma-separated `name=value` pairs; names in lower case, values without quotes. Undefined when it is not such a list. */
export function readPairs(text: string): Map<string, string> | undefined {
  const scanner = new Scanner(text);
  const pairs = new Map<string, string>();
  scanner.lws();
  while (!scanner.done) {
    const name = scanner.token().toLowerCase();
    if (name === "" || !scanner.separator("=")) return undefined;
    const quoted = scanner.quoted();
    const value = quoted === undefined ? scanner.until(", \t") : unquote(quoted);
    // A parameter that is there twice would let two readers see two challenges.
    if (pairs.has(name) || pairs.size >= 32) return undefined;
    pairs.set(name, value);
    scanner.lws();
    if (scanner.done) break;
    if (!scanner.eat(",")) return undefined;
    while (scanner.lws() || scanner.eat(","));
  }
  return pairs;
}

/** Scheme of a challenge in lower case, `""` when there is none. */
export function challengeScheme(value: string): string {
  return /^\s*([A-Za-z0-9_-]+)(?:\s|$)/.exec(value)?.[1].toLowerCase() ?? "";
}

/**
 * Reads one field value. Errors: `scheme` (Basic and everything that is not Digest), `syntax`, `realm`, `nonce`, `algorithm`, `qop`: the
 * challenge is then skipped, as RFC 7616 section 3.7 says.
 */
export function parseChallenge(value: string): Result<DigestChallenge> {
  const scheme = challengeScheme(value);
  if (scheme !== "digest")
    return fail("scheme", `authentication scheme ${scheme.slice(0, 20) || "(none)"} is not taken`);
  const pairs = readPairs(value.replace(/^\s*\S+/, ""));
  if (!pairs) return fail("syntax", "a challenge that is no list of parameters");
  const realm = pairs.get("realm");
  const nonce = pairs.get("nonce");
  if (realm === undefined) return fail("realm", "a challenge without a realm");
  if (nonce === undefined || nonce === "") return fail("nonce", "a challenge without a nonce");
  const algorithmName = pairs.get("algorithm");
  const algorithm = digestAlgorithm(algorithmName ?? "MD5");
  if (!algorithm) return fail("algorithm", "a challenge with an unknown algorithm");
  const written = pairs.get("qop");
  const offered = written?.split(",").map((each) => each.trim().toLowerCase());
  const qop = !offered
    ? "none"
    : offered.includes("auth")
      ? "auth"
      : offered.includes("auth-int")
        ? "auth-int"
        : undefined;
  if (qop === undefined) return fail("qop", "a challenge with an unknown quality of protection");
  // The -sess variants are defined with a client nonce, which there is none without qop.
  if (qop === "none" && algorithm.session) return fail("qop", "a session algorithm without a quality of protection");
  const opaque = pairs.get("opaque");
  return ok({
    realm,
    nonce,
    ...(opaque === undefined ? {} : { opaque }),
    algorithm,
    ...(algorithmName === undefined ? {} : { algorithmName }),
    qop,
    stale: pairs.get("stale")?.toLowerCase() === "true",
    userhash: pairs.get("userhash")?.toLowerCase() === "true",
  });
}
