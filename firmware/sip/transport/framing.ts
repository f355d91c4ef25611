// Messages out of a byte stream: Content-Length framing, keep-alives between messages, nothing unbounded (RFC 3261 section 18.3, RFC 5626 4.4.1).

import { decimal } from "../grammar/scanner.js";

/** What a stream brings. */
export interface FrameReceiver {
  /** One whole message. The bytes are nobody else's: a part of what was read, or a copy. */
  message(bytes: Uint8Array): void;
  /** A double CRLF between messages, which asks for a single one (RFC 5626 section 4.4.1). */
  ping(): void;
  /** A single CRLF: the answer to a ping. */
  pong(): void;
  /**
   * Nothing after this can be read: the beginning of the next message is lost. What was read of the message is handed over, so that it can
   * be answered with 400, and the connection must be closed.
   */
  broken(code: "head-too-long" | "body-too-long" | "content-length" | "not-sip", head: Uint8Array): void;
}

/** How large a message may be, bytes. */
export interface FrameLimits {
  readonly headBytes: number;
  readonly messageBytes: number;
}

/** First guess of a message's size; the buffer grows to the limits and shrinks again. */
const SMALL = 4096;
const CR = 13;
const LF = 10;
/** The end of a head. */
const BLANK = Buffer.from("\r\n\r\n");

/** Cuts one connection's bytes into messages. */
export class StreamFramer {
  private buffer = new Uint8Array(SMALL);
  private length = 0;
  /** Where the search for the end of the head goes on. */
  private searched = 0;
  /** Size of the message whose head is complete. */
  private total: number | undefined;
  private half = false;
  private dead = false;

  constructor(
    private readonly receiver: FrameReceiver,
    private readonly limits: FrameLimits,
  ) {}

  /** Bytes of a message that is not whole yet. */
  get pending(): number {
    return this.length;
  }

  /** Takes what was read, which is the framer's from now on. Does nothing after `broken`. */
  push(chunk: Uint8Array): void {
    let from = this.takeWhole(chunk);
    while (from < chunk.length && !this.dead) {
      // Never more than one whole message is kept: what is behind it waits in the chunk.
      const room = (this.total ?? this.limits.headBytes + 4) - this.length;
      const take = Math.min(room, chunk.length - from);
      this.append(chunk.subarray(from, from + take));
      from += take;
      this.cut();
    }
  }

  /** Hands on the whole messages that `chunk` begins with, as nearly every read does. How many bytes they are; what is odd about the rest is seen later. */
  private takeWhole(chunk: Uint8Array): number {
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let from = 0;
    while (from < view.length && this.length === 0 && !this.dead && isPrinted(view[from])) {
      const blank = view.indexOf(BLANK, from);
      const end = blank + BLANK.length;
      if (blank < 0 || end - from > this.limits.headBytes + 4) break;
      const size = contentLength(view.subarray(from, end));
      if (size === undefined || end - from + size > this.limits.messageBytes || end + size > view.length) break;
      this.half = false;
      const message = chunk.subarray(from, end + size);
      from = end + size;
      this.receiver.message(message);
    }
    return from;
  }

  private append(bytes: Uint8Array): void {
    const needed = this.length + bytes.length;
    if (needed > this.buffer.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
      larger.set(this.buffer.subarray(0, this.length));
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.length);
    this.length = needed;
  }

  private cut(): void {
    while (!this.dead) {
      if (this.total === undefined && !this.readHead()) return;
      if (this.total === undefined || this.length < this.total) return;
      const message = this.buffer.slice(0, this.total);
      this.drop(this.total);
      this.total = undefined;
      this.receiver.message(message);
    }
  }

  /** Skips CRLFs in front of a message, finds its head and size. False: more bytes are needed. */
  private readHead(): boolean {
    this.skipKeepAlives();
    if (this.length === 0) return false;
    const first = this.buffer[0];
    if (first === CR && this.length < 2) return false;
    if (!isPrinted(first)) return this.break("not-sip", 0);
    const end = this.findEnd();
    if (end < 0) {
      if (this.length >= this.limits.headBytes + 4) return this.break("head-too-long", this.length);
      return false;
    }
    const size = contentLength(Buffer.from(this.buffer.buffer, this.buffer.byteOffset, end));
    if (size === undefined) return this.break("content-length", end);
    if (end + size > this.limits.messageBytes) return this.break("body-too-long", end);
    this.total = end + size;
    return true;
  }

  /** A CRLF right behind one that was taken for an answer makes both a ping: its halves came apart. */
  private skipKeepAlives(): void {
    let at = 0;
    while (at + 1 < this.length && this.buffer[at] === CR && this.buffer[at + 1] === LF) {
      at += 2;
      if (this.half) this.receiver.ping();
      else if (at + 1 < this.length && this.buffer[at] === CR && this.buffer[at + 1] === LF) {
        at += 2;
        this.receiver.ping();
        continue;
      } else this.receiver.pong();
      this.half = !this.half;
    }
    if (at > 0) this.drop(at);
    if (this.length > 0 && this.buffer[0] !== CR) this.half = false;
  }

  /** Index behind the empty line; -1 when it has not come. */
  private findEnd(): number {
    const from = Math.max(0, this.searched - 3);
    const view = Buffer.from(this.buffer.buffer, this.buffer.byteOffset, this.length);
    const at = view.indexOf(BLANK, from);
    this.searched = this.length;
    return at < 0 ? -1 : at + BLANK.length;
  }

  private drop(count: number): void {
    this.buffer.copyWithin(0, count, this.length);
    this.length -= count;
    this.searched = 0;
    if (this.length < SMALL && this.buffer.length > 4 * SMALL) {
      const smaller = new Uint8Array(SMALL);
      smaller.set(this.buffer.subarray(0, this.length));
      this.buffer = smaller;
    }
  }

  private break(code: Parameters<FrameReceiver["broken"]>[0], headLength: number): false {
    this.dead = true;
    const head = this.buffer.slice(0, headLength);
    this.buffer = new Uint8Array(0);
    this.length = 0;
    this.receiver.broken(code, head);
    return false;
  }
}

/** Whether a message may begin with it. */
function isPrinted(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f;
}

/** The one Content-Length of a head; undefined when it is absent, repeated or no number: on a stream it must be there (section 20.14). */
function contentLength(head: Buffer): number | undefined {
  let found: string | undefined;
  for (let end = head.indexOf(LF); end >= 0; end = head.indexOf(LF, end + 1)) {
    const first = head[end + 1];
    const mayBe = first === 0x63 || first === 0x43 || first === 0x6c || first === 0x4c; // c, C, l, L
    if (!mayBe || head[end - 1] !== CR) continue;
    const line = head.toString("latin1", end + 1, Math.min(head.length, end + 1 + FIELD_BYTES));
    if (!NAME.test(line)) continue;
    const value = FIELD.exec(line)?.[1];
    if (found !== undefined || value === undefined) return undefined;
    found = value;
  }
  return found === undefined ? undefined : decimal(found.trim(), Number.MAX_SAFE_INTEGER);
}

const NAME = /^(?:content-length|l)[ \t]*:/i;
/** The field from its name on; its value may be on the line behind. */
const FIELD = /^(?:content-length|l)[ \t]*:[ \t]*(?:\r\n[ \t]+)?([^\r\n]*)\r/i;
/** Longer than any that says a number we take. */
const FIELD_BYTES = 256;
