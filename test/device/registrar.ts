// A Kamailio on an address of our choice: registrar and proxy of the domain a.test.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, issueServer } from "../../firmware/crypto/issue.js";
import { Domain } from "../interop/kamailio.js";
import { proxyConfig, tlsConfig } from "../interop/kamailio-config.js";
import { validNow } from "../support/identities.js";

/** Starts it. @param users with their passwords. */
export async function startRegistrar(
  folder: string,
  address: string,
  users: Readonly<Record<string, string>>,
): Promise<Domain> {
  mkdirSync(folder, { recursive: true });
  const name = "a.test";
  const file = (end: string) => join(folder, `${name}.${end}`);
  const authority = await createAuthority({ commonName: "Registrar CA", ...validNow });
  const issued = await issueServer(authority, { ...validNow, uris: [`sip:${name}`], dnsNames: [name] });
  writeFileSync(file("crt"), issued.chainPem);
  writeFileSync(file("key"), issued.privateKeyPem, { mode: 0o600 });
  writeFileSync(join(folder, "ca.crt"), authority.certificatePem);
  writeFileSync(join(folder, "resolv.conf"), "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
  writeFileSync(file("tls"), tlsConfig(file("crt"), file("key"), join(folder, "ca.crt")));
  writeFileSync(
    file("cfg"),
    proxyConfig({
      domain: name,
      address,
      algorithm: "SHA-256",
      outbound: false,
      agreement: false,
      users,
      tlsFile: file("tls"),
    }),
  );
  writeFileSync(file("log"), "");
  const domain = new Domain(name, address, folder);
  await domain.start();
  return domain;
}
