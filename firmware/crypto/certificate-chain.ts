// A certificate with those that vouch for it as one document: PkiPath, media type application/pkix-pkipath (RFC 6066 section 10.1; ITU-T X.509).

import { fromBER, Sequence } from "asn1js";
import { fail, ok, type Result } from "../runtime/result.js";

/** Media type of a {@link printChain}. */
export const CHAIN_TYPE = "application/pkix-pkipath";

/** Certificates in one chain; nobody has so many. */
const MAX_CERTIFICATES = 16;

/**
 * `SEQUENCE OF Certificate`, DER; whoever is nearest to the trust anchor comes first there.
 * @param chain DER certificates, end-entity certificate first.
 */
export function printChain(chain: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat([...chain].reverse());
  return new Uint8Array(Buffer.concat([Uint8Array.of(0x30, ...derLength(content.length)), content]));
}

/** Reads it: the certificates' own bytes, end-entity certificate first. They are cut apart here, not looked into. */
export function parseChain(bytes: Uint8Array): Result<Uint8Array[]> {
  const { offset, result } = read(bytes);
  if (offset < 0) return fail("bad-chain", "the certificates cannot be read");
  if (offset !== bytes.length) return fail("bad-chain", `bytes follow the certificates, from byte ${offset} on`);
  if (!(result instanceof Sequence)) return fail("bad-chain", "the certificates are not in a sequence");
  const parts = result.valueBlock.value;
  if (parts.length === 0) return fail("bad-chain", "there is no certificate in it");
  if (parts.length > MAX_CERTIFICATES)
    return fail("bad-chain", `${parts.length} certificates, ${MAX_CERTIFICATES} at most are taken`);
  if (!parts.every((part) => part instanceof Sequence)) return fail("bad-chain", "a part of it is no certificate");
  return ok(parts.map((part) => new Uint8Array(part.valueBeforeDecodeView)).reverse());
}

/** What asn1js cannot read it says with an offset of -1, or by throwing. */
function read(bytes: Uint8Array): Pick<ReturnType<typeof fromBER>, "offset" | "result"> {
  try {
    return fromBER(bytes);
  } catch {
    return { offset: -1, result: new Sequence() };
  }
}

/** X.690 section 8.1.3. */
function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}
