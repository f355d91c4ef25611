// SIP over TLS 1.2 and 1.3: who the other end is, resumed sessions, verification that ages (RFC 3261 section 26, RFC 5922; thesis section 12.1).

import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { createSecureContext, createServer, connect as dialTls, type TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../../runtime/clock.js";
import type { Timers } from "../../runtime/timers.js";
import type { SipAddress } from "../contract.js";
import { canonicalHost } from "../grammar/index.js";
import { isWildcard, reachable } from "./bind.js";
import { type SocketMaker, type StreamLimits, StreamTransport } from "./stream.js";
import { listenOn, settle } from "./tcp.js";
import { identitiesCover, identityProblem, sipIdentities } from "./tls-identity.js";

/** How to listen, and whom to believe. */
export interface TlsOptions {
  /** Numeric address. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly advertise?: string;
  /** Our certificate and the ones above it (PEM), and its key. Without them nothing listens: we can only call out. */
  readonly identity?: { readonly certificateChainPem: string; readonly privateKeyPem: string };
  /** Authorities whose word on the other end is taken (PEM); none: that of nobody. */
  readonly trustAnchorsPem: readonly string[];
  /** Whether who connects must show a certificate, may, or is not asked. A certificate that is shown and cannot be verified proves nothing. */
  readonly clientCertificates?: "required" | "asked" | "no";
  /** Names whose certificates are not verified. Every other server's is. */
  readonly insecureHosts?: readonly string[];
  /** How long a verified server is taken at its word when a session is resumed, ms; then its certificate is verified anew. Default 12 h. */
  readonly rememberMs?: number;
  /** Told what secrets decrypt recorded traffic (NSS key log lines). Absent: nobody. */
  readonly keyLog?: (line: Buffer) => void;
  /** Told of a connection opened, for the log. */
  readonly connected?: (info: TlsConnectionInfo) => void;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly limits?: Partial<StreamLimits>;
}

/** What is known of a connection we opened. */
export interface TlsConnectionInfo {
  readonly host: string;
  readonly name: string;
  /** E.g. `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
  /** The session of an earlier connection went on: no certificate was shown again. */
  readonly resumed: boolean;
  /** False only for `insecureHosts`. */
  readonly verified: boolean;
  /** The certificate is another than the one remembered of this server. */
  readonly changed: boolean;
}

/** Servers remembered at most. */
const REMEMBERED = 256;

interface Remembered {
  session: Buffer | undefined;
  /** SHA-256 of the certificate. */
  readonly fingerprint: string;
  /** Wall-clock ms of the verification, and the end of what it is good for. */
  readonly verifiedMs: number;
  readonly untilMs: number;
}

/** What was verified, and for how long that is believed: session tickets are kept and end with it. */
export class TlsMemory {
  private readonly servers = new Map<string, Remembered>();

  constructor(
    private readonly clock: Clock,
    private readonly rememberMs: number,
  ) {}

  get size(): number {
    return this.servers.size;
  }

  /** A session that may be resumed. */
  session(key: string): Buffer | undefined {
    return this.recall(key)?.session;
  }

  /** A full handshake has verified a certificate. @returns whether it differs from the one remembered. */
  verified(key: string, certificate: X509Certificate): boolean {
    const before = this.recall(key);
    const now = this.clock.wallMs();
    this.servers.delete(key);
    if (this.servers.size >= REMEMBERED) {
      const oldest = this.servers.keys().next();
      if (!oldest.done) this.servers.delete(oldest.value);
    }
    const fingerprint = certificate.fingerprint256;
    const untilMs = Math.min(now + this.rememberMs, Date.parse(certificate.validTo));
    this.servers.set(key, { session: undefined, fingerprint, verifiedMs: now, untilMs });
    return before !== undefined && before.fingerprint !== fingerprint;
  }

  /** A ticket came. It is kept only for a server that is remembered, and only as long. */
  ticket(key: string, session: Buffer): void {
    const known = this.recall(key);
    if (known) known.session = session;
  }

  /** After a handshake that failed nothing of that server is believed. */
  forget(key: string): void {
    this.servers.delete(key);
  }

  private recall(key: string): Remembered | undefined {
    const known = this.servers.get(key);
    const now = this.clock.wallMs();
    // A clock that was set back says nothing of how old it is.
    if (known && (now > known.untilMs || now < known.verifiedMs)) {
      this.servers.delete(key);
      return undefined;
    }
    return known;
  }
}

/**
 * Listens when there is an identity. @throws RangeError for a bad port; Error with a sentence when the port cannot be had or a certificate or
 * key cannot be used.
 */
export async function openTls(options: TlsOptions): Promise<StreamTransport> {
  const { host, identity, clock = systemClock, timers, limits, clientCertificates = "asked" } = options;
  const context = contextOf(options);
  const memory = new TlsMemory(clock, options.rememberMs ?? 12 * 3_600_000);
  let port = options.port;
  let listener: ConstructorParameters<typeof StreamTransport>[0]["listener"];
  if (identity) {
    const server = createServer({
      ...context,
      requestCert: clientCertificates !== "no",
      rejectUnauthorized: clientCertificates === "required",
      handshakeTimeout: limits?.messageMs ?? 10_000,
    });
    if (options.keyLog) server.on("keylog", options.keyLog);
    port = await listenOn(server, host, options.port, "tls");
    listener = {
      server,
      onReady: (accept) => void server.on("secureConnection", (socket: TLSSocket) => accept(socket, provedBy(socket))),
      onRefused: (tell) => void server.on("tlsClientError", (error: Error) => tell(error)),
    };
  }
  return new StreamTransport({
    // Nobody listens there without an identity; a Via needs a port all the same.
    local: { host: options.advertise ?? reachable(host), port: port || 5061, transport: "tls" },
    maker: tlsMaker(options, createSecureContext(context), memory),
    listener,
    clock,
    timers,
    limits,
  });
}

function contextOf({ identity, trustAnchorsPem }: TlsOptions) {
  const context = {
    // An empty list would mean the system's authorities.
    ca: trustAnchorsPem.length > 0 ? [...trustAnchorsPem] : [""],
    cert: identity?.certificateChainPem,
    key: identity?.privateKeyPem,
    minVersion: "TLSv1.2",
    honorCipherOrder: true,
  } as const;
  try {
    createSecureContext(context);
  } catch (error) {
    throw new Error(`TLS: certificate, key or trust anchors cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return context;
}

function tlsMaker(
  options: TlsOptions,
  secureContext: ReturnType<typeof createSecureContext>,
  memory: TlsMemory,
): SocketMaker {
  const insecure = new Set((options.insecureHosts ?? []).map(canonicalHost));
  return {
    transport: "tls",
    mayReuse: identitiesCover,
    dial(to, done) {
      const name = to.name ?? to.host;
      const key = `${canonicalHost(to.host)}:${to.port}/${name}/${to.person ?? ""}`;
      const unverified = insecure.has(canonicalHost(name));
      const socket: TLSSocket = dialTls({
        host: to.host,
        port: to.port,
        // Known to net.connect(), which tls.connect() hands its options to; the types do not say so.
        ...(isWildcard(options.host) ? {} : { localAddress: options.host }),
        secureContext,
        servername: isIP(canonicalHost(name)) ? "" : name,
        session: unverified ? undefined : memory.session(key),
        rejectUnauthorized: !unverified,
        checkServerIdentity: (_name, certificate) => {
          const problem = unverified ? undefined : identityProblem(new X509Certificate(certificate.raw), to);
          return problem === undefined ? undefined : new Error(problem);
        },
      });
      if (options.keyLog) socket.on("keylog", options.keyLog);
      socket.on("session", (session) => {
        if (!unverified) memory.ticket(key, session);
      });
      return settle(
        socket,
        "secureConnect",
        (error, opened, identities) => {
          if (error) memory.forget(key);
          done(error && explained(error, name), opened, identities);
        },
        () => learned(socket, to, { key, name, unverified }),
      );
    },
  };

  function learned(
    socket: TLSSocket,
    to: SipAddress,
    { key, name, unverified }: { key: string; name: string; unverified: boolean },
  ): readonly string[] {
    const resumed = socket.isSessionReused();
    const certificate = socket.getPeerX509Certificate();
    const changed = !resumed && !unverified && certificate !== undefined && memory.verified(key, certificate);
    options.connected?.({
      host: to.host,
      name,
      protocol: socket.getProtocol() ?? "",
      cipher: socket.getCipher()?.name ?? "",
      resumed,
      verified: !unverified,
      changed,
    });
    if (!certificate || unverified) return [];
    // The domain's own server, and not only that of one person in it.
    const forDomain = identityProblem(certificate, { ...to, person: undefined }) === undefined;
    return [...sipIdentities(certificate.raw), ...(forDomain ? [`sip:${name}`] : [])];
  }
}

/** The SIP URIs a client has proved; none without a certificate that is verified. */
function provedBy(socket: TLSSocket): readonly string[] {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return certificate ? sipIdentities(certificate.raw) : [];
}

/** OpenSSL's codes in words a user can do something with. */
function explained(error: Error, name: string): Error {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const words: Readonly<Record<string, string>> = {
    CERT_HAS_EXPIRED: "its certificate has expired",
    CERT_NOT_YET_VALID: "its certificate is not valid yet",
    SELF_SIGNED_CERT_IN_CHAIN: "its certificate is from an authority this phone does not trust",
    DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is from an authority this phone does not trust",
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is from an authority this phone does not trust",
  };
  return words[code]
    ? Object.assign(new Error(`${name} cannot be trusted: ${words[code]}`, { cause: error }), { code })
    : error;
}
