// DomainKeys: public keys of people, published in the DNS by their domain, kept in a folder of PEM files.

import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { sipIdentity } from "../../../crypto/sip-identity.js";
import { type DirectoryKey, type KeyDirectory, type MikeyResult, refuse } from "../../../mikey/index.js";
import { ok } from "../../../runtime/result.js";
import type { DnsClient } from "../../../sip/index.js";
import { checkStrength, parseRecord, recordName } from "./record.js";

export { parseRecord, printRecord, recordName } from "./record.js";

export interface DomainKeysOptions {
  readonly dns: DnsClient;
  /** Folder of PEM files, each named as its record (`bob._domainkey.biloxi.com`); absent: keys are kept in memory alone. */
  readonly folder?: string;
  /**
   * Only keys that the resolver checked with DNSSEC count. Without it, whoever controls the way to the DNS server chooses the keys.
   * Default false.
   */
  readonly requiresAuthenticated?: boolean;
  /** Shortest RSA key believed, bits; default 2048. */
  readonly minRsaBits?: number;
  /** People remembered; default 256. */
  readonly capacity?: number;
  /** Told when the folder cannot be written; keys are then kept in memory. */
  readonly failed?: (error: Error) => void;
}

interface Known {
  readonly key: MikeyResult<KeyObject>;
  readonly isAuthenticated: boolean;
  readonly untilMs: number;
}

const head = /^Expires: (\S+)\nAuthenticated: (yes|no)\n/;

/**
 * Finds keys in memory, then in the folder, then in the DNS. A record counts for as long as its TTL says. A PEM file without our two
 * lines at its head was put there by its owner: it has no end and counts as authenticated.
 */
export class DomainKeys implements KeyDirectory {
  private readonly known = new Map<string, Known>();
  private readonly asking = new Map<string, Promise<MikeyResult<Known>>>();
  private readonly minRsaBits: number;

  constructor(private readonly options: DomainKeysOptions) {
    this.minRsaBits = options.minRsaBits ?? 2048;
  }

  /**
   * Codes: `no-domain-key`, `domain-key-revoked`, `bad-domain-key`, `domain-key-not-authenticated`, `unusable-public-key`,
   * `dns-failure`.
   */
  async find(uri: string, use: "signature" | "encryption", nowMs: number): Promise<MikeyResult<DirectoryKey>> {
    const record = recordName(uri);
    if (record === undefined) return refuse("no-domain-key", "the address has no name in the DNS");
    const found = await this.lookUp(record, nowMs);
    if (!found.ok) return found;
    const { key, isAuthenticated } = found.value;
    if (!key.ok) return key;
    if (this.options.requiresAuthenticated && !isAuthenticated)
      return refuse("domain-key-not-authenticated", `${record} is not protected by DNSSEC`);
    if (use === "encryption" && key.value.asymmetricKeyType !== "rsa")
      return refuse("unusable-public-key", `${record} is no RSA key, nothing can be encrypted with it`);
    const spki = key.value.export({ type: "spki", format: "der" });
    const fingerprint = createHash("sha256").update(spki).digest("hex");
    const identity = sipIdentity(uri) ?? uri;
    return ok({ publicKey: key.value, proof: { kind: "domain-key", identity, record, isAuthenticated, fingerprint } });
  }

  private async lookUp(record: string, nowMs: number): Promise<MikeyResult<Known>> {
    const known = this.known.get(record) ?? this.readFile(record);
    if (known && known.untilMs > nowMs) {
      this.remember(record, known);
      return ok(known);
    }
    // Several calls at once ask once.
    let asking = this.asking.get(record);
    if (!asking) {
      asking = this.ask(record, nowMs).finally(() => this.asking.delete(record));
      this.asking.set(record, asking);
    }
    return asking;
  }

  private async ask(record: string, nowMs: number): Promise<MikeyResult<Known>> {
    const answer = await this.options.dns.query(record, "TXT");
    if (!answer.ok) return refuse("dns-failure", `${record}: ${answer.error.text}`);
    const { records, ttlS, isAuthenticated = false } = answer.value;
    const keys = records.filter((text) => /(^|;)\s*p\s*=/.test(text));
    const key =
      keys.length === 1
        ? parseRecord(keys[0], this.minRsaBits)
        : keys.length === 0
          ? refuse("no-domain-key", `no key is published at ${record}`)
          : refuse("bad-domain-key", `${keys.length} keys are published at ${record}`);
    const known = { key, isAuthenticated, untilMs: nowMs + ttlS * 1000 };
    this.remember(record, known);
    if (key.ok) this.writeFile(record, known, key.value);
    return ok(known);
  }

  private remember(record: string, known: Known): void {
    this.known.delete(record);
    if (this.known.size >= (this.options.capacity ?? 256)) {
      const oldest = this.known.keys().next();
      if (!oldest.done) this.known.delete(oldest.value);
    }
    this.known.set(record, known);
  }

  private readFile(record: string): Known | undefined {
    const { folder } = this.options;
    if (folder === undefined) return undefined;
    try {
      const text = readFileSync(join(folder, record), "utf8");
      const found = head.exec(text);
      return {
        key: checkStrength(createPublicKey(found ? text.slice(found[0].length) : text), this.minRsaBits),
        isAuthenticated: found ? found[2] === "yes" : true,
        untilMs: found ? Date.parse(found[1]) || 0 : Number.POSITIVE_INFINITY,
      };
    } catch {
      // Not there, or no key: the DNS is asked.
      return undefined;
    }
  }

  private writeFile(record: string, known: Known, key: KeyObject): void {
    const { folder } = this.options;
    if (folder === undefined) return;
    const expires = new Date(known.untilMs).toISOString();
    const lines = `Expires: ${expires}\nAuthenticated: ${known.isAuthenticated ? "yes" : "no"}\n`;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileAtomic.sync(join(folder, record), lines + String(key.export({ type: "spki", format: "pem" })));
    } catch (error) {
      this.options.failed?.(error instanceof Error ? error : new Error("the key cannot be kept"));
    }
  }
}
