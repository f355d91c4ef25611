// The torture messages of RFC 4475 and RFC 5118, each through parser, essential fields and screening of the user agent core.
// Ours for every case (torture-messages.ts), and where they are at hand the RFCs' own files. A registrar's, a proxy's or Date's matter is marked "above".

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { screen } from "../../../../firmware/sip/core/screening.js";
import { Fields } from "../../../../firmware/sip/dialog/fields.js";
import { branchOf, parseMessage, parseNameAddr, readEssentials } from "../../../../firmware/sip/grammar/index.js";
import { checkout } from "../../../vectors.js";
import { rfc4475 as own4475, rfc5118 as own5118 } from "./torture-messages.js";

const shared = process.env.SOTTO_SHARED ?? join(checkout, "..", "shared");
const folder = (name: string): string => join(shared, "vectors", name);

/**
 * "valid": taken, an INVITE or OPTIONS would be processed; "valid NNN": well-formed, and a handset answers NNN;
 * "400", "505": malformed, answered so; "drop": malformed, dropped.
 */
const rfc4475: Record<string, string> = {
  // 3.1.1 valid messages
  wsinv: "valid", // 3.1.1.1 a short tortuous INVITE
  intmeth: "valid 501", // 3.1.1.2
  esc01: "valid", // 3.1.1.3
  escnull: "valid 405", // 3.1.1.4 REGISTER
  esc02: "valid 501", // 3.1.1.5
  lwsdisp: "valid", // 3.1.1.6
  longreq: "valid", // 3.1.1.7
  dblreq: "valid 405", // 3.1.1.8 REGISTER, trailing octets ignored
  semiuri: "valid", // 3.1.1.9
  transports: "valid", // 3.1.1.10
  mpart01: "valid 415", // 3.1.1.11 MESSAGE with a multipart body
  unreason: "valid", // 3.1.1.12 response
  noreason: "valid", // 3.1.1.13 response
  // 3.1.2 invalid messages
  badinv01: "400",
  clerr: "400",
  ncl: "400",
  scalar02: "400",
  scalarlg: "drop", // response
  quotbal: "400",
  ltgtruri: "400",
  lwsruri: "400",
  lwsstart: "400", // may be rejected
  trws: "400", // may be rejected
  escruri: "400",
  baddate: "valid", // 3.1.2.12: to be ignored by who has no use for Date; above
  regbadct: "valid 405", // 3.1.2.13: a registrar's matter; the Contact itself is refused by its parser (below)
  badaspec: "400",
  baddn: "drop", // 3.1.2.15: the file also lacks the empty line, so it is dropped; with it, 400 (below)
  badvers: "505",
  mismatch01: "400",
  mismatch02: "400", // 501 preferred, 400 acceptable
  bigcode: "drop",
  // 3.2 transaction layer
  badbranch: "valid", // falls back to RFC 2543 matching
  // 3.3 application layer
  insuf: "400",
  unkscm: "valid 416",
  novelsc: "valid 416",
  unksm2: "valid 405", // REGISTER
  bext01: "valid 420",
  invut: "valid 415",
  regaut01: "valid 405",
  multi01: "400",
  mcl01: "400",
  bcast: "valid", // response; no transaction of ours matches it, so it is dropped
  zeromf: "valid",
  cparam01: "valid 405",
  cparam02: "valid 405",
  regescrt: "valid 405",
  sdp01: "valid 406",
  // 3.4 backward compatibility
  inv2543: "valid",
};

/** RFC 5118 section 4; the files have bare line feeds and lack the last one, which a datagram would not. */
const rfc5118: Record<string, string> = {
  "ipv6-good": "valid 405", // 4.1 REGISTER
  "ipv6-bad": "400", // 4.2
  "port-ambiguous": "valid 405",
  "port-unambiguous": "valid 405",
  "via-received-param-with-delim": "valid",
  "via-received-param-no-delim": "valid",
  "ipv6-in-sdp": "400", // 4.6 counts 268 bytes for a body of 251: over UDP that is 3.1.2.2 of RFC 4475
  "mult-ip-in-header": "valid",
  "mult-ip-in-sdp": "valid",
  "ipv4-mapped-ipv6": "valid",
  "ipv6-bug-abnf-3-colons": "valid",
  "ipv6-correct-abnf-2-colons": "valid",
};

const fields = new Fields(
  { accept: ["application/sdp"], supported: [] },
  { host: "192.0.2.1", port: 5060, transport: "udp" },
);

function verdict(bytes: Uint8Array): string {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) {
    const request = parsed.error.request;
    if (!request?.headers.has("Via")) return "drop";
    return parsed.error.code === "version" ? "505" : "400";
  }
  const message = parsed.value;
  const essentials = readEssentials(message);
  if (!essentials.ok) return message.kind === "request" ? "400" : "drop";
  if (message.kind === "response") return "valid";
  const refusal = screen(message, {
    fields,
    accepts: () => true,
    inDialog: essentials.value.toTag !== undefined,
    legacy: branchOf(essentials.value.via) === undefined,
  });
  if (refusal?.status === 400) return "400";
  return refusal ? `valid ${refusal.status}` : "valid";
}

for (const [name, expected, crlf] of [
  ["sip-torture-rfc4475", rfc4475, false],
  ["sip-torture-rfc5118", rfc5118, true],
] as const) {
  if (!existsSync(folder(name))) {
    console.log(`skipped: shared vectors ${name} are not here`);
    continue;
  }
  const files = new Map(readdirSync(folder(name)).map((file) => [file.replace(/\.dat$/, ""), file]));
  for (const [message, outcome] of Object.entries(expected))
    test(`${name}: ${message} is ${outcome}`, () => {
      const raw = readFileSync(join(folder(name), files.get(message)!));
      const bytes = crlf ? Buffer.from(`${raw.toString("latin1").replace(/\r?\n/g, "\r\n")}\r\n`, "latin1") : raw;
      assert.is(verdict(bytes), outcome);
    });
  test(`${name}: every file is listed`, () => {
    files.delete("test"); // a leftover in the RFC's archive, described nowhere in its text
    assert.equal([...files.keys()].sort(), Object.keys(expected).sort());
  });
}

test("3.1.2.13: a Contact with URI headers outside <> is refused; 3.3.14: inside it is taken", () => {
  assert.not(parseNameAddr("sip:user@example.com?Route=%3Csip:sip.example.com%3E").ok);
  assert.ok(parseNameAddr("<sip:user@example.com?Route=%3Csip:sip.example.com%3E>").ok);
});

test("3.1.2.15: display names with more than tokens, unquoted, are refused", () => {
  assert.not(parseNameAddr("Bell, Alexander <sip:a.g.bell@example.org>;tag=43").ok);
  assert.not(parseNameAddr("Watson, Thomas <sip:t.watson@example.org>").ok);
});

for (const [rfc, cases] of [
  ["RFC 4475", own4475],
  ["RFC 5118", own5118],
] as const)
  for (const { section, says, bytes, verdict: expected } of cases)
    test(`${rfc} section ${section}: ${says}`, () => {
      assert.is(verdict(bytes), expected, bytes.toString("latin1").slice(0, 400));
    });

test("every case of both RFCs has a message here", () => {
  const upTo = (prefix: string, last: number) => Array.from({ length: last }, (_, i) => `${prefix}${i + 1}`);
  assert.equal(
    own4475.map((one) => one.section),
    [...upTo("3.1.1.", 13), ...upTo("3.1.2.", 19), "3.2.1", ...upTo("3.3.", 15), "3.4.1"],
  );
  assert.equal([...new Set(own5118.map((one) => one.section))], upTo("4.", 10));
});

test.run();
