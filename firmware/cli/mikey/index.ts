// `sotto mikey …`: looks into MIKEY messages and writes test vectors.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Dialect } from "../../mikey/index.js";
import type { Explained } from "./explain.js";
import type { Inspection } from "./inspect.js";

interface InspectOptions {
  readonly psk?: Uint8Array;
  readonly key: readonly string[];
  readonly cert: readonly string[];
  readonly ca: readonly string[];
  readonly compat?: Dialect;
  readonly at?: number;
}

const several = (value: string, before: readonly string[]): readonly string[] => [...before, value];

function hexBytes(value: string): Uint8Array {
  if (!/^([0-9a-fA-F]{2})+$/.test(value)) throw new InvalidArgumentError("an even number of hexadecimal digits");
  return new Uint8Array(Buffer.from(value, "hex"));
}

function moment(value: string): number {
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) throw new InvalidArgumentError("a time such as 2026-06-01T12:00:00Z");
  return ms;
}

/** A message as people have it: base64, perhaps with `a=key-mgmt:mikey ` before it, or hexadecimal. */
export function readMessage(given: string): Uint8Array {
  const value = given.trim().replace(/^(a=)?(key-mgmt:)?(mikey\s+)?/i, "");
  if (/^([0-9a-fA-F]{2})+$/.test(value)) return new Uint8Array(Buffer.from(value, "hex"));
  if (!/^[A-Za-z0-9+/\s]+={0,2}$/.test(value)) throw new Error("a message is base64 (or hexadecimal) text");
  return new Uint8Array(Buffer.from(value, "base64"));
}

/**
 * The messages of a text: lines as {@link readMessage} takes them; of a description or a SIP message its key management attributes
 * alone; base64 that was broken into lines of 64 or 76 characters, or folded, is put together again.
 */
export function messagesIn(given: string): string[] {
  const lines = given
    .replace(/\r?\n[ \t]+/g, "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);
  const attributes = lines.filter((line) => /^a=key-mgmt:mikey\s/i.test(line));
  if (attributes.length > 0) return attributes;
  const messages: string[] = [];
  let isBroken = false;
  for (const line of lines) {
    if (isBroken) messages[messages.length - 1] += line;
    else messages.push(line);
    isBroken = /^[A-Za-z0-9+/]+$/.test(line) && (line.length === 64 || line.length === 76);
  }
  return messages;
}

/** A file's contents. @throws Error that names the file when `read` cannot make anything of them. */
function fromFile<T>(file: string, what: string, read: (pem: string) => T): T {
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"})`);
  }
  try {
    return read(pem);
  } catch {
    throw new Error(`${file} holds no ${what} (PEM)`);
  }
}

function partLines(explained: Explained, indent: string): string[] {
  const lines: string[] = [];
  for (const { name, fields } of explained.parts) {
    lines.push(`${indent}${name}`);
    for (const { offset, hex, name: field, meaning } of fields) {
      const shown = hex.length > 64 ? `${hex.slice(0, 60)}… (${hex.length / 2} bytes)` : hex;
      lines.push(`${indent}  ${String(offset).padStart(5)}  ${field}: ${shown}${meaning ? `  ${meaning}` : ""}`);
    }
  }
  if (explained.error)
    lines.push(
      `${indent}breaks off: ${explained.error.text} (byte ${explained.error.offset ?? "?"}, ${explained.error.code})`,
    );
  if (explained.trailing > 0) lines.push(`${indent}${explained.trailing} bytes follow that nothing protects or reads`);
  return lines;
}

