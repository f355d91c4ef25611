// Certificates of a bench's telephones.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, issueIdentity } from "../../../firmware/crypto/issue.js";

const DAY_MS = 86_400_000;

/** Files of somebody's keys, as a configuration names them. */
export interface OwnKeys {
  readonly certificate: string;
  readonly privateKey: string;
  /** The authority that the certificate is of. */
  readonly trustAnchors: readonly string[];
}

/** Makes an authority and a certificate for `uri` in `folder`. */
export async function makeKeys(folder: string, uri: string): Promise<OwnKeys> {
  mkdirSync(folder, { recursive: true });
  const valid = { notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + DAY_MS };
  const authority = await createAuthority({ commonName: `authority of ${uri}`, ...valid });
  const issued = await issueIdentity(authority, { uri, ...valid });
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  return {
    certificate: put("own.crt", issued.chainPem),
    privateKey: put("own.key", issued.privateKeyPem),
    trustAnchors: [put("authority.crt", authority.certificatePem)],
  };
}
