// Every byte of a MIKEY message with its name and meaning.

import { X509Certificate } from "node:crypto";
import { errorNames, PayloadType, parseMessage, parsePayloads } from "../../mikey/index.js";
import type { Result } from "../../runtime/result.js";
import { nameOf, parameterMeaning, signatureName } from "./meanings.js";

/** One field. */
export interface ExplainedField {
  readonly offset: number;
  readonly length: number;
  readonly hex: string;
  readonly name: string;
  /** What the value means, where it can be said. */
  readonly meaning?: string;
}

/** One payload, or the header. */
export interface ExplainedPart {
  readonly name: string;
  readonly fields: readonly ExplainedField[];
}

/** A message taken apart; `error` when it breaks off. */
export interface Explained {
  readonly parts: readonly ExplainedPart[];
  readonly trailing: number;
  readonly error?: { readonly code: string; readonly text: string; readonly offset?: number };
}

const titles: Readonly<Record<number, string>> = {
  [PayloadType.kemac]: "KEMAC key data transport (6.2)",
  [PayloadType.pke]: "PKE envelope (6.3)",
  [PayloadType.dh]: "DH Diffie-Hellman value (6.4)",
  [PayloadType.sign]: "SIGN signature (6.5)",
  [PayloadType.timestamp]: "T timestamp (6.6)",
  [PayloadType.id]: "ID identity (6.7)",
  [PayloadType.certificate]: "CERT certificate (6.7)",
  [PayloadType.certificateHash]: "CHASH certificate hash (6.8)",
  [PayloadType.verification]: "V verification (6.9)",
  [PayloadType.policy]: "SP security policy (6.10)",
  [PayloadType.rand]: "RAND (6.11)",
  [PayloadType.error]: "ERR error (6.12)",
  [PayloadType.keyData]: "key data (6.13)",
  [PayloadType.extension]: "general extension (6.15)",
};

const number = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

function printable(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString("latin1");
  return /^[\x20-\x7e]+$/.test(text) ? JSON.stringify(text) : undefined;
}

function timeOf(bytes: Uint8Array): string {
  if (bytes.length !== 8) return `counter ${number(bytes)}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const seconds = view.getUint32(0) - 2_208_988_800 + (view.getUint32(0) < 0x80000000 ? 2 ** 32 : 0);
  return new Date(seconds * 1000 + Math.round((view.getUint32(4) / 2 ** 32) * 1000)).toISOString();
}

function certificateOf(bytes: Uint8Array): string | undefined {
  try {
    const { subject, subjectAltName = "", validTo } = new X509Certificate(bytes);
    return `${subject.replaceAll("\n", ", ")} (${subjectAltName}), valid until ${validTo}`;
  } catch {
    return printable(bytes);
  }
}

/** @param parameterType of the policy parameter that was begun last. */
function meaningOf(name: string, bytes: Uint8Array, parameterType: number): string | undefined {
  const value = number(bytes);
  const named = nameOf(name, value);
  if (named) return named;
  switch (name) {
    case "V and PRF":
      return `${value & 0x80 ? "an answer is wanted" : "no answer is wanted"}, PRF ${value & 0x7f ? value & 0x7f : "MIKEY-1"}`;
    case "timestamp":
      return timeOf(bytes);
    case "certificate":
      return certificateOf(bytes);
    case "ID":
    case "extension":
      return printable(bytes);
    case "error number":
      return errorNames[value] ?? "unknown";
    case "signature length":
      return `${signatureName(value >>> 12)}, ${value & 0xfff} bytes`;
    case "envelope data length":
      return `cache ${value >>> 14} (0 no, 1 yes, 2 for this bundle), ${value & 0x3fff} bytes`;
    case "key type":
      return `${["TGK", "TGK+SALT", "TEK", "TEK+SALT"][value >>> 4] ?? "unknown"}, validity ${["none", "SPI", "interval"][value & 15] ?? "unknown"}`;
    case "SSRC":
      return value === 0 ? "not chosen yet" : undefined;
    case "policy parameter":
      return bytes.length <= 6 ? parameterMeaning(parameterType, value) : undefined;
    default:
      return bytes.length <= 4 && /length|number|#CS|ROC|version/.test(name) ? String(value) : undefined;
  }
}

interface Collector {
  readonly parts: { name: string; fields: ExplainedField[] }[];
  next: number;
  observe(name: string, offset: number, length: number): void;
}

/** Groups fields into payloads: each begins with its "next payload", SIGN with its length. */
function collector(bytes: Uint8Array, first: string, next: number): Collector {
  let parameterType = 0;
  const made: Collector = {
    parts: [],
    next,
    observe(name, offset, length) {
      const data = bytes.subarray(offset, offset + length);
      const isHeader = made.parts.length === 0 || name === "version";
      const isInHeader =
        made.parts.length === 1 &&
        made.parts[0].name === first &&
        !made.parts[0].fields.some((one) => one.name === "CS ID map type");
      const begins =
        !isInHeader &&
        (name === "next payload" ||
          (name === "signature length" && made.next === PayloadType.sign) ||
          name === "payload");
      if (first !== "" && isHeader && made.parts.length === 0) made.parts.push({ name: first, fields: [] });
      else if (begins || made.parts.length === 0)
        made.parts.push({ name: titles[made.next] ?? `payload ${made.next}`, fields: [] });
      const meaning = meaningOf(name, data, parameterType);
      if (name === "policy parameter type") parameterType = data[0];
      const hex = Buffer.from(data).toString("hex");
      made.parts[made.parts.length - 1].fields.push({ offset, length, hex, name, ...(meaning ? { meaning } : {}) });
      if (name === "next payload") made.next = data[0];
    },
  };
  return made;
}

/** Takes a message apart. */
export function explain(bytes: Uint8Array): Explained {
  const fields = collector(bytes, "HDR common header (6.1)", 0);
  const parsed = parseMessage(bytes, undefined, fields.observe);
  if (parsed.ok) return { parts: fields.parts, trailing: parsed.value.trailing.length };
  const { code, text, offset } = parsed.error;
  return { parts: fields.parts, trailing: 0, error: { code, text, ...(offset === undefined ? {} : { offset }) } };
}

/** Takes the decrypted contents of a KEMAC apart. `first`: the type of its first payload. */
export function explainPayloads(bytes: Uint8Array, first: number): Explained {
  const fields = collector(bytes, "", first);
  const parsed: Result<unknown> = parsePayloads(bytes, first, undefined, fields.observe);
  return { parts: fields.parts, trailing: 0, ...(parsed.ok ? {} : { error: parsed.error }) };
}
