// The keys inside a KEMAC (RFC 3830 sections 6.13, 6.14): TGKs or TEKs, their salts and how long they are valid.

import { ok } from "../runtime/result.js";
import { copy, sameBytes } from "./bytes.js";
import { adopt, type MikeyResult, refuse } from "./errors.js";
import { parsePayloads, printPayloads } from "./message.js";
import { EncryptionAlgorithm, KeyType, PayloadType } from "./numbers.js";
import type { IdPayload, KeyDataPayload, KeyValidity, Payload } from "./payloads/index.js";

/** One key of a bundle. */
export interface AgreedKey {
  /** `tgk`: each session's keys are derived from it. `tek`: it is a session's master key itself. */
  readonly kind: "tgk" | "tek";
  readonly key: Uint8Array;
  /** Master salt sent beside the key; absent: derived from the TGK (section 4.1.3). */
  readonly salt?: Uint8Array;
  /** An SPI is SRTP's MKI; an interval is a range of packet indices. */
  readonly validity: KeyValidity;
}

/** A TGK without salt or limit. */
export function plainTgk(key: Uint8Array, validity: KeyValidity = { kind: "none" }): AgreedKey {
  return { kind: "tgk", key, validity };
}

/** Zeroes keys. */
export function wipeKeys(keys: readonly Pick<AgreedKey, "key" | "salt">[]): void {
  for (const { key, salt } of keys) {
    key.fill(0);
    salt?.fill(0);
  }
}

/** Copies keys, so that each holder can wipe its own. */
export function copyKeys(keys: readonly AgreedKey[]): AgreedKey[] {
  return keys.map((one) => ({ ...one, key: copy(one.key), ...(one.salt ? { salt: copy(one.salt) } : {}) }));
}

/** Most keys in one message. */
const MAX_KEYS = 16;
/** Bytes of a fresh TGK: twice the strength of the AES-128 keys made from it. */
const TGK_BYTES = 32;

/**
 * Bytes of a fresh TGK that goes behind `before` bytes under an encryption: a few more where the AES key wrap wants multiples of 8.
 */
export function tgkBytes(encryption: number, before: number): number {
  if (encryption !== EncryptionAlgorithm.aesKeyWrap128) return TGK_BYTES;
  return TGK_BYTES + ((8 - ((before + 4 + TGK_BYTES) % 8)) % 8);
}

function payloadOf({ kind, key, salt, validity }: AgreedKey): KeyDataPayload {
  const plain = kind === "tgk" ? KeyType.tgk : KeyType.tek;
  return { kind: "key-data", type: salt ? plain + 1 : plain, key, ...(salt ? { salt } : {}), validity };
}

/** Writes what a KEMAC encrypts: an identity before the keys in the public-key methods. */
export function printKeyData(keys: readonly AgreedKey[], identity?: IdPayload): Uint8Array {
  const payloads: Payload[] = [...(identity ? [identity] : []), ...keys.map(payloadOf)];
  return payloads.length === 0 ? new Uint8Array(0) : printPayloads(payloads);
}

/** What a KEMAC held. */
export interface ReadKeyData {
  readonly identity?: IdPayload;
  readonly keys: readonly AgreedKey[];
}

function readKey(payload: KeyDataPayload): MikeyResult<AgreedKey> {
  const { key, salt, validity } = payload;
  const kind = payload.type === KeyType.tgk || payload.type === KeyType.tgkSalt ? "tgk" : "tek";
  if (key.length < 16)
    return refuse("unsupported-key-data", `a ${kind.toUpperCase()} of ${key.length} bytes is too short`);
  if (salt && salt.length !== 14 && salt.length !== 12)
    return refuse("unsupported-key-data", `a salt of ${salt.length} bytes, SRTP needs 14 (12 for AEAD)`);
  if (validity.kind === "interval" && (validity.from.length > 6 || validity.to.length > 6))
    return refuse("unsupported-key-data", "an interval of SRTP indices has at most 6 bytes at each end");
  if (validity.kind === "interval" && packetIndex(validity.from) > packetIndex(validity.to))
    return refuse("unsupported-key-data", "the key's interval ends before it begins");
  if (validity.kind === "spi" && validity.spi.length > MKI_MAX_BYTES)
    return refuse("unsupported-key-data", `an SPI of ${validity.spi.length} bytes, SRTP's MKI has ${MKI_MAX_BYTES}`);
  return ok({ kind, key, ...(salt ? { salt } : {}), validity });
}

/** Longest MKI of SRTP (RFC 4568 section 6.1), which an SPI becomes. */
const MKI_MAX_BYTES = 128;

/** An end of an interval: a packet index of SRTP. */
export function packetIndex(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/**
 * Reads what a KEMAC held.
 * @param wantsIdentity the first payload must be the sender's identity (public-key methods, section 6.2).
 */
export function readKeyData(plain: Uint8Array, wantsIdentity: boolean): MikeyResult<ReadKeyData> {
  if (plain.length === 0)
    return wantsIdentity ? refuse("missing-identity", "no identity stands before the keys") : ok({ keys: [] });
  const parsed = parsePayloads(plain, wantsIdentity ? PayloadType.id : PayloadType.keyData);
  if (!parsed.ok) return adopt(parsed.error);
  const [first, ...others] = parsed.value;
  if (wantsIdentity && first?.kind !== "id") return refuse("missing-identity", "no identity stands before the keys");
  const payloads = wantsIdentity ? others : parsed.value;
  const keys = readKeys(payloads);
  if (!keys.ok) {
    for (const payload of payloads) if (payload.kind === "key-data") wipeKeys([payload]);
    return keys;
  }
  return ok(first?.kind === "id" && wantsIdentity ? { identity: first, keys: keys.value } : { keys: keys.value });
}

function readKeys(payloads: readonly Payload[]): MikeyResult<readonly AgreedKey[]> {
  if (payloads.length > MAX_KEYS) return refuse("unsupported-key-data", `${payloads.length} keys in one message`);
  const keys: AgreedKey[] = [];
  for (const payload of payloads) {
    if (payload.kind !== "key-data")
      return refuse("unsupported-key-data", `a payload of kind ${payload.kind} among the keys`);
    const key = readKey(payload);
    if (!key.ok) return key;
    keys.push(key.value);
  }
  const usable = checkSet(keys);
  return usable.ok ? ok(keys) : usable;
}

/** Several keys must be told apart: TGKs by their SPIs, TEKs by SPIs or by their place in the CS ID map. */
function checkSet(keys: readonly AgreedKey[]): MikeyResult<undefined> {
  if (keys.some((one) => one.kind !== keys[0].kind))
    return refuse("unsupported-key-data", "TGKs and TEKs in one message");
  if (keys.length < 2 || keys[0].kind === "tek") return ok(undefined);
  const spis = keys.map(({ validity }) => (validity.kind === "spi" ? validity.spi : undefined));
  const isDistinct = spis.every((spi, i) => spi && spis.findIndex((other) => other && sameBytes(other, spi)) === i);
  return isDistinct ? ok(undefined) : refuse("unsupported-key-data", "several TGKs without an SPI for each");
}