/** An inspection in words. */
export function inspectionText(inspection: Inspection): string {
  const lines = partLines(inspection.explained, "");
  for (const { what, result, text: words } of inspection.checks)
    lines.push(`${result === undefined ? "?" : result ? "ok" : "WRONG"}  ${what}: ${words}`);
  if (inspection.inside) lines.push("inside the KEMAC:", ...partLines(inspection.inside, "  "));
  for (const { kind, key, salt } of inspection.keys) lines.push(`${kind}: ${key}${salt ? `, salt ${salt}` : ""}`);
  for (const { csId, ssrc, suite, tek, salt, mki } of inspection.sessions)
    lines.push(`CS ${csId} (SSRC ${ssrc}, ${suite}): key ${tek}, salt ${salt}${mki ? `, MKI ${mki}` : ""}`);
  return lines.join("\n");
}

async function inspect(given: readonly string[], options: InspectOptions, isJson: boolean): Promise<void> {
  // The other commands need not wait for an X.509 library to load.
  const { certificatesFromPem, TrustStore } = await import("../../crypto/certificates.js");
  const { inspectMessages } = await import("./inspect.js");
  const texts = await Promise.all(given.map(async (one) => (one === "-" ? await text(process.stdin) : one)));
  const parts = texts.flatMap(messagesIn);
  if (parts.length === 0) throw new Error("there is no message to inspect");
  const anchors = options.ca.map((file) =>
    fromFile(file, "certificate", (pem) => {
      new TrustStore(pem);
      return pem;
    }),
  );
  const certificates = options.cert.flatMap((file) =>
    fromFile(file, "certificate", (pem) => {
      const found = certificatesFromPem(pem);
      for (const der of found) new X509Certificate(der);
      if (found.length === 0) throw new Error("none");
      return found;
    }),
  );
  const inspections = await inspectMessages(parts.map(readMessage), {
    ...(options.psk ? { psk: options.psk } : {}),
    privateKeys: options.key.map((file) => fromFile(file, "private key that is not encrypted", createPrivateKey)),
    certificates,
    ...(anchors.length > 0 ? { trust: new TrustStore(anchors) } : {}),
    ...(options.compat ? { compat: options.compat } : {}),
    nowMs: options.at ?? Date.now(),
  });
  if (isJson) console.log(JSON.stringify(inspections, null, 1));
  else console.log(inspections.map(inspectionText).join("\n\n"));
  const isWrong = inspections.some(
    ({ explained, checks }) => explained.error !== undefined || checks.some(({ result }) => result === false),
  );
  if (isWrong) process.exitCode = 1;
}

/** Adds `mikey inspect` and `mikey vectors` to the command line. */
export function addMikeyCommands(program: Command): void {
  const mikey = program.command("mikey").description("look into MIKEY messages (RFC 3830)");
  mikey
    .command("inspect")
    .description(
      "explain a message byte by byte, verify what the given keys allow, show the keys it carries; exit 1 when something is wrong",
    )
    .argument(
      "<message...>",
      "base64 (a=key-mgmt's value) or hex; an offer, perhaps followed by its answer; - reads from standard input: a message a line, broken base64, or the a=key-mgmt lines of a whole SIP message or description",
    )
    .option("--psk <hex>", "the shared key", hexBytes)
    .option("--key <file>", "a private key that envelopes are addressed to (PEM); may be repeated", several, [])
    .option("--cert <file>", "certificate of a signer who sends none (PEM); may be repeated", several, [])
    .option("--ca <file>", "an authority whose word is taken (PEM); may be repeated", several, [])
    .option("--at <time>", "when certificates must be valid (default: now)", moment)
    .addOption(new Option("--compat <dialect>", "the peer's dialect").choices(["minisip", "minisip-rfc-prf"]))
    .option("--json", "print JSON instead of words")
    .action((messages: string[], options: InspectOptions, command: Command) =>
      inspect(messages, options, command.optsWithGlobals().json === true),
    );
  mikey
    .command("vectors")
    .description("write complete exchanges of every method, from fixed inputs, as JSON")
    .action(async () => {
      const { makeVectors } = await import("./vectors.js");
      const note = "made by sotto; keys and certificates in here are public and must not be used for anything else";
      console.log(JSON.stringify({ note, vectors: await makeVectors() }, null, 1));
    });
}
