// Looks for secrets where none may be: in logs, traces, taps and error texts.

import { createPrivateKey } from "node:crypto";

/** Every way a key is likely to be printed. */
function spellings(secret: Uint8Array): string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString("hex");
  const spaced = hex.match(/../g)!;
  return [
    hex,
    hex.toUpperCase(),
    spaced.join(" "),
    spaced.join(":"),
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("base64url"),
    [...bytes].join(","),
    [...bytes].join(", "),
    JSON.stringify(bytes.toString("latin1")).slice(1, -1),
  ];
}

/** Where `text` holds any 12 bytes of a secret in any usual spelling; undefined: nowhere. */
export function findSecret(text: string, secrets: readonly Uint8Array[]): string | undefined {
  const PART = 12;
  // Base64 works on groups of three bytes: the three places a part can have in one are tried.
  for (const secret of secrets)
    for (let at = 0; at + PART <= secret.length; at += at % PART === 2 ? PART - 2 : at % PART < 2 ? 1 : PART)
      for (const spelling of spellings(secret.subarray(at, at + PART))) {
        const found = text.indexOf(spelling);
        if (found >= 0) return text.slice(Math.max(0, found - 80), found + 20);
      }
  return undefined;
}

/** The secret numbers of an RSA key: exponents, primes, coefficient. */
export function privateNumbers(privateKeyPem: string): Uint8Array[] {
  const { d, p, q, dp, dq, qi } = createPrivateKey(privateKeyPem).export({ format: "jwk" });
  return [d, p, q, dp, dq, qi].map((number) => Buffer.from(number ?? "", "base64url"));
}
