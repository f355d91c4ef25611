// A whole message: header and payload chain, read from bytes and written to bytes (RFC 3830 sections 5.2, 5.3).

import { fail, type InputError, type Result } from "../runtime/result.js";
import { ByteReader, ByteWriter, copy, type FieldObserver } from "./bytes.js";
import { type Header, parseHeader, printHeader } from "./header.js";
import { PayloadType } from "./numbers.js";
import {
  type CodecTable,
  type OpaquePayload,
  type Payload,
  type PayloadCodec,
  standardCodecs,
} from "./payloads/index.js";

/** What is needed to write a message. */
export interface Message {
  readonly header: Header;
  readonly payloads: readonly Payload[];
}

/** A message as it was read. */
export interface ParsedMessage extends Message {
  /** The bytes it was read from, up to the end of the last payload: what MACs and signatures cover. */
  readonly bytes: Uint8Array;
  /** Where each payload began in them. */
  readonly offsets: readonly number[];
  /** Bytes after the last payload; some senders pad. Nothing protects them and nothing reads them. */
  readonly trailing: Uint8Array;
}

/** Why a message could not be read; what had been read of it helps to answer. */
export interface MessageError extends InputError {
  readonly header?: Header;
  readonly payloads: readonly Payload[];
}

/** Longest message read, in bytes: a chain of certificates fits, an attack on memory does not. */
export const MAX_MESSAGE_BYTES = 16_384;
const nothing = new Uint8Array(0);

/** Most payloads read from one message. */
export const MAX_PAYLOADS = 64;

/** Reads payloads beginning with one of type `first` until a "last payload"; gives the reader's failure if it has one. */
function parseChain(
  reader: ByteReader,
  first: number,
  codecs: CodecTable,
  payloads: Payload[],
  offsets: number[],
): InputError | undefined {
  let type = first;
  while (type !== PayloadType.last) {
    if (payloads.length === MAX_PAYLOADS) reader.fail("too-many", `more than ${MAX_PAYLOADS} payloads`);
    if (reader.failure) return reader.failure;
    const at = reader.offset;
    const codec = codecs.get(type) as PayloadCodec<Payload> | undefined;
    if (!codec) {
      payloads.push({ kind: "opaque", type, data: reader.take(reader.remaining, "payload") });
      offsets.push(at);
      return undefined;
    }
    const next = codec.ends ? PayloadType.last : reader.u8("next payload");
    const payload = codec.parse(reader);
    if (reader.failure) return reader.failure;
    payloads.push(payload);
    offsets.push(at);
    type = next;
  }
  return undefined;
}

/**
 * Reads a message. Errors carry the exact byte offset; codes: `truncated`, `too-long`, `too-many`, `unsupported-version`,
 * and `unsupported-…` for a number that decides a field's length and is not known (`cs-map`, `timestamp`, `dh-group`, `mac`,
 * `hash`, `key-data`).
 * @param observe told of every field in its order.
 */
export function parseMessage(
  bytes: Uint8Array,
  codecs: CodecTable = standardCodecs,
  observe?: FieldObserver,
): Result<ParsedMessage, MessageError> {
  const payloads: Payload[] = [];
  const offsets: number[] = [];
  if (bytes.length > MAX_MESSAGE_BYTES) {
    const text = `message of ${bytes.length} bytes, at most ${MAX_MESSAGE_BYTES} are read`;
    return { ok: false, error: { code: "too-long", text, offset: MAX_MESSAGE_BYTES, payloads } };
  }
  const reader = new ByteReader(bytes, 0, bytes.length, observe);
  const { header, next } = parseHeader(reader);
  if (reader.failure) return { ok: false, error: { ...reader.failure, payloads } };
  const failure = parseChain(reader, next, codecs, payloads, offsets);
  if (failure) return { ok: false, error: { ...failure, header, payloads } };
  const end = reader.offset;
  return {
    ok: true,
    value: {
      header,
      payloads,
      offsets,
      bytes: copy(end === bytes.length ? bytes : bytes.subarray(0, end)),
      trailing: end === bytes.length ? nothing : copy(bytes.subarray(end)),
    },
  };
}

