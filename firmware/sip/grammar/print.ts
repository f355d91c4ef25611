// A SipMessage to the bytes that go on the wire (RFC 3261 section 7).

import { compactForm, fieldKey } from "./headers.js";
import type { SipMessage } from "./message.js";

/** How a message is written. */
export interface PrintOptions {
  /**
   * Every field that has a compact name is written with it, `v` for Via: for a message that would otherwise be too large for its transport
   * (section 7.3.3). Without it names are written as the message has them.
   */
  readonly compact?: boolean;
}

/** Everything up to and with the empty line. Content-Length is always set right: in its place when it was there, else at the end. */
export function printHead(message: SipMessage, options?: PrintOptions): string {
  const compact = options?.compact === true;
  let text =
    message.kind === "request"
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${message.reason}\r\n`;
  let length = false;
  for (const [name, value] of message.headers.entries()) {
    const key = fieldKey(name);
    const written = compact ? (compactForm(key) ?? name) : name;
    if (key !== "content-length") text += `${written}: ${value}\r\n`;
    else if (!length) {
      length = true;
      text += `${written}: ${message.body.length}\r\n`;
    }
  }
  if (!length) text += `${compact ? "l" : "Content-Length"}: ${message.body.length}\r\n`;
  return `${text}\r\n`;
}

/** Prints a message. */
export function printMessage(message: SipMessage, options?: PrintOptions): Uint8Array {
  const head = printHead(message, options);
  const bytes = new Uint8Array(Buffer.byteLength(head) + message.body.length);
  const headLength = Buffer.from(bytes.buffer).write(head, "utf8");
  bytes.set(message.body, headLength);
  return bytes;
}
