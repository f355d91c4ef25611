// Accounts for every key agreement method between two users, for tests with whole handsets.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { issueIdentity } from "../../firmware/crypto/issue.js";
import { writeSharedKey } from "./handset-process.js";
import { type TestAuthority, validNow } from "./identities.js";

/** Methods a call can be secured with, and the words of the screen that say which it was. */
export const keyingMethods = {
  psk: { offer: "psk", label: /^MIKEY pre-shared key$/ },
  dhhmac: { offer: "dhhmac", label: /^MIKEY Diffie-Hellman with a shared key/ },
  dh: { offer: "dh", label: /^MIKEY signed Diffie-Hellman \(OAKLEY 5\)/ },
  x25519: { offer: "dh", group: "x25519", label: /^MIKEY signed Diffie-Hellman \(X25519\)/ },
  pke: { offer: "pke", label: /^MIKEY public-key encryption \(RSA\)$/ },
  "rsa-r": { offer: "rsa-r", label: /^MIKEY public-key encryption by the called side \(RSA-R\)$/ },
} as const;
export type KeyingMethod = keyof typeof keyingMethods;
export const keyingMethodNames = Object.keys(keyingMethods) as KeyingMethod[];

/** Files of a person: a certificate for the URI, of RSA where envelopes need it; none for shared keys. */
export async function personFiles(
  folder: string,
  authority: Pick<TestAuthority, "identity" | "file">,
  uri: string,
  method: KeyingMethod,
) {
  if (method === "psk" || method === "dhhmac") return undefined;
  const isEnvelope = method === "pke" || method === "rsa-r";
  const issued = await issueIdentity(authority.identity, {
    uri,
    ...validNow,
    keyType: isEnvelope ? "rsa" : "p256",
    keyUsage: isEnvelope ? ["digitalSignature", "keyEncipherment"] : ["digitalSignature"],
  });
  const name = uri.replace(/[^A-Za-z0-9]+/g, "-");
  const [certificate, privateKey] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  writeFileSync(certificate, issued.chainPem);
  writeFileSync(privateKey, issued.privateKeyPem, { mode: 0o600 });
  return { certificate, privateKey, trustAnchors: [authority.file] };
}
export type PersonFiles = Awaited<ReturnType<typeof personFiles>>;

/** What a call over the method needs in the caller's `keying`. */
export function methodKeying(
  method: KeyingMethod,
  mine: PersonFiles,
  peer: { readonly uri: string; readonly files: PersonFiles; readonly sharedKey: string },
): Record<string, unknown> {
  const { label: _label, ...offer } = keyingMethods[method];
  return {
    ...mine,
    ...offer,
    ...(method === "pke" && peer.files ? { peerCertificates: [peer.files.certificate] } : {}),
    ...(mine ? {} : { sharedKeys: [{ peer: peer.uri, file: peer.sharedKey }] }),
  };
}

/** A key in a file. */
export function sharedKeyFile(folder: string, hex: string): string {
  return writeSharedKey(join(folder, "shared.hex"), hex);
}
