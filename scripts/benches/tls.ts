// What a new TLS connection costs a request: with a whole handshake, with the session of an earlier one, and none where the connection is there.

import { createServer } from "node:tls";
import { createAuthority, type IssuedIdentity, issueServer } from "../../firmware/crypto/issue.js";
import { openTls, type SipAddress, type SipTransport } from "../../firmware/sip/index.js";
import { type Benchmark, interleave, type Variant } from "./benchmark.js";

type Version = "TLSv1.2" | "TLSv1.3";

const hour = 3_600_000;
const request = [
  "OPTIONS sip:a.test SIP/2.0",
  "Via: SIP/2.0/TLS 127.0.0.1:5061;rport;branch=z9hG4bKbench",
  "Max-Forwards: 70",
  "From: <sip:alice@a.test>;tag=1",
  "To: <sip:a.test>",
  "Call-ID: bench",
  "CSeq: 1 OPTIONS",
  "Content-Length: 0",
  "",
  "",
].join("\r\n");
const answer = `SIP/2.0 200 OK\r\n${request.split("\r\n").slice(1, 2).join()}\r\nContent-Length: 0\r\n\r\n`;

/** A server that answers, and closes after each answer unless it is to `keep`. */
async function listen(identity: IssuedIdentity, version: Version, keep: boolean) {
  const server = createServer(
    { cert: identity.chainPem, key: identity.privateKeyPem, minVersion: version, maxVersion: version },
    (socket) => {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("data", () => void (keep ? socket.write(answer) : socket.end(answer)));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

/** Milliseconds from handing a request to the transport to its answer; the connection is gone again when it resolves, unless kept. */
function roundTrip(
  transport: SipTransport,
  port: number,
  waiting: { answered?: () => void },
  keep: boolean,
): Promise<number> {
  const to: SipAddress = { host: "127.0.0.1", port, transport: "tls", name: "a.test" };
  return new Promise((resolve, reject) => {
    const began = performance.now();
    waiting.answered = () => {
      const took = performance.now() - began;
      const gone = (): void => void (keep || transport.connections?.() === 0 ? resolve(took) : setTimeout(gone, 2));
      gone();
    };
    transport.send(Buffer.from(request), to, (error) => error && reject(error));
  });
}

export const tls: Benchmark = {
  name: "tls",
  description: "a request over TLS: whole handshake, resumed session, open connection",
  async run(context) {
    const valid = { notBeforeMs: Date.now() - hour, notAfterMs: Date.now() + 24 * hour };
    const authority = await createAuthority({ ...valid, commonName: "Bench CA" });
    const server = await issueServer(authority, { ...valid, uris: ["sip:a.test"] });
    for (const version of ["TLSv1.3", "TLSv1.2"] as const) {
      const closers: (() => unknown)[] = [];
      const variant = async (name: string, rememberMs: number, keep: boolean): Promise<Variant> => {
        const at = await listen(server, version, keep);
        const trustAnchorsPem = [authority.certificatePem];
        const transport = await openTls({ host: "127.0.0.1", port: 0, trustAnchorsPem, rememberMs });
        const waiting: { answered?: () => void } = {};
        transport.start({ message: () => waiting.answered?.(), failed: () => {} });
        closers.push(() => transport.close(), at.close);
        return { name, sample: () => roundTrip(transport, at.port, waiting, keep) };
      };
      const series = await interleave(
        [
          await variant("whole handshake", -1, false),
          await variant("resumed session", hour, false),
          await variant("open connection", hour, true),
        ],
        { rounds: context.rounds ?? 60, onRound: (done, all) => context.status(`${version}: ${done} of ${all}`) },
      );
      context.report({ title: `OPTIONS to its 200 over ${version}, RSA-2048`, unit: "ms", series, paired: true });
      for (const close of closers) await close();
    }
    context.note(
      "Both ends on this machine: the handshake's two signatures and its round trips cost a handheld far more.",
    );
  },
};
