// Certificate revocation lists (RFC 5280 section 5) from files that somebody else fetches: who on a path was withdrawn?

import { webcrypto } from "node:crypto";
import { fromBER } from "asn1js";
import { type Certificate, CertificateRevocationList, CryptoEngine } from "pkijs";
import { fail, ok, type Result } from "../runtime/result.js";
import { subjectName } from "./certificate-path.js";

const engine = new CryptoEngine({ name: "node", crypto: webcrypto, subtle: webcrypto.subtle });
const block = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g;
/** Largest list read, bytes. */
const MAX_LIST_BYTES = 4_194_304;

export interface RevocationOptions {
  /** A certificate whose issuer has no current list is refused (`revocation-unknown`). Default false. */
  readonly required?: boolean;
}

interface KnownList {
  readonly list: CertificateRevocationList;
  readonly fromMs: number;
  /** When the next list is due; later the list is out of date. */
  readonly toMs: number;
}

function parseList(der: Uint8Array): KnownList | undefined {
  try {
    const asn1 = fromBER(Uint8Array.from(der).buffer);
    if (asn1.offset !== der.length) return undefined;
    const list = new CertificateRevocationList({ schema: asn1.result });
    const isComplete = (list.crlExtensions?.extensions ?? []).every((one) => !one.critical);
    // A critical extension narrows a list down (to reasons, to some certificates, to a difference): it is no whole list then.
    if (!isComplete) return undefined;
    const toMs = list.nextUpdate?.value.getTime() ?? Number.POSITIVE_INFINITY;
    return { list, fromMs: list.thisUpdate.value.getTime(), toMs };
  } catch {
    // pkijs and asn1js say "malformed" by throwing.
    return undefined;
  }
}

/** Lists of withdrawn certificates, one or several per authority. Reading files again is the caller's: {@link replace}. */
export class RevocationLists {
  private lists: readonly KnownList[] = [];
  private count = 0;

  /** @param lists PEM texts (several lists each) or DER. Throws TypeError when one cannot be read. */
  constructor(
    lists: readonly (string | Uint8Array)[],
    private readonly options: RevocationOptions = {},
  ) {
    this.replace(lists);
  }

  /** Grows with every {@link replace}: what was decided by older lists can be told from what was decided by these. */
  get generation(): number {
    return this.count;
  }

  /** Takes newer lists in the place of all others. Throws TypeError when one cannot be read; the old ones stay then. */
  replace(lists: readonly (string | Uint8Array)[]): void {
    const ders = lists.flatMap((one) => {
      if (typeof one !== "string") return [one];
      const found = [...one.matchAll(block)].map((match) => new Uint8Array(Buffer.from(match[1], "base64")));
      if (found.length === 0) throw new TypeError("no revocation list found in a PEM text");
      return found;
    });
    this.lists = ders.map((der, i) => {
      const known = der.length <= MAX_LIST_BYTES ? parseList(der) : undefined;
      if (!known) throw new TypeError(`revocation list ${i + 1} cannot be read, or is no complete list`);
      return known;
    });
    this.count++;
  }

  /**
   * Looks a verified path up, leaf first, anchor last; the anchor itself is not looked up.
   * Codes: `certificate-revoked`, `revocation-unknown`.
   */
  async check(path: readonly Certificate[], atMs: number): Promise<Result<undefined>> {
    for (const [i, certificate] of path.slice(0, -1).entries()) {
      const found = await this.listsOf(path[i + 1]);
      const isRevoked = found.some(({ list }) => list.isCertificateRevoked(certificate));
      if (isRevoked) return fail("certificate-revoked", `the certificate of ${subjectName(certificate)} was withdrawn`);
      const isCurrent = found.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs);
      if (this.options.required && !isCurrent)
        return fail("revocation-unknown", `no current revocation list of ${subjectName(path[i + 1])}`);
    }
    return ok(undefined);
  }

  /** The lists an authority signed; a withdrawn certificate stays withdrawn when its list gets old. */
  private async listsOf(issuer: Certificate): Promise<readonly KnownList[]> {
    const signed: KnownList[] = [];
    for (const known of this.lists) {
      if (!known.list.issuer.isEqual(issuer.subject)) continue;
      const isSigned = await known.list.verify({ issuerCertificate: issuer }, engine).catch(() => false);
      if (isSigned) signed.push(known);
    }
    return signed;
  }
}
