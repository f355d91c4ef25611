// Header fields that say who we are and what we can: Contact, Allow, Accept, Supported, User-Agent, Server.

import type { ExtraHeaders, SipAddress } from "../contract.js";
import { bracketed, escapeUser, quote } from "../grammar/index.js";

/** Methods the core serves. */
export const allowedMethods: readonly string[] = [
  "INVITE",
  "ACK",
  "CANCEL",
  "BYE",
  "OPTIONS",
  "PRACK",
  "UPDATE",
  "MESSAGE",
];

/** Methods of SIP's extensions that the core knows by name and does not serve: 405 where an unknown one gets 501. */
export const knownMethods: readonly string[] = [
  ...allowedMethods,
  ...["REGISTER", "INFO", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH"],
];

/** What the owner of a user agent says of it. */
export interface Identity {
  /** User-Agent and Server, e.g. `Sotto/0.1`. */
  readonly product?: string;
  /** User part and display name of our Contact; plain text. */
  readonly contactUser?: string;
  readonly contactName?: string;
  /** Media types of bodies taken in an INVITE. */
  readonly accept: readonly string[];
  /** Option tags. */
  readonly supported: readonly string[];
  /** Contact value for an account, where it has one of its own (GRUU, registered contact). */
  readonly contactOf?: (account: string) => string | undefined;
}

/** Makes the fields. */
export class Fields {
  private uri = "";

  constructor(
    private readonly identity: Identity,
    private local: SipAddress,
  ) {
    this.readdress(local.host);
  }
  /** The device has another address. */
  readdress(host: string): void {
    this.local = { ...this.local, host };
    const { identity, local } = this;
    const user = identity.contactUser === undefined ? "" : `${escapeUser(identity.contactUser)}@`;
    const transport = local.transport === "udp" ? "" : `;transport=${local.transport}`;
    this.uri = `sip:${user}${bracketed(local.host)}:${local.port}${transport}`;
  }
  /** Who we are in a Warning (RFC 3261 section 20.43). */
  get warnAgent(): string {
    return bracketed(this.local.host);
  }

  /** Our Contact URI. */
  get contactUri(): string {
    return this.uri;
  }
  get contact(): readonly [string, string] {
    const { contactName } = this.identity;
    return ["Contact", `${contactName === undefined ? "" : `${quote(contactName)} `}<${this.uri}>`];
  }
  /** Our Contact URI with another user part (plain text). */
  uriFor(user: string, uri = this.contactUri): string {
    return uri.replace(/^(sips?:)(?:[^@]*@)?/, (_, scheme: string) => `${scheme}${escapeUser(user)}@`);
  }
  get accepted(): readonly string[] {
    return this.identity.accept;
  }
  /** Media types of MESSAGE bodies. */
  readonly messages: readonly string[] = ["text/plain"];
  get supportedTags(): readonly string[] {
    return this.identity.supported;
  }
  readonly allow: readonly [string, string] = ["Allow", allowedMethods.join(", ")];
  /** Where nobody takes messages. */
  readonly allowWithoutMessages: readonly [string, string] = [
    "Allow",
    allowedMethods.filter((method) => method !== "MESSAGE").join(", "),
  ];
  get accept(): readonly [string, string] {
    return ["Accept", this.identity.accept.join(", ")];
  }
  get supported(): readonly [string, string] {
    return ["Supported", this.identity.supported.join(", ")];
  }
  /** User-Agent, for requests. */
  get userAgent(): ExtraHeaders {
    return this.identity.product === undefined ? [] : [["User-Agent", this.identity.product]];
  }
  /** Server, for responses. */
  get server(): ExtraHeaders {
    return this.identity.product === undefined ? [] : [["Server", this.identity.product]];
  }
  /** Contact of an account. */
  contactFor(account: string): readonly [string, string] {
    const own = this.identity.contactOf?.(account);
    return own === undefined ? this.contact : ["Contact", own];
  }
  /** For an INVITE, a re-INVITE and their 2xx (sections 13.2.1, 13.3.1.4). */
  invite(account: string): ExtraHeaders {
    const supported = this.identity.supported.length > 0 ? [this.supported] : [];
    return [this.contactFor(account), this.allow, ...supported];
  }
  /** For the 200 of an OPTIONS (section 11.2). */
  get options(): ExtraHeaders {
    return [
      this.contact,
      this.allow,
      this.accept,
      ["Accept-Encoding", "identity"],
      ["Accept-Language", "en"],
      this.supported,
    ];
  }
}
