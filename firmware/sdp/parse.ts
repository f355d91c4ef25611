// Reads a session description (RFC 8866 section 9): bounded, exact error offsets, unknown lines and attributes kept.

import { fail, type InputError, ok, type Result } from "../runtime/result.js";
import type { SdpAttribute, SdpConnection, SdpMedia, SdpOrigin, SessionDescription } from "./types.js";

/** What one description may hold at most; beyond it the parser answers `"too-big"`. */
export const sdpLimits = {
  /** Characters (bytes when bytes are given) of the whole description: what fits a UDP datagram. */
  length: 65_535,
  /** Lines of the whole description. */
  lines: 2048,
  /** `m=` sections. */
  media: 32,
  /** Formats on one `m=` line. */
  formats: 128,
} as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Section = Mutable<SdpMedia> & {
  bandwidth: string[];
  attributes: SdpAttribute[];
  other?: [string, string][];
};

const TOKEN = /^[!#$%&'*+\-.^_`{|}~A-Za-z0-9]+$/;
const PROTOCOL = /^[!#$%&'*+\-.^_`{|}~A-Za-z0-9]+(?:\/[!#$%&'*+\-.^_`{|}~A-Za-z0-9]+)*$/;
const DIGITS = /^[0-9]+$/;
const BANDWIDTH = /^[!#$%&'*+\-.^_`{|}~A-Za-z0-9]+:[0-9]+$/;

/**
 * Reads a session description.
 *
 * Lines may end in CRLF or LF, the last one may end in nothing, and the lines of a section may come in any order after `v=`
 * (deployed agents, and RFC 4567's own examples, misplace `c=` and `t=`). Missing `t=` and an empty `s=` are tolerated.
 * Letters RFC 8866 does not know are kept in `other`.
 *
 * @param input text, or bytes: UTF-8, or ISO 8859-1 when they are not valid UTF-8
 * @returns the description, or an error with the offset (bytes for bytes, UTF-16 units for text) of the offending part:
 *   `"too-big"`, `"bad-version"`, `"bad-line"`, `"bad-character"`, `"missing-line"`, `"duplicate-line"`, `"bad-origin"`,
 *   `"bad-connection"`, `"bad-bandwidth"`, `"bad-attribute"`, `"bad-media"`.
 */
export function parse(input: string | Uint8Array): Result<SessionDescription> {
  if (input.length > sdpLimits.length)
    return fail("too-big", `session description of ${input.length}, at most ${sdpLimits.length}`, sdpLimits.length);
  if (typeof input === "string") return new Reader(input).read();
  const { text, utf8 } = decode(input);
  const result = new Reader(text).read();
  if (result.ok || !utf8 || result.error.offset === undefined) return result;
  const offset = Buffer.byteLength(text.slice(0, result.error.offset), "utf8");
  return { ok: false, error: { ...result.error, offset } };
}

const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): { text: string; utf8: boolean } {
  try {
    return { text: utf8Decoder.decode(bytes), utf8: true };
  } catch {
    return { text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"), utf8: false };
  }
}

class Reader {
  private origin?: SdpOrigin;
  private sessionName?: string;
  private connection?: SdpConnection;
  private readonly bandwidth: string[] = [];
  private readonly timing: [string, string][] = [];
  private readonly other: [string, string][] = [];
  private readonly attributes: SdpAttribute[] = [];
  private readonly media: Section[] = [];

  constructor(private readonly text: string) {}

  read(): Result<SessionDescription> {
    const text = this.text;
    let at = 0;
    let lines = 0;
    while (at < text.length) {
      const newline = text.indexOf("\n", at);
      const next = newline < 0 ? text.length : newline + 1;
      let end = newline < 0 ? text.length : newline;
      if (end > at && text.charCodeAt(end - 1) === 13) end--;
      if (end === at && onlyLineEnds(text, at)) break;
      if (lines++ === sdpLimits.lines) return fail("too-big", `more than ${sdpLimits.lines} lines`, at);
      const error = this.line(at, end, lines === 1);
      if (error) return { ok: false, error };
      at = next;
    }
    if (lines === 0) return fail("missing-line", "v= is missing", 0);
    if (!this.origin) return fail("missing-line", "o= is missing", text.length);
    if (this.sessionName === undefined) return fail("missing-line", "s= is missing", text.length);
    return ok({
      origin: this.origin,
      sessionName: this.sessionName,
      bandwidth: this.bandwidth,
      timing: this.timing,
      other: this.other,
      attributes: this.attributes,
      media: this.media,
      ...(this.connection ? { connection: this.connection } : {}),
    });
  }

  private line(at: number, end: number, first: boolean): InputError | undefined {
    const text = this.text;
    for (let i = at; i < end; i++) {
      const code = text.charCodeAt(i);
      if (code === 0 || code === 13) return bad("bad-character", "NUL or lone CR in a line", i);
    }
    const letter = text[at];
    if (end - at < 2 || text[at + 1] !== "=" || !/[a-zA-Z]/.test(letter))
      return bad("bad-line", "a line is one letter, '=' and a value", at);
    const value = text.slice(at + 2, end);
    if (first) {
      if (letter !== "v") return bad("missing-line", "the first line is v=", at);
      return value === "0" ? undefined : bad("bad-version", "only version 0 of SDP exists", at + 2);
    }
    const section = this.media.at(-1);
    switch (letter) {
      case "v":
        return bad("duplicate-line", "second v=", at);
      case "m":
        return this.mediaLine(value, at + 2);
      case "a":
        return attributeLine(value, at + 2, section ? section.attributes : this.attributes);
      case "b":
        if (!BANDWIDTH.test(value)) return bad("bad-bandwidth", "b= is a type, ':' and a number", at + 2);
        (section ? section.bandwidth : this.bandwidth).push(value);
        return undefined;
      case "c":
        return this.connectionLine(value, at + 2);
    }
    if (section) {
      if (letter === "i" && section.title === undefined) section.title = value;
      else (section.other ??= []).push([letter, value]);
      return undefined;
    }
    switch (letter) {
      case "o":
        return this.originLine(value, at);
      case "s":
        if (this.sessionName !== undefined) return bad("duplicate-line", "second s=", at);
        this.sessionName = value;
        return undefined;
      case "t":
      case "r":
      case "z":
        this.timing.push([letter, value]);
        return undefined;
      default:
        this.other.push([letter, value]);
        return undefined;
    }
  }

  private originLine(value: string, at: number): InputError | undefined {
    if (this.origin) return bad("duplicate-line", "second o=", at);
    const parts = value.split(" ");
    const offset = at + 2;
    if (parts.length !== 6 || parts.some((part) => part === ""))
      return bad("bad-origin", "o= has six parts with one space between them", offset);
    const [username, sessionId, sessionVersion, netType, addrType, address] = parts;
    let start = offset + username.length + 1;
    if (!DIGITS.test(sessionId)) return bad("bad-origin", "the session id is a number", start);
    start += sessionId.length + 1;
    if (!DIGITS.test(sessionVersion)) return bad("bad-origin", "the session version is a number", start);
    start += sessionVersion.length + 1;
    if (!TOKEN.test(netType) || !TOKEN.test(addrType))
      return bad("bad-origin", "network and address type are tokens", start);
    this.origin = { username, sessionId, sessionVersion, netType, addrType, address };
    return undefined;
  }

  private connectionLine(value: string, offset: number): InputError | undefined {
    const parts = value.split(" ");
    if (parts.length !== 3 || !TOKEN.test(parts[0]) || !TOKEN.test(parts[1]) || parts[2] === "")
      return bad("bad-connection", "c= is network type, address type and address", offset);
    const connection = { netType: parts[0], addrType: parts[1], address: parts[2] };
    const section = this.media.at(-1);
    if (section) {
      if (section.connection) (section.other ??= []).push(["c", value]);
      else section.connection = connection;
      return undefined;
    }
    if (this.connection) return bad("duplicate-line", "second c= at session level", offset - 2);
    this.connection = connection;
    return undefined;
  }

  private mediaLine(value: string, offset: number): InputError | undefined {
    if (this.media.length === sdpLimits.media)
      return bad("too-big", `more than ${sdpLimits.media} m= sections`, offset - 2);
    // Trailing spaces are seen in the field; between the parts there is exactly one.
    const parts = (value.endsWith(" ") ? value.replace(/ +$/, "") : value).split(" ");
    if (parts.length < 4) return bad("bad-media", "m= is media, port, protocol and at least one format", offset);
    if (parts.length - 3 > sdpLimits.formats)
      return bad("too-big", `more than ${sdpLimits.formats} formats on one m= line`, offset);
    const [type, ports, protocol] = parts;
    if (!TOKEN.test(type)) return bad("bad-media", "the media type is a token", offset);
    let start = offset + type.length + 1;
    const match = /^([0-9]{1,5})(?:\/([1-9][0-9]{0,4}))?$/.exec(ports);
    if (!match || Number(match[1]) > 65_535) return bad("bad-media", "a port is 0 to 65535", start);
    start += ports.length + 1;
    if (!PROTOCOL.test(protocol)) return bad("bad-media", "the protocol is tokens joined by '/'", start);
    start += protocol.length + 1;
    const formats = parts.slice(3);
    for (const format of formats) {
      if (!TOKEN.test(format)) return bad("bad-media", "a format is a token", start);
      start += format.length + 1;
    }
    const section = { type, port: Number(match[1]), protocol, formats, bandwidth: [], attributes: [] };
    this.media.push(match[2] ? { ...section, portCount: Number(match[2]) } : section);
    return undefined;
  }
}

function attributeLine(value: string, offset: number, into: SdpAttribute[]): InputError | undefined {
  const colon = value.indexOf(":");
  const name = colon < 0 ? value : value.slice(0, colon);
  if (!TOKEN.test(name)) return bad("bad-attribute", "an attribute's name is a token", offset);
  into.push(colon < 0 ? { name } : { name, value: value.slice(colon + 1) });
  return undefined;
}

function onlyLineEnds(text: string, from: number): boolean {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== 13 && code !== 10) return false;
  }
  return true;
}

function bad(code: string, text: string, offset: number): InputError {
  return { code, text, offset };
}
