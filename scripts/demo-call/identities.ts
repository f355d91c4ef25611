// Certificates and keys of the demo's two people, made on first run and used again while they are valid.

import { randomBytes, X509Certificate } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, type IssuedIdentity, issueIdentity } from "../../firmware/crypto/issue.js";
import { makeFolder } from "../../firmware/runtime/index.js";

const DAY_MS = 86_400_000;

/** Where the demo's key files are. */
export interface DemoIdentities {
  readonly authorityFile: string;
  readonly pskFile: string;
  certificateFile(user: string): string;
  privateKeyFile(user: string): string;
}

/** True when the certificate file is there and valid for another day. */
function usable(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    return Date.parse(new X509Certificate(readFileSync(file)).validTo) > Date.now() + DAY_MS;
  } catch {
    return false;
  }
}

/**
 * Makes what is missing in `folder`: an authority of the demo's own, a certificate for each SIP URI, a shared key. Files are private (0600).
 * @param people user name to SIP URI.
 * @returns the files, and whether anything was made.
 */
export async function ensureIdentities(
  folder: string,
  people: Readonly<Record<string, string>>,
): Promise<{ readonly identities: DemoIdentities; readonly made: boolean }> {
  await makeFolder(folder, 0o700);
  const identities: DemoIdentities = {
    authorityFile: join(folder, "demo-ca.crt"),
    pskFile: join(folder, "shared-key.hex"),
    certificateFile: (user) => join(folder, `${user}.crt`),
    privateKeyFile: (user) => join(folder, `${user}.key`),
  };
  const put = (file: string, content: string) => writeFileSync(file, content, { mode: 0o600 });
  let made = false;
  if (!existsSync(identities.pskFile)) {
    put(identities.pskFile, randomBytes(32).toString("hex"));
    made = true;
  }
  const files = [identities.authorityFile, ...Object.keys(people).map((user) => identities.certificateFile(user))];
  if (!files.every(usable)) {
    const now = Date.now();
    const validity = { notBeforeMs: now - DAY_MS, notAfterMs: now + 365 * DAY_MS };
    const authority: IssuedIdentity = await createAuthority({ commonName: "Sotto demo authority", ...validity });
    const issued = await Promise.all(
      Object.entries(people).map(
        async ([user, uri]) => [user, await issueIdentity(authority, { uri, ...validity })] as const,
      ),
    );
    // The authority's own private key is kept nowhere: nobody can issue further certificates in its name.
    put(identities.authorityFile, authority.certificatePem);
    for (const [user, identity] of issued) {
      put(identities.certificateFile(user), identity.chainPem);
      put(identities.privateKeyFile(user), identity.privateKeyPem);
    }
    made = true;
  }
  return { identities, made };
}
