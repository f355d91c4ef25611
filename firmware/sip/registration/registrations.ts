// All registrations of the phone: several accounts, several outbound proxies each; what calls need to know of them.

import type { SipAddress } from "../contract.js";
import type { BackoffTimes } from "./backoff.js";
import { defaultBackoff } from "./backoff.js";
import type { KeepAlive } from "./kept-flow.js";
import { Registration, type RegistrationOptions, type RegistrationStatus } from "./registration.js";

/** One account that registers. */
export interface RegisteringAccount {
  readonly account: string;
  readonly displayName?: string;
  readonly registrar: string;
  readonly expiresS: number;
  /** Ask for a GRUU and use it as contact (RFC 5627): only where the proxies know what to do with it in a dialog. */
  readonly gruu: boolean;
  /** Default `auto`. */
  readonly keepAlive?: KeepAlive;
  /** One flow for each; none: as the registrar's address says. */
  readonly outboundProxies: readonly SipAddress[];
}

export interface RegistrationsOptions
  extends Pick<RegistrationOptions, "clock" | "timers" | "random" | "log" | "request" | "instanceId"> {
  readonly accounts: readonly RegisteringAccount[];
  readonly backoff?: Partial<BackoffTimes>;
  /** Contact URI of an account as of now. */
  readonly contactUri: (account: string) => string;
  /** How it stands in a request to that address; default: the same. */
  readonly contactSent?: (account: string, to: SipAddress, secure: boolean) => string;
  readonly changed: (status: RegistrationStatus) => void;
  /** The user agent's keepOpen(); without it no flow is kept open and none is missed. */
  readonly keepOpen?: RegistrationOptions["keepOpen"];
  /** Told of an address whose flow was lost, and the account it was of. */
  readonly unreachable?: (to: SipAddress, account: string) => void;
}

/** How requests of an account leave. */
export interface AccountRoute {
  readonly nextHop?: SipAddress;
  readonly routes: readonly string[];
}

export class Registrations {
  private readonly flows: Registration[] = [];

  constructor(options: RegistrationsOptions) {
    const { clock, timers, random, log, request, instanceId, accounts, changed } = options;
    for (const { account, displayName, registrar, expiresS, gruu, outboundProxies, keepAlive } of accounts) {
      const hops = outboundProxies.length > 0 ? outboundProxies : [undefined];
      hops.forEach((nextHop, i) => {
        this.flows.push(
          new Registration({
            ...{
              account,
              displayName,
              registrar,
              expiresS,
              gruu,
              nextHop,
              clock,
              timers,
              random,
              log,
              request,
              instanceId,
            },
            regId: i + 1,
            keepAlive: keepAlive ?? "auto",
            keepOpen: options.keepOpen,
            unreachable: (to) => options.unreachable?.(to, account),
            backoff: { ...defaultBackoff, ...options.backoff },
            contactUri: () => options.contactUri(account),
            contactSent: (to, secure) => options.contactSent?.(account, to, secure) ?? options.contactUri(account),
            othersWork: () => this.of(account).some((flow) => flow.regId !== i + 1 && flow.state === "registered"),
            changed: (registration) => changed(registration.status()),
          }),
        );
      });
    }
  }

  start(): void {
    for (const flow of this.flows) flow.start();
  }

  /** The device's address changed. */
  readdress(): void {
    for (const flow of this.flows) flow.now();
  }

  /** The way out for requests of an account: its first flow that works (else its first), with the Service-Route learned there. */
  route(account: string): AccountRoute {
    const flows = this.of(account);
    const flow = flows.find((each) => each.state === "registered") ?? flows[0];
    if (!flow) return { routes: [] };
    const { nextHop, serviceRoute } = flow;
    return { ...(nextHop ? { nextHop } : {}), routes: serviceRoute };
  }

  /** Contact value of an account's dialogs; undefined for accounts that do not register. */
  contact(account: string): string | undefined {
    const flows = this.of(account);
    return (flows.find((each) => each.state === "registered") ?? flows[0])?.contact;
  }

  status(): readonly RegistrationStatus[] {
    return this.flows.map((flow) => flow.status());
  }

  /** Takes every binding back, at most `limitMs`. */
  async close(limitMs: number): Promise<void> {
    await Promise.all(this.flows.map((flow) => flow.close(limitMs)));
  }

  private of(account: string): readonly Registration[] {
    return this.flows.filter((flow) => flow.account === account);
  }
}
