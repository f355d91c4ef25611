// What the configured accounts are to SIP: credentials, registrations, contacts, routes. Part of the composition root.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { type AccountConfig, authOf, type Config } from "./config/index.js";
import { type Clock, type Log, Secret, type Timers, writeFileAtomic } from "./runtime/index.js";
import { proxyAddress } from "./signalling.js";
import {
  type AccountRoute,
  Authenticator,
  type DigestCredentials,
  parseHa1File,
  parseSipUri,
  type RegistrationStatus,
  Registrations,
  SecurityAgreement,
  type SipAddress,
  type UserAgent,
  unescapeUri,
} from "./sip/index.js";

/** What accounts are made with. */
export interface AccountsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  readonly log: Log;
  readonly changed: (status: RegistrationStatus) => void;
  /** Told of a server whose flow was lost. */
  readonly unreachable: (to: SipAddress) => void;
}

/** The user part of a SIP URI, plain text; empty for what is none. */
export function userOf(uri: string): string {
  const parsed = parseSipUri(uri);
  return parsed.ok ? unescapeUri(parsed.value.user ?? "") : "";
}

/** Finds accounts by the addresses requests carry, and answers for them. */
export class Accounts {
  private readonly authenticators = new Map<string, Authenticator>();
  private readonly agreements = new Map<string, SecurityAgreement>();
  private registrations: Registrations | undefined;

  /** @throws Error naming the file that is not what it should be. */
  constructor(private readonly options: AccountsOptions) {
    for (const account of options.config.accounts) {
      const credentials = authOf(account).map(readCredentials);
      const tls = options.config.sip.transports.includes("tls");
      if (account.securityAgreement !== "off")
        this.agreements.set(
          account.uri,
          new SecurityAgreement({
            required: account.securityAgreement === "required",
            tls,
            digest: credentials.length > 0,
          }),
        );
      const agreement = this.agreements.get(account.uri);
      if (credentials.length === 0 && !agreement) continue;
      const domain = account.uri.replace(/^sips?:[^@]*@/i, "").replace(/:\d+$/, "");
      this.authenticators.set(
        account.uri,
        new Authenticator({ credentials, domain, random: options.random, ...(agreement ? { agreement } : {}) }),
      );
    }
  }

  /** Registers the accounts that want it. */
  start(userAgent: UserAgent): void {
    const { config, clock, timers, random, log, changed, unreachable } = this.options;
    const accounts = config.accounts.filter((account) => account.register);
    if (accounts.length === 0) return;
    this.registrations = new Registrations({
      accounts: accounts.map((account) => ({
        account: account.uri,
        ...(account.displayName ? { displayName: account.displayName } : {}),
        registrar: account.registrar ?? account.uri.replace(/^(sips?:)[^@]*@/i, "$1"),
        expiresS: account.registerExpiresS,
        gruu: account.gruu,
        keepAlive: account.keepAlive,
        outboundProxies: hopsOf(account, config),
      })),
      instanceId: instanceId(config.sip.instanceFile!, log),
      ...{ clock, timers, random, log, changed },
      request: (method, target, done) => userAgent.request(method, target, done),
      contactUri: (account) => userAgent.contactUriFor(userOf(account)),
      contactSent: (account, to, secure) => userAgent.contactSent(userOf(account), to, secure),
      keepOpen: (to, options, failed) => userAgent.keepOpen(to, options, failed),
      unreachable: (to, account) => {
        // What was agreed on ends with the connection (RFC 3329 section 2.5).
        this.agreements.get(account)?.reset();
        unreachable(to);
      },
    });
    this.registrations.start();
  }

  /** The account an address belongs to: the same address, else the same user part (the host may be the phone's own). */
  find(uri: string): AccountConfig | undefined {
    const { accounts } = this.options.config;
    return (
      accounts.find((account) => account.uri === uri) ?? accounts.find((account) => userOf(account.uri) === userOf(uri))
    );
  }

  auth(uri: string): Authenticator | undefined {
    const account = this.find(uri);
    return account && this.authenticators.get(account.uri);
  }

  contact(uri: string): string | undefined {
    const account = this.find(uri);
    return account && this.registrations?.contact(account.uri);
  }

  /** How requests of an account leave the phone. */
  route(uri: string): AccountRoute {
    const account = this.find(uri);
    if (!account) return { routes: [] };
    const route = account.register ? this.registrations?.route(account.uri) : undefined;
    const [nextHop] = hopsOf(account, this.options.config);
    return route?.nextHop || route?.routes.length ? route : { ...(nextHop ? { nextHop } : {}), routes: [] };
  }

  /** The device's address changed. */
  readdress(): void {
    this.registrations?.readdress();
  }

  status(): readonly RegistrationStatus[] {
    return (this.registrations?.status() ?? []).map((each) => {
      const agreement = this.agreements.get(each.account)?.mechanism;
      return agreement ? { ...each, agreement } : each;
    });
  }

  /** Takes the registrations back, at most `limitMs`. */
  async close(limitMs: number): Promise<void> {
    await this.registrations?.close(limitMs);
  }
}

function hopsOf(account: AccountConfig, config: Config): readonly SipAddress[] {
  const hops = account.outboundProxies.length > 0 ? account.outboundProxies : [config.sip.outboundProxy];
  return hops.flatMap((hop) => (hop ? [proxyAddress(hop, config.sip.transports[0])] : []));
}

function readCredentials({ user, realm, passwordFile, ha1File }: ReturnType<typeof authOf>[number]): DigestCredentials {
  const common = { user, ...(realm === undefined ? {} : { realm }) };
  const bytes = (text: string): Secret => new Secret(new TextEncoder().encode(text));
  if (passwordFile !== undefined) {
    const password = readFileSync(passwordFile, "utf8").split(/\r?\n/, 1)[0];
    if (password === "") throw new Error(`${passwordFile}: the first line is empty; it holds the password`);
    return { ...common, secret: { password: bytes(password) } };
  }
  const hashes = parseHa1File(readFileSync(ha1File!, "utf8"));
  if (!hashes) throw new Error(`${ha1File}: lines such as SHA-256:<64 hexadecimal digits> or MD5:<32> are allowed`);
  return { ...common, secret: { ha1: new Map([...hashes].map(([hash, text]) => [hash, bytes(text)])) } };
}

/** The phone's name among the devices of a person: made once, kept for ever (RFC 5626 section 4.1). */
function instanceId(file: string, log: Log): string {
  try {
    const kept = readFileSync(file, "utf8").trim();
    if (/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(kept)) return kept;
  } catch {
    // There is none yet.
  }
  const made = `urn:uuid:${randomUUID()}`;
  writeFileAtomic(file, `${made}\n`).catch((error: unknown) =>
    log.warn("instance-id-not-kept", { file, error: error instanceof Error ? error.message : String(error) }),
  );
  return made;
}
