// A DomainKey's TXT record: `k=rsa; p=MIGf…` (RFC 4871 section 3.6.1; Ed25519 as RFC 8463 section 4 writes it).

import { createPublicKey, type KeyObject } from "node:crypto";
import { parseSipIdentity } from "../../../crypto/sip-identity.js";
import { type MikeyResult, refuse } from "../../../mikey/index.js";
import { ok } from "../../../runtime/result.js";

/** DER of an Ed25519 SubjectPublicKeyInfo before its 32 bytes (RFC 8410). */
const ed25519Prefix = Buffer.from("302a300506032b6570032100", "hex");

/**
 * DNS name of somebody's key: `user._domainkey.domain`. Undefined for users whom a host name cannot hold, and where there is no
 * domain but an address.
 */
export function recordName(uri: string): string | undefined {
  const identity = parseSipIdentity(uri);
  if (!identity) return undefined;
  const { user, host } = identity;
  const isUser = /^[A-Za-z0-9_+-]{1,63}(\.[A-Za-z0-9_+-]{1,63})*$/.test(user);
  const isDomain = /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/.test(host) && !/^[0-9.]+$/.test(host);
  const name = `${user.toLowerCase()}._domainkey.${host}`;
  return isUser && isDomain && name.length <= 253 ? name : undefined;
}

/** The key a record holds. Codes: `bad-domain-key`, `domain-key-revoked`. */
export function parseRecord(text: string, minRsaBits: number): MikeyResult<KeyObject> {
  const tags = new Map<string, string>();
  for (const part of text.split(";")) {
    const found = /^\s*([A-Za-z]\w{0,15})\s*=\s*([\s\S]*?)\s*$/.exec(part);
    if (!found) {
      if (part.trim() !== "") return refuse("bad-domain-key", "the key record is no list of tags");
      continue;
    }
    if (tags.has(found[1])) return refuse("bad-domain-key", `the key record says ${found[1]} twice`);
    tags.set(found[1], found[2]);
  }
  const data = tags.get("p")?.replaceAll(/\s/g, "");
  if (data === undefined) return refuse("bad-domain-key", "the key record holds no key");
  if (data === "") return refuse("domain-key-revoked", "the key was withdrawn by its domain");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(data)) return refuse("bad-domain-key", "the key is not base64");
  return keyFrom(tags.get("k") ?? "rsa", Buffer.from(data, "base64"), minRsaBits);
}

function keyFrom(kind: string, data: Buffer, minRsaBits: number): MikeyResult<KeyObject> {
  if (kind !== "rsa" && kind !== "ed25519") return refuse("bad-domain-key", `keys of kind ${kind} are not known`);
  if (kind === "ed25519" && data.length !== 32) return refuse("bad-domain-key", "an Ed25519 key has 32 bytes");
  try {
    const key = kind === "rsa" ? data : Buffer.concat([ed25519Prefix, data]);
    return checkStrength(createPublicKey({ key, format: "der", type: "spki" }), minRsaBits);
  } catch {
    return refuse("bad-domain-key", "the key cannot be read");
  }
}

/** Only RSA of enough bits, and Ed25519. */
export function checkStrength(key: KeyObject, minRsaBits: number): MikeyResult<KeyObject> {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType === "ed25519" || (key.asymmetricKeyType === "rsa" && bits >= minRsaBits)) return ok(key);
  return refuse("bad-domain-key", `a key of ${bits} bits, at least ${minRsaBits} are needed`);
}

/** The record to publish for a public key. Throws TypeError for a key that is neither RSA nor Ed25519. */
export function printRecord(key: KeyObject): string {
  const der = key.export({ type: "spki", format: "der" });
  if (key.asymmetricKeyType === "rsa") return `k=rsa; p=${der.toString("base64")}`;
  if (key.asymmetricKeyType !== "ed25519") throw new TypeError("a DomainKey is an RSA or an Ed25519 key");
  return `k=ed25519; p=${der.subarray(ed25519Prefix.length).toString("base64")}`;
}
