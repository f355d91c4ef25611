// The part of the configuration that says how SIP reaches others: transports, TLS, names, limits.

import * as v from "valibot";

const whole = (low: number, high: number, unit = "") => {
  const allowed = `a whole number from ${low} to ${high}${unit}`;
  return v.pipe(
    v.number(allowed),
    v.check((n) => Number.isInteger(n) && n >= low && n <= high, allowed),
  );
};
const text = v.pipe(v.string("a text"), v.minLength(1, "a text that is not empty"));
const path = v.pipe(v.string("a file path"), v.minLength(1, "a file path"));
const transport = v.picklist(["udp", "tcp", "tls"], '"udp", "tcp" or "tls"');

/** Where requests go first. */
export const nextHop = v.strictObject({
  host: text,
  /** Absent: as the name's NAPTR and SRV records say, else the transport's own. */
  port: v.optional(whole(1, 65_535)),
  transport: v.optional(transport),
});

/** TLS, as server and as client. */
const tls = v.strictObject({
  /** Absent: the one above `sip.port`. */
  port: v.optional(whole(0, 65_535)),
  /** Our certificate (PEM, the ones above it may follow): without it the phone calls over TLS and cannot be called. */
  certificate: v.optional(path),
  /** Its private key (PEM, file mode 0600). */
  privateKey: v.optional(path),
  /** Certificate authorities whose word on servers and callers is taken (PEM files). */
  trustAnchors: v.optional(v.array(path, "a list of file paths"), []),
  /** Whether who connects must show a certificate, may, or is not asked. */
  clientCertificates: v.optional(v.picklist(["required", "asked", "no"], '"required", "asked" or "no"'), "asked"),
  /** Names of servers whose certificates are NOT verified. */
  insecureHosts: v.optional(v.array(text, "a list of host names"), []),
  /** How long a verified server is believed when a session is resumed, seconds. */
  rememberS: v.optional(whole(0, 2_592_000, " seconds"), 43_200),
  /** Writes the secrets that decrypt recorded traffic to a file: for a test bench only. */
  keyLogFile: v.optional(path),
});

/** Every field of `sip` that is this file's. */
export const sipReach = {
  /** What the phone listens on; the first is used where nothing asks for another. TCP takes the same port as UDP. */
  transports: v.optional(
    v.pipe(
      v.array(transport, 'a list of "udp", "tcp", "tls"'),
      v.minLength(1, "at least one transport"),
      v.check((list) => new Set(list).size === list.length, "each transport once"),
    ),
    ["udp", "tcp"],
  ),
  tls: v.optional(tls, {}),
  /** DNS servers asked for names; absent: the system's. */
  resolver: v.optional(
    v.strictObject({
      servers: v.optional(
        v.array(
          v.pipe(
            v.string("an address such as 192.0.2.53 or 192.0.2.53:53"),
            v.regex(
              /^(\[[0-9a-fA-F:.]+\](:\d{1,5})?|\d+\.\d+\.\d+\.\d+(:\d{1,5})?|[0-9a-fA-F:]+)$/,
              "an address such as 192.0.2.53, 192.0.2.53:53 or [2001:db8::53]:53",
            ),
          ),
          "a list of addresses",
        ),
      ),
      timeoutMs: v.optional(whole(100, 10_000, " ms"), 2000),
    }),
    {},
  ),
  /** What the network may ask of the phone; above it messages are dropped, requests answered 503, connections closed. */
  limits: v.optional(
    v.strictObject({
      messagesPerSource: v.optional(whole(1, 1_000_000, " a second"), 400),
      requestsPerSource: v.optional(whole(1, 1_000_000, " a second"), 50),
      requestsTotal: v.optional(whole(1, 1_000_000, " a second"), 100),
      connections: v.optional(whole(1, 4096), 64),
      connectionsPerSource: v.optional(whole(1, 4096), 8),
    }),
    {},
  ),
} as const;
