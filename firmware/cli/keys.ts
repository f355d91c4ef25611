// `sotto make-keys`: a telephone that is switched on for the first time makes the keys its configuration names.

import { existsSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { readConfig } from "../config/index.js";
import { createAuthority, issueIdentity } from "../crypto/issue.js";
import { makeFolder, writeFileAtomic } from "../runtime/index.js";

/** The clock of a device that was never set may be anywhere: what it issues is valid from long before to long after. */
const EARLIEST_MS = Date.UTC(2020, 0, 1);
const BUILT_MS = Date.UTC(2026, 0, 1);
const YEARS_MS = 10 * 365.25 * 86_400_000;

/**
 * For each account whose certificate and private key are named and both missing: makes an authority of this telephone's own, a certificate
 * for the account's URI, and its key. The authority's certificate goes to the first trust anchor that is missing; its private key is kept
 * nowhere. Files are private (0600); what is there is never changed. After a power cut the next start finishes what was begun.
 * @returns the files made.
 * @throws ConfigError; Error when only one of certificate and key is there, no trust anchor is missing, or a folder cannot be written.
 */
export async function makeMissingKeys(configFile: string, nowMs = Date.now()): Promise<readonly string[]> {
  const made: string[] = [];
  for (const { uri, keying } of readConfig(configFile).accounts) {
    const { certificate, privateKey, trustAnchors } = keying;
    if (certificate === undefined || privateKey === undefined) continue;
    // The key is written last: where it lies ready, the others do, too.
    if (existsSync(ready(privateKey))) {
      made.push(...takeOver([...trustAnchors, certificate, privateKey]));
      continue;
    }
    const here = [certificate, privateKey].filter((file) => existsSync(file));
    if (here.length === 2) continue;
    if (here.length === 1)
      throw new Error(`${here[0]} is there, but certificate and private key go together: put both there, or none`);
    const anchor = trustAnchors.find((file) => !existsSync(file));
    if (anchor === undefined)
      throw new Error(
        `${certificate} is missing and every trust anchor of ${uri} is there: the certificate must come from whoever runs these authorities`,
      );
    const validity = { notBeforeMs: EARLIEST_MS, notAfterMs: Math.max(nowMs, BUILT_MS) + YEARS_MS };
    const authority = await createAuthority({ commonName: `Authority of ${uri}`, ...validity });
    const identity = await issueIdentity(authority, { uri, ...validity });
    const files = [anchor, certificate, privateKey];
    const contents = [authority.certificatePem, identity.chainPem, identity.privateKeyPem];
    for (const [i, file] of files.entries()) {
      await makeFolder(dirname(file), 0o700);
      await writeFileAtomic(ready(file), contents[i]);
    }
    made.push(...takeOver(files));
  }
  return made;
}

/** Name of a file that is whole but not yet in place. */
const ready = (file: string): string => `${file}.ready`;

function takeOver(files: readonly string[]): string[] {
  const taken = files.filter((file) => existsSync(ready(file)));
  for (const file of taken) renameSync(ready(file), file);
  return taken;
}
