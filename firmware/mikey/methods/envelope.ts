// The envelope of the public-key methods (RFC 3830 sections 3.2, 6.2, 6.3; RFC 4738): KEMAC under an envelope key, PKE around that.

import { createHash, type KeyObject } from "node:crypto";
import { type EnvelopePadding, envelopeLength, openEnvelope, sealEnvelope } from "../../crypto/rsa-envelope.js";
import { ok } from "../../runtime/result.js";
import { copy, sameBytes } from "../bytes.js";
import type { Dialect } from "../dialect.js";
import { type MikeyResult, refuse } from "../errors.js";
import { type AgreedKey, printKeyData, readKeyData } from "../key-data.js";
import { printPayloads } from "../message.js";
import { CacheIndicator, EncryptionAlgorithm, HashFunction, MacAlgorithm } from "../numbers.js";
import type { CertificateHashPayload, IdPayload, KemacPayload, Payload, PkePayload } from "../payloads/index.js";
import { type TransportKeys, wipeTransportKeys } from "../prf.js";
import { computeMac, MAC_BYTES, macsEqual, openKeyData, sealKeyData } from "../transport.js";
import { emptyMac, keysFor, transportKeys } from "./mac.js";
import type { Envelope, KeyWish, RandomSource } from "./method.js";

/** Bytes of a fresh envelope key. */
const ENVELOPE_BYTES = 32;

/** How envelopes are made. */
export interface EnvelopeOptions {
  /** RSA padding both ways; nothing in a message names it. Default `pkcs1`, which everybody has. */
  readonly padding?: EnvelopePadding;
  /** {@link EncryptionAlgorithm} of our key data; default AES-CM-128. The AES key wrap goes without a MAC (section 4.2.3). */
  readonly encryption?: number;
  /** Whether our envelope keys may be kept and used as pre-shared keys (table 6.3); default `bundle`: for updates of the call. */
  readonly cache?: "none" | "bundle" | "peer";
}

const indicators = { none: CacheIndicator.none, bundle: CacheIndicator.forBundle, peer: CacheIndicator.cache } as const;

/** The envelope key as the cache indicator lets it be kept. */
export function envelopeOf(indicator: number, key: Uint8Array): Envelope | undefined {
  if (indicator === CacheIndicator.none) return undefined;
  return { key: copy(key), isForBundleOnly: indicator !== CacheIndicator.cache };
}

/** The MAC covers the KEMAC alone, its "next payload" set to zero (sections 5.2, 6.2). */
function kemacMac(keys: TransportKeys, kemac: KemacPayload): Uint8Array {
  const alone = printPayloads([kemac]);
  return computeMac(keys.authentication, alone.subarray(0, alone.length - MAC_BYTES));
}

/** What identifies an exchange to its transport keys. */
export interface EnvelopeContext {
  readonly csbId: number;
  readonly rand: Uint8Array;
  readonly timestamp: Uint8Array;
  readonly compat?: Dialect | undefined;
}

/** A closed envelope: the payloads, and what is inside. */
export interface SealedEnvelope {
  readonly kemac: KemacPayload;
  readonly pke: PkePayload;
  readonly keys: AgreedKey[];
  readonly envelopeKey: Uint8Array;
  readonly transport: TransportKeys;
  readonly envelope: Envelope | undefined;
}

/** Puts an identity and keys into an envelope for a public key. `unusable-public-key`: the key is not RSA, or too short. */
export function seal(
  publicKey: KeyObject,
  identity: IdPayload,
  wish: KeyWish,
  random: RandomSource,
  context: EnvelopeContext,
  options: EnvelopeOptions,
): MikeyResult<SealedEnvelope> {
  const { padding = "pkcs1", encryption = EncryptionAlgorithm.aesCm128, cache = "bundle" } = options;
  if (publicKey.asymmetricKeyType !== "rsa" || envelopeLength(publicKey) < 128)
    return refuse("unusable-public-key", "the peer's key is no RSA key that an envelope can be made with");
  const envelopeKey = random(ENVELOPE_BYTES);
  const transport = transportKeys(envelopeKey, context.csbId, context.rand, context.compat);
  const keys = keysFor(wish, random, encryption, 4 + identity.data.length);
  const plain = printKeyData(keys, identity);
  const data = sealKeyData(encryption, transport, context.csbId, context.timestamp, plain);
  plain.fill(0);
  const isWrapped = encryption === EncryptionAlgorithm.aesKeyWrap128;
  const macAlgorithm = isWrapped ? MacAlgorithm.null : MacAlgorithm.hmacSha1;
  const open: KemacPayload = { kind: "kemac", encryption, data, macAlgorithm, mac: emptyMac(macAlgorithm) };
  const kemac = isWrapped ? open : { ...open, mac: kemacMac(transport, open) };
  const indicator = indicators[cache];
  const pke: PkePayload = {
    kind: "pke",
    cache: indicator,
    data: sealEnvelope(publicKey, envelopeKey, padding, random),
  };
  return ok({ kemac, pke, keys, envelopeKey, transport, envelope: envelopeOf(indicator, envelopeKey) });
}

