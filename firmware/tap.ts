// Records SIP messages as they pass the transport, as JSON lines: what a ladder diagram is drawn from.

import { appendFileSync, chmodSync, writeFileSync } from "node:fs";
import type { SipAddress } from "./sip/contract.js";
import type { SendDone, SipTransport } from "./sip/index.js";

/** Bytes after which recording stops: a tap is for looking at calls, not for running for weeks. */
const MAX_BYTES = 32 * 1024 * 1024;
const secrets = /^((?:proxy-)?authorization:\s*\w+).*$|(inline:)[^\r\n|]+/gim;

/** Gives back transports that also write every message to `file` (mode 0600). Passwords' digests and SDES keys are left out. */
export function tapTransports(transports: readonly SipTransport[], file: string): SipTransport[] {
  writeFileSync(file, "", { mode: 0o600 });
  chmodSync(file, 0o600);
  let written = 0;
  const decoder = new TextDecoder();
  const record: Record = (direction: "sent" | "received", bytes: Uint8Array, peer: SipAddress, atMs: number) => {
    if (written > MAX_BYTES) return;
    const text = decoder.decode(bytes).replace(secrets, "$1$2 [removed]");
    const { transport } = peer;
    const line =
      JSON.stringify({ atMs, direction, peer: `${peer.host}:${peer.port}`, transport, bytes: bytes.length, text }) +
      "\n";
    written += line.length;
    appendFileSync(file, line);
  };
  return transports.map((transport) => tapped(transport, record));
}

type Record = (direction: "sent" | "received", bytes: Uint8Array, peer: SipAddress, atMs: number) => void;

function tapped(transport: SipTransport, record: Record): SipTransport {
  return {
    local: transport.local,
    reliable: transport.reliable,
    maxBytes: transport.maxBytes,
    start: (receiver) =>
      transport.start({
        ...receiver,
        message: (bytes, from, atMs) => {
          receiver.message(bytes, from, atMs);
          record("received", bytes, from, atMs);
        },
      }),
    send: (bytes, to, done: SendDone) =>
      transport.send(bytes, to, (error, atMs, connection) => {
        done(error, atMs, connection);
        if (!error) record("sent", bytes, to, atMs);
      }),
    keepOpen: transport.keepOpen?.bind(transport),
    dropFrom: transport.dropFrom?.bind(transport),
    alias: transport.alias?.bind(transport),
    connections: transport.connections?.bind(transport),
    close: () => transport.close(),
  };
}
