// KEMAC (RFC 3830 section 6.2), envelope data PKE (6.3) and the key data sub-payload (6.13).

import { requireField } from "../bytes.js";
import { KeyType, macLengths, PayloadType } from "../numbers.js";
import type { PayloadCodec } from "./codec.js";
import { type KeyValidity, parseValidity, printValidity, validityType } from "./key-validity.js";

/** Key data transport: encrypted sub-payloads and a MAC. */
export interface KemacPayload {
  readonly kind: "kemac";
  /** Table 6.2.a. */
  readonly encryption: number;
  readonly data: Uint8Array;
  /** Table 6.2.b; it fixes the length of `mac`. */
  readonly macAlgorithm: number;
  readonly mac: Uint8Array;
}

export const kemacCodec: PayloadCodec<KemacPayload> = {
  type: PayloadType.kemac,
  kind: "kemac",
  parse(reader) {
    const encryption = reader.u8("encryption algorithm");
    const data = reader.take(reader.u16("encrypted data length"), "encrypted data");
    const at = reader.offset;
    const macAlgorithm = reader.u8("MAC algorithm");
    const length = macLengths.get(macAlgorithm);
    if (length === undefined) reader.fail("unsupported-mac", `MAC algorithm ${macAlgorithm} is not known`, at);
    return { kind: "kemac", encryption, data, macAlgorithm, mac: reader.take(length ?? 0, "MAC") };
  },
  print(writer, payload) {
    requireField("KEMAC encrypted data length", payload.data.length, 0xffff);
    if (payload.mac.length !== macLengths.get(payload.macAlgorithm))
      throw new RangeError(`MAC of ${payload.mac.length} bytes does not fit MAC algorithm ${payload.macAlgorithm}`);
    writer.u8(payload.encryption).u16(payload.data.length).put(payload.data);
    writer.u8(payload.macAlgorithm).put(payload.mac);
  },
};

/** Envelope data: the encrypted envelope key. */
export interface PkePayload {
  readonly kind: "pke";
  /** Cache indicator, table 6.3. */
  readonly cache: number;
  readonly data: Uint8Array;
}

export const pkeCodec: PayloadCodec<PkePayload> = {
  type: PayloadType.pke,
  kind: "pke",
  parse(reader) {
    const word = reader.u16("envelope data length");
    return { kind: "pke", cache: word >>> 14, data: reader.take(word & 0x3fff, "envelope data") };
  },
  print(writer, payload) {
    requireField("PKE cache indicator", payload.cache, 3);
    requireField("PKE data length", payload.data.length, 0x3fff);
    writer.u16((payload.cache << 14) | payload.data.length).put(payload.data);
  },
};

/** One key inside a KEMAC. */
export interface KeyDataPayload {
  readonly kind: "key-data";
  /** Table 6.13.a. */
  readonly type: number;
  readonly key: Uint8Array;
  /** Present exactly when the type says so. */
  readonly salt?: Uint8Array;
  readonly validity: KeyValidity;
}

function hasSalt(type: number): boolean {
  return type === KeyType.tgkSalt || type === KeyType.tekSalt;
}

export const keyDataCodec: PayloadCodec<KeyDataPayload> = {
  type: PayloadType.keyData,
  kind: "key-data",
  parse(reader) {
    const at = reader.offset;
    const types = reader.u8("key type");
    const type = types >>> 4;
    if (type > KeyType.tekSalt) reader.fail("unsupported-key-data", `key type ${type} is not known`, at);
    const key = reader.take(reader.u16("key length"), "key");
    const salt = hasSalt(type) ? reader.take(reader.u16("salt length"), "salt") : undefined;
    const validity = parseValidity(reader, types & 15, at);
    return salt ? { kind: "key-data", type, key, salt, validity } : { kind: "key-data", type, key, validity };
  },
  print(writer, payload) {
    requireField("key type", payload.type, KeyType.tekSalt);
    requireField("key length", payload.key.length, 0xffff);
    if (hasSalt(payload.type) !== (payload.salt !== undefined))
      throw new RangeError(`key type ${payload.type} ${payload.salt ? "carries no" : "needs a"} salt`);
    writer.u8((payload.type << 4) | validityType(payload.validity));
    writer.u16(payload.key.length).put(payload.key);
    if (payload.salt) {
      requireField("salt length", payload.salt.length, 0xffff);
      writer.u16(payload.salt.length).put(payload.salt);
    }
    printValidity(writer, payload.validity);
  },
};
