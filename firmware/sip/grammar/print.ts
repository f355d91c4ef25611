// A SipMessage to the bytes that go on the wire (RFC 3261 section 7).

import { fieldKey } from "./headers.js";
import type { SipMessage } from "./message.js";

/** Everything up to and with the empty line. Content-Length is always set right: in its place when it was there, else at the end. */
export function printHead(message: SipMessage): string {
  let text =
    message.kind === "request"
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${message.reason}\r\n`;
  let length = false;
  for (const [name, value] of message.headers.entries()) {
    if (fieldKey(name) !== "content-length") text += `${name}: ${value}\r\n`;
    else if (!length) {
      length = true;
      text += `${name}: ${message.body.length}\r\n`;
    }
  }
  if (!length) text += `Content-Length: ${message.body.length}\r\n`;
  return `${text}\r\n`;
}

/** Prints a message. */
export function printMessage(message: SipMessage): Uint8Array {
  const head = printHead(message);
  const bytes = new Uint8Array(Buffer.byteLength(head) + message.body.length);
  const headLength = Buffer.from(bytes.buffer).write(head, "utf8");
  bytes.set(message.body, headLength);
  return bytes;
}