/**
 * Reads a payload chain that has no header: the decrypted contents of a KEMAC (section 6.2). Up to 7 zero bytes may follow, with
 * which the AES key wrap was filled up.
 */
export function parsePayloads(
  bytes: Uint8Array,
  first: number,
  codecs: CodecTable = standardCodecs,
  observe?: FieldObserver,
): Result<readonly Payload[]> {
  const payloads: Payload[] = [];
  const reader = new ByteReader(bytes, 0, bytes.length, observe);
  const failure = parseChain(reader, first, codecs, payloads, []);
  if (failure) return { ok: false, error: failure };
  const rest = bytes.subarray(reader.offset);
  if (rest.length > 7 || rest.some((byte) => byte !== 0))
    return fail("trailing", `${reader.remaining} bytes after the last payload`, reader.offset);
  return { ok: true, value: payloads };
}

type Kinds = ReadonlyMap<string, PayloadCodec<Payload>>;

/** Codecs of a table by the payloads they write. */
const byKind = new WeakMap<CodecTable, Kinds>();

function kindsOf(codecs: CodecTable): Kinds {
  let kinds = byKind.get(codecs);
  if (!kinds) {
    kinds = new Map([...codecs.values()].map((codec) => [codec.kind, codec as PayloadCodec<Payload>]));
    byKind.set(codecs, kinds);
  }
  return kinds;
}

function codecFor(payload: Exclude<Payload, OpaquePayload>, kinds: Kinds): PayloadCodec<Payload> {
  const codec = kinds.get(payload.kind);
  if (!codec) throw new TypeError(`no codec writes payloads of kind ${payload.kind}`);
  return codec;
}

function typeOf(payload: Payload | undefined, kinds: Kinds): number {
  if (!payload) return PayloadType.last;
  return payload.kind === "opaque" ? payload.type : codecFor(payload, kinds).type;
}

function printChain(writer: ByteWriter, payloads: readonly Payload[], kinds: Kinds): void {
  const last = payloads.length - 1;
  for (let i = 0; i <= last; i++) {
    const payload = payloads[i];
    if (payload.kind === "opaque") {
      if (i < last) throw new TypeError("an opaque payload holds the rest of its message: nothing can follow it");
      writer.put(payload.data);
      return;
    }
    const codec = codecFor(payload, kinds);
    if (!codec.ends) writer.u8(typeOf(payloads[i + 1], kinds));
    else if (i < last) throw new TypeError(`a ${payload.kind} payload ends its message: nothing can follow it`);
    codec.print(writer, payload);
  }
}

/** Writes a message; the "next payload" fields follow from the order. Throws RangeError when a value does not fit. */
export function printMessage(message: Message, codecs: CodecTable = standardCodecs): Uint8Array {
  const writer = new ByteWriter();
  const kinds = kindsOf(codecs);
  printHeader(writer, message.header, typeOf(message.payloads[0], kinds));
  printChain(writer, message.payloads, kinds);
  return writer.finish();
}

/** Writes a payload chain without a header: what a KEMAC encrypts. */
export function printPayloads(payloads: readonly Payload[], codecs: CodecTable = standardCodecs): Uint8Array {
  const writer = new ByteWriter();
  printChain(writer, payloads, kindsOf(codecs));
  return writer.finish();
}

/** The payloads of one kind, in order. */
export function payloadsOf<K extends Payload["kind"]>(
  message: { readonly payloads: readonly Payload[] },
  kind: K,
): Extract<Payload, { kind: K }>[] {
  return message.payloads.filter((payload): payload is Extract<Payload, { kind: K }> => payload.kind === kind);
}
