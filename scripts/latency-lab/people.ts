// Who calls whom: an account for each method at either end, its certificates, its keys.

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, type IssuedIdentity, issueIdentity, issueServer } from "../../firmware/crypto/issue.js";
import { type Method, methods, type Precomputation, precomputations } from "./cases.js";

const DAY_MS = 86_400_000;

export type Side = "alice" | "bob";
export const sides: readonly Side[] = ["alice", "bob"];

/** Certificate and private key in files. */
export interface KeyFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Makes what the laboratory's phones prove themselves with. Certificates are made once for each address and kept. */
export class People {
  private readonly made = new Map<string, Promise<KeyFiles>>();

  private constructor(
    private readonly folder: string,
    readonly authority: IssuedIdentity,
    readonly authorityFile: string,
    private readonly sharedKey: string,
  ) {}

  /** @param folder an empty folder, readable by us only. */
  static async create(folder: string): Promise<People> {
    const authority = await createAuthority({ commonName: "Sotto laboratory", ...validity() });
    const authorityFile = join(folder, "authority.crt");
    writeFileSync(authorityFile, authority.certificatePem);
    const sharedKey = join(folder, "shared.hex");
    writeFileSync(sharedKey, randomBytes(32).toString("hex"), { mode: 0o600 });
    return new People(folder, authority, authorityFile, sharedKey);
  }

  /** Certificate and key of a SIP server or phone for TLS. */
  server(names: readonly string[]): Promise<KeyFiles> {
    return this.keep(`server ${names.join(" ")}`, () =>
      issueServer(this.authority, {
        ...validity(),
        uris: names.map((name) => `sip:${name}`),
        dnsNames: [...names],
      }),
    );
  }

  /** The `keying` part of an account that calls, and is called, by `method`. @param uri gives a side's address. */
  async keying(method: Method, side: Side, uri: (side: Side) => string): Promise<Record<string, unknown> | undefined> {
    const peer = side === "alice" ? "bob" : "alice";
    switch (method) {
      case "none":
        return undefined;
      case "psk":
      case "dhhmac":
        return { offer: method, sharedKeys: [{ peer: uri(peer), file: this.sharedKey }] };
      default: {
        const files = await this.person(uri(side), method);
        // Envelopes are sent to people whose certificate is known.
        const known = method === "pke" ? [(await this.person(uri(peer), method)).certificate] : undefined;
        return { offer: method, ...files, trustAnchors: [this.authorityFile], peerCertificates: known };
      }
    }
  }

  private person(uri: string, method: Method): Promise<KeyFiles> {
    const isEnvelope = method === "pke" || method === "rsa-r";
    return this.keep(`${method} ${uri}`, () =>
      issueIdentity(this.authority, {
        ...validity(),
        uri,
        keyType: isEnvelope ? "rsa" : "p256",
        keyUsage: isEnvelope ? ["digitalSignature", "keyEncipherment"] : ["digitalSignature"],
      }),
    );
  }

  private keep(what: string, issue: () => Promise<IssuedIdentity>): Promise<KeyFiles> {
    let files = this.made.get(what);
    if (!files) {
      files = issue().then((issued) => {
        const name = what.replace(/[^A-Za-z0-9]+/g, "-");
        const [certificate, privateKey] = [join(this.folder, `${name}.crt`), join(this.folder, `${name}.key`)];
        writeFileSync(certificate, issued.chainPem);
        writeFileSync(privateKey, issued.privateKeyPem, { mode: 0o600 });
        return { certificate, privateKey };
      });
      this.made.set(what, files);
    }
    return files;
  }
}

function validity(): { notBeforeMs: number; notAfterMs: number } {
  return { notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + 30 * DAY_MS };
}

/** User part of an account's address, e.g. `alice-dh`. Phones that make nothing ahead have their own: a domain calls all who are registered under one. */
export function userOf(side: Side, method: Method, precomputation: Precomputation): string {
  return precomputation === "on" ? `${side}-${method}` : `${side}-${method}-off`;
}

/** Passwords of everybody who may register with the proxies. */
export function passwords(): Record<string, string> {
  const users = sides.flatMap((side) =>
    methods.flatMap((method) => precomputations.map((precomputation) => userOf(side, method, precomputation))),
  );
  return Object.fromEntries(users.map((user) => [user, `${user}-password`]));
}
