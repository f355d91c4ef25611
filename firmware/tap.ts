// Records SIP messages as they pass the transport, as JSON lines: what a ladder diagram is drawn from.

import { appendFileSync, chmodSync, writeFileSync } from "node:fs";
import type { SipAddress } from "./sip/contract.js";
import type { SipTransport } from "./sip/index.js";

/** Bytes after which recording stops: a tap is for looking at calls, not for running for weeks. */
const MAX_BYTES = 32 * 1024 * 1024;
const secrets = /^((?:proxy-)?authorization:\s*\w+).*$|(inline:)[^\r\n|]+/gim;

/** Wraps a transport so that every message is also written to `file` (mode 0600). Passwords' digests and SDES keys are left out. */
export function tapTransport(transport: SipTransport, file: string): SipTransport {
  writeFileSync(file, "", { mode: 0o600 });
  chmodSync(file, 0o600);
  let written = 0;
  const decoder = new TextDecoder();
  const record = (direction: "sent" | "received", bytes: Uint8Array, peer: SipAddress, atMs: number) => {
    if (written > MAX_BYTES) return;
    const text = decoder.decode(bytes).replace(secrets, "$1$2 [removed]");
    const line =
      JSON.stringify({ atMs, direction, peer: `${peer.host}:${peer.port}`, bytes: bytes.length, text }) + "\n";
    written += line.length;
    appendFileSync(file, line);
  };
  return {
    local: transport.local,
    reliable: transport.reliable,
    maxBytes: transport.maxBytes,
    start: (receiver) =>
      transport.start({
        message: (bytes, from, atMs) => {
          receiver.message(bytes, from, atMs);
          record("received", bytes, from, atMs);
        },
        failed: (error) => receiver.failed(error),
      }),
    send: (bytes, to, done) =>
      transport.send(bytes, to, (error, atMs) => {
        done(error, atMs);
        if (!error) record("sent", bytes, to, atMs);
      }),
    close: () => transport.close(),
  };
}
