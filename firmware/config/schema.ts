// What a configuration file may say, checked by valibot. Every field has a default where one makes sense.

import * as v from "valibot";
import { mikeySuites } from "../mikey/srtp-policy.js";
import { nextHop, sipReach } from "./sip.js";

const port = v.pipe(
  v.number("a whole number from 0 to 65535"),
  v.check((n) => Number.isInteger(n) && n >= 0 && n <= 65535, "a whole number from 0 to 65535 (0: any free port)"),
);
const text = v.pipe(v.string("a text"), v.minLength(1, "a text that is not empty"));
const path = v.pipe(v.string("a file path"), v.minLength(1, "a file path"));

/** `sip:user@host`, without parameters, headers or password. */
const sipUri = v.pipe(
  v.string("a SIP URI such as sip:alice@example.com"),
  v.regex(
    /^sips?:[^\s@:;?<>"]+@(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$/,
    "a SIP URI such as sip:alice@example.com",
  ),
);

/** One address, or everybody at a host. */
const callerPattern = v.pipe(
  v.string("an address such as sip:bob@example.com or *@example.com"),
  v.regex(
    /^(?:sips?:[^\s@:;?<>"]+|\*)@(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)$/,
    "an address such as sip:bob@example.com or *@example.com",
  ),
);

const between = (low: number, high: number, unit: string) => {
  const allowed = `a number from ${low} to ${high}${unit}`;
  return v.pipe(v.number(allowed), v.minValue(low, allowed), v.maxValue(high, allowed));
};

const keyingMethod = v.picklist(
  ["dh", "psk", "dhhmac", "pke", "rsa-r"],
  '"dh" (signed Diffie-Hellman), "psk", "dhhmac" (shared key), "pke" or "rsa-r" (RSA envelopes)',
);

/** One method, or several in the order in which we would like them. */
const offers = v.union(
  [
    v.pipe(
      keyingMethod,
      v.transform((one) => [one]),
    ),
    v.pipe(
      v.array(keyingMethod),
      v.minLength(1),
      v.check((list) => new Set(list).size === list.length),
    ),
  ],
  'a method ("dh", "psk", "dhhmac", "pke", "rsa-r") or a list of different ones, most wanted first',
);

/** Protection of voice packets, most wanted first. */
const suites = v.pipe(
  v.array(v.picklist(mikeySuites, mikeySuites.map((name) => `"${name}"`).join(", ")), "a list of SRTP suites"),
  v.minLength(1, "at least one SRTP suite"),
  v.check((list) => new Set(list).size === list.length, "each suite once"),
);

const dialect = v.picklist(["minisip", "minisip-rfc-prf"], '"minisip" or "minisip-rfc-prf"');

const keying = v.strictObject({
  /** Methods offered in calls we place, most wanted first; calls we receive may use any method that is configured. */
  offer: v.optional(offers, "dh"),
  /** Methods of calls we receive; absent: every one that keys exist for. */
  accepts: v.optional(v.array(keyingMethod, "a list of methods")),
  suites: v.optional(suites, ["AES_CM_128_HMAC_SHA1_80"]),
  /** What is different for one peer. */
  peers: v.optional(
    v.array(
      v.strictObject({
        peer: sipUri,
        offer: v.optional(offers),
        accepts: v.optional(v.array(keyingMethod, "a list of methods")),
        suites: v.optional(suites),
        /** The peer runs another implementation with a dialect of its own. */
        compat: v.optional(dialect),
      }),
      "a list of { peer, offer, accepts, suites, compat }",
    ),
    [],
  ),
  /** Where our offers put a=key-mgmt: above all lines, or on the secured one. */
  level: v.optional(v.picklist(["session", "media"], '"session" or "media"'), "session"),
  /** New keys within a call after this time, seconds; absent: when they are used up, or when asked for. */
  rekeyS: v.optional(between(5, 86_400, " seconds")),
  /** The request that brings them; UPDATE only where the peer takes it. */
  rekeyBy: v.optional(v.picklist(["invite", "update"], '"invite" or "update"'), "invite"),
  /** Packets a key of ours protects; the last sixteenth is the time to agree on another. Absent: as many as SRTP allows (2^48). */
  keyPackets: v.optional(between(512, 2 ** 48, " packets")),
  /**
   * `proved`: who changes a secured call (address, hold) proves who they are with a message of the key agreement; `any`: phones that send
   * none are taken too.
   */
  changes: v.optional(v.picklist(["any", "proved"], '"any" or "proved"'), "any"),
  /** A secured line that cannot be verified: refuse the whole offer, or that line where another has keys of its own. */
  failedLine: v.optional(v.picklist(["refuse-all", "refuse-line"], '"refuse-all" or "refuse-line"'), "refuse-all"),
  /** New keys that the other phone refuses: the call ends (RFC 4567 section 4.1.2), or goes on under the keys it has. */
  refusedRekey: v.optional(v.picklist(["end", "keep"], '"end" or "keep"'), "end"),
  /** Signatures made and accepted: as RFC 3830 has them (SHA-1), ours (SHA-256), or both. */
  signatures: v.optional(
    v.picklist(["auto", "rfc3830", "rfc3830-pss", "sotto"], '"auto", "rfc3830", "rfc3830-pss" or "sotto"'),
    "auto",
  ),
  /** Group of Diffie-Hellman offers. */
  group: v.optional(
    v.picklist(["oakley5", "modp2048", "modp3072", "x25519"], '"oakley5", "modp2048", "modp3072" or "x25519"'),
    "oakley5",
  ),
  /** Our certificate (PEM; further certificates of the chain may follow in the file). Its subjectAltName holds the account's URI. */
  certificate: v.optional(path),
  /** Private key of the certificate (PEM, file mode 0600). */
  privateKey: v.optional(path),
  /** Certificate authorities we believe (PEM files). */
  trustAnchors: v.optional(v.array(path, "a list of file paths"), []),
  /** Lists of withdrawn certificates (PEM or DER files); `requireRevocationLists`: each authority must have a current one. */
  revocationLists: v.optional(v.array(path, "a list of file paths"), []),
  requireRevocationLists: v.optional(v.boolean("true or false"), false),
  /** Certificates of peers (PEM files), for RSA envelopes to people who have not shown theirs yet. */
  peerCertificates: v.optional(v.array(path, "a list of file paths"), []),
  /** Public keys of people who show no certificate, from the DNS (`user._domainkey.domain`). */
  domainKeys: v.optional(
    v.strictObject({
      /** Folder where they are kept as PEM files. */
      folder: v.optional(path),
      /** DNS servers; absent: the system's. */
      servers: v.optional(v.array(text, "a list of addresses")),
      /** Only keys protected by DNSSEC count. */
      requireDnssec: v.optional(v.boolean("true or false"), false),
    }),
  ),
  /** Keys shared with peers: 32 to 512 hex digits in a file of mode 0600. */
  sharedKeys: v.optional(
    v.array(
      v.strictObject({
        peer: sipUri,
        file: path,
        /** The peer runs another implementation with a dialect of its own. */
        compat: v.optional(dialect),
      }),
      "a list of { peer, file, compat }",
    ),
    [],
  ),
  /** How far the peer's clock may be from ours, seconds. */
  clockSkewS: v.optional(between(1, 86_400, " seconds"), 300),
});

/** A user name with a password, or with the hashes a server keeps in its place; each in a file of mode 0600. */
const credentials = v.strictObject({
  user: text,
  /** Realm they are for; absent: the account's domain and its registrar's realm; `"*"`: whoever asks. */
  realm: v.optional(text),
  /** File with the password on its first line. */
  passwordFile: v.optional(path),
  /** File with H(user:realm:password) in hexadecimal, a hash a line: `SHA-256:…`, `SHA-512-256:…`, `MD5:…`. */
  ha1File: v.optional(path),
});

const account = v.strictObject({
  /** Address of record. */
  uri: sipUri,
  displayName: v.optional(text),
  /** required: no clear call ever leaves or is taken; preferred: secured where the peer can; off: never secured. */
  security: v.optional(v.picklist(["required", "preferred", "off"], '"required", "preferred" or "off"'), "required"),
  keying: v.optional(keying, {}),
  /** Whom a refused offer is refused for: this phone (488), or all phones of the person (606). */
  refusesFor: v.optional(v.picklist(["phone", "person"], '"phone" or "person"'), "phone"),
  /** Codecs, most wanted first. */
  codecs: v.optional(
    v.pipe(
      v.array(v.picklist(["PCMU", "PCMA"], '"PCMU" or "PCMA"'), 'a list of "PCMU", "PCMA"'),
      v.minLength(1, "at least one codec"),
      v.check((list) => new Set(list).size === list.length, "each codec once"),
    ),
    ["PCMU", "PCMA"],
  ),
  /** Whether the phone registers, so that the account is found under its address. */
  register: v.optional(v.boolean("true or false"), false),
  /** Where it registers; default: the domain of `uri`. */
  registrar: v.optional(
    v.pipe(
      v.string("a SIP URI such as sip:example.com"),
      v.regex(
        /^sips?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?(;[^\s?<>"]*)?$/,
        "a SIP URI such as sip:example.com",
      ),
    ),
  ),
  /** How long a registration is asked for, seconds; it is refreshed when about four fifths have passed. */
  registerExpiresS: v.optional(between(60, 86_400, " seconds"), 600),
  /**
   * Whether the first server answers keep-alives (RFC 5626 section 4.4): `auto`, when it says so (outbound); `answered`, it is known to;
   * `off`: none are sent.
   */
  keepAlive: v.optional(v.picklist(["auto", "answered", "off"], '"auto", "answered" or "off"'), "auto"),
  /** RFC 3329 with the first server, where it is not reached over TLS anyway: `required`, nothing is said before; `supported`: if it asks. */
  securityAgreement: v.optional(
    v.picklist(["off", "supported", "required"], '"off", "supported" or "required"'),
    "off",
  ),
  /** Ask the registrar for a globally routable address and use it as contact (RFC 5627). */
  gruu: v.optional(v.boolean("true or false"), false),
  /** Proxies its requests go through, each a registration of its own (RFC 5626); default: `sip.outboundProxy`. */
  outboundProxies: v.optional(v.array(nextHop, "a list of { host, port, transport }"), []),
  /** User name and password, or several for several realms. */
  auth: v.optional(
    v.union([credentials, v.array(credentials)], "{ user, realm, passwordFile | ha1File }, or a list of them"),
  ),
  /** Whether it sends and takes text messages; they are not private. Default: only where `security` is not `required`. */
  messages: v.optional(v.boolean("true or false")),
  /** Its calls do not say who calls (RFC 3323); needs `security` `off`. */
  anonymous: v.optional(v.boolean("true or false"), false),
  /** Answer after this many ms without a key press; absent: never. */
  autoAnswerMs: v.optional(between(0, 60_000, " ms")),
});

/** The whole file. */
export const configSchema = v.strictObject({
  /** Which board of platform/ this is. */
  board: v.optional(text, "host"),
  /** Settings handed to the board's drivers, by device: `{"audio": {"captureWav": "in.wav"}}`. Checked by the board. */
  devices: v.optional(v.record(v.string(), v.record(v.string(), v.unknown())), {}),
  sip: v.optional(
    v.strictObject({
      /** Address the phone binds and announces. */
      address: v.optional(v.pipe(v.string("an IP address"), v.ip("an IP address")), "127.0.0.1"),
      port: v.optional(port, 5060),
      ...sipReach,
      /** Send every request of ours to this proxy instead of where its URI says. */
      outboundProxy: v.optional(nextHop),
      /** Where the phone's instance-id (RFC 5626) is kept; default `instance-id` beside the configuration file. */
      instanceFile: v.optional(path),
      /** Where SIP messages are recorded (JSON lines, keys removed), for a ladder diagram; absent: nowhere. */
      tapFile: v.optional(path),
    }),
    {},
  ),
  rtp: v.optional(
    v.pipe(
      v.strictObject({ portMin: v.optional(port, 40_000), portMax: v.optional(port, 40_999) }),
      v.check(
        (r) => r.portMin >= 1024 && r.portMax - r.portMin >= 7,
        "portMin from 1024 up and portMax at least 7 above it",
      ),
    ),
    {},
  ),
  /** The first account places calls; calls come in for all of them. */
  accounts: v.pipe(v.array(account, "a list of accounts"), v.minLength(1, "at least one account")),
  /** Unix socket of the local control interface (mode 0600); default `control.sock` beside the configuration file. */
  control: v.optional(path),
  log: v.optional(
    v.strictObject({
      level: v.optional(v.picklist(["debug", "info", "warn", "error"], '"debug", "info", "warn" or "error"'), "info"),
      /** File that gets the log lines; absent: standard error. */
      file: v.optional(path),
    }),
    {},
  ),
  ring: v.optional(
    v.strictObject({
      volume: v.optional(between(0, 1, ""), 0.8),
      vibrate: v.optional(v.boolean("true or false"), true),
      /** How the phone calls: sound (and vibrator), vibrator alone, light and screen alone. Holding # while idle changes it. */
      mode: v.optional(v.picklist(["ring", "vibrate", "silent"], '"ring", "vibrate" or "silent"'), "ring"),
      /** A key that is pressed is felt. */
      keyClick: v.optional(v.boolean("true or false"), false),
      /** Whose call-progress tones the earpiece plays. */
      tones: v.optional(v.picklist(["eu", "us", "uk"], '"eu", "us" or "uk"'), "eu"),
      /** How long an incoming call rings before it is given up, seconds. */
      limitS: v.optional(between(5, 600, " seconds"), 120),
    }),
    {},
  ),
  /** Who may ring: decided on the proved identity where there is one. People in `contacts` are known. */
  callers: v.optional(
    v.strictObject({
      /** `sip:bob@example.com` or `*@example.com`. */
      allow: v.optional(v.array(callerPattern, "a list of addresses"), []),
      block: v.optional(v.array(callerPattern, "a list of addresses"), []),
      unknown: v.optional(v.picklist(["ring", "silent", "reject"], '"ring", "silent" or "reject"'), "ring"),
    }),
    {},
  ),
  /** People one can call with the arrow keys; `key` (one digit) held long dials the contact. */
  contacts: v.optional(
    v.array(
      v.strictObject({
        name: text,
        uri: sipUri,
        key: v.optional(v.pipe(v.string("a digit"), v.regex(/^[0-9]$/, "a digit"))),
      }),
      "a list of { name, uri, key }",
    ),
    [],
  ),
  /**
   * Do the work of a call before somebody waits for it: key pairs, offers to people about to be called, answers while it rings, a rehearsal
   * at start. `false` is for measuring what that is worth.
   */
  precompute: v.optional(v.boolean("true or false"), true),
  /** Calls at once, ringing and held ones included; further ones are answered 486 (busy). */
  maxCalls: v.optional(between(1, 1000, ""), 1),
  /** How many unproved offers one source may have verified at once, and how many more each second brings; further ones get 503. */
  offerBudget: v.optional(
    v.strictObject({ burst: v.optional(between(1, 1000, ""), 5), perSecond: v.optional(between(0.01, 1000, ""), 0.5) }),
    {},
  ),
  /** File of key agreement offers seen, so that none can be replayed after a restart; absent: kept in memory. */
  replayFile: v.optional(path),
  /** Delays of the last calls, for `sotto latency`, so that they outlive a restart; absent: kept in memory. */
  latencyFile: v.optional(path),
  /** Where each call's trace points are appended as JSON lines; absent: nowhere. */
  traceFile: v.optional(path),
});

/** A checked configuration with every default filled in and every path absolute. */
export type Config = v.InferOutput<typeof configSchema>;
export type AccountConfig = Config["accounts"][number];
export type SecurityPolicy = AccountConfig["security"];