/** An opened envelope. */
export interface OpenedEnvelope {
  readonly identity: IdPayload;
  readonly keys: readonly AgreedKey[];
  readonly transport: TransportKeys;
  readonly envelope: Envelope | undefined;
}

/**
 * Opens an envelope. `bad-envelope`: it is not for our key, or its contents were changed; which of the two is not told, and takes
 * no less time.
 */
export function unseal(
  privateKey: KeyObject,
  kemac: KemacPayload,
  pke: PkePayload,
  context: EnvelopeContext,
  options: EnvelopeOptions,
): MikeyResult<OpenedEnvelope> {
  const isWrapped = kemac.encryption === EncryptionAlgorithm.aesKeyWrap128;
  if (kemac.encryption !== EncryptionAlgorithm.aesCm128 && !isWrapped)
    return refuse("unsupported-encryption", `key data encryption ${kemac.encryption} is not accepted in an envelope`);
  if (kemac.macAlgorithm !== MacAlgorithm.hmacSha1 && !isWrapped)
    return refuse("unsupported-mac", "an envelope without HMAC-SHA-1 proves nothing");
  const bad = () => refuse("bad-envelope", "the envelope is not for our key, or was changed");
  const envelopeKey = openEnvelope(privateKey, pke.data, options.padding ?? "pkcs1");
  if (!envelopeKey) return bad();
  const transport = transportKeys(envelopeKey, context.csbId, context.rand, context.compat);
  const isProved =
    kemac.macAlgorithm !== MacAlgorithm.hmacSha1 ||
    macsEqual(kemacMac(transport, { ...kemac, mac: emptyMac(kemac.macAlgorithm) }), kemac.mac);
  const plain = openKeyData(kemac.encryption, transport, context.csbId, context.timestamp, kemac.data);
  const give = <T>(result: MikeyResult<T>): MikeyResult<T> => {
    wipeTransportKeys(transport);
    envelopeKey.fill(0);
    return result;
  };
  if (!isProved || !plain.ok) return give(bad());
  const read = readKeyData(plain.value, true);
  plain.value.fill(0);
  if (!read.ok) return give(read);
  const { identity, keys } = read.value;
  if (!identity) return give(refuse("missing-identity", "no identity stands before the keys"));
  const envelope = envelopeOf(pke.cache, envelopeKey);
  envelopeKey.fill(0);
  return ok({ identity, keys, transport, envelope });
}

/** Hashes of certificates in use; gone with them. */
const hashes = { sha1: new WeakMap<Uint8Array, Uint8Array>(), md5: new WeakMap<Uint8Array, Uint8Array>() };

function hashOf(certificate: Uint8Array, name: keyof typeof hashes): Uint8Array {
  let hash = hashes[name].get(certificate);
  if (!hash) {
    hash = new Uint8Array(createHash(name).update(certificate).digest());
    hashes[name].set(certificate, hash);
  }
  return hash;
}

/** The payload that names a certificate by its SHA-1 hash. `certificate`: DER, not changed afterwards. */
export function certificateHash(certificate: Uint8Array): CertificateHashPayload {
  return { kind: "certificate-hash", hashFunction: HashFunction.sha1, hash: hashOf(certificate, "sha1") };
}

/** Whether a hash names a certificate. */
export function isHashOf(hash: CertificateHashPayload, certificate: Uint8Array): boolean {
  return sameBytes(hash.hash, hashOf(certificate, hash.hashFunction === HashFunction.sha1 ? "sha1" : "md5"));
}

/** Payloads of an envelope in their order. */
export function envelopePayloads(sealed: SealedEnvelope, hash?: CertificateHashPayload): readonly Payload[] {
  return [sealed.kemac, ...(hash ? [hash] : []), sealed.pke];
}
