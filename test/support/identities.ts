// Certificates and keys for tests with processes: an authority of the suite's own, and whoever it vouches for.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, type IssuedIdentity, issueIdentity, type Validity } from "../../firmware/crypto/issue.js";

const DAY_MS = 86_400_000;

/** Valid from yesterday to in a month. */
export const validNow: Validity = { notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + 30 * DAY_MS };
/** Ended an hour ago. */
export const expired: Validity = { notBeforeMs: Date.now() - 30 * DAY_MS, notAfterMs: Date.now() - 3_600_000 };

/** An authority and its files. */
export class TestAuthority {
  private constructor(
    private readonly folder: string,
    readonly name: string,
    readonly identity: IssuedIdentity,
    readonly file: string,
  ) {}

  static async create(folder: string, name: string): Promise<TestAuthority> {
    const identity = await createAuthority({ commonName: name, ...validNow });
    const file = join(folder, `${name}.crt`);
    writeFileSync(file, identity.certificatePem);
    return new TestAuthority(folder, name, identity, file);
  }

  issue(uri: string, validity = validNow): Promise<IssuedIdentity> {
    return issueIdentity(this.identity, { uri, ...validity });
  }

  /** The `keying` part of a handset's configuration with a certificate for `uri`. */
  async keyingFor(
    uri: string,
  ): Promise<{ offer: "dh"; certificate: string; privateKey: string; trustAnchors: string[] }> {
    const issued = await this.issue(uri);
    const name = uri.replace(/[^A-Za-z0-9]+/g, "-");
    const [certificate, privateKey] = [join(this.folder, `${name}.crt`), join(this.folder, `${name}.key`)];
    writeFileSync(certificate, issued.chainPem);
    writeFileSync(privateKey, issued.privateKeyPem, { mode: 0o600 });
    return { offer: "dh", certificate, privateKey, trustAnchors: [this.file] };
  }
}
