// One binding of one account, kept alive: REGISTER, refresh, recovery, and its end (RFC 3261 section 10.2, RFC 5626 section 4).

import type { Clock } from "../../runtime/clock.js";
import type { Log } from "../../runtime/log.js";
import type { Timer, Timers } from "../../runtime/timers.js";
import type { ExtraHeaders, Failure, SipAddress } from "../contract.js";
import type { RequestTarget } from "../core/client-request.js";
import type { SendOutcome } from "../dialog/index.js";
import { parseNameAddr, parseNumber, parseSipUri, type SipResponse, uriScheme } from "../grammar/index.js";
import { type BackoffTimes, backoffMs } from "./backoff.js";
import { type Binding, readBinding, refreshMs } from "./binding.js";
import { type KeepAlive, KeptFlow, type KeptFlowOptions } from "./kept-flow.js";

/**
 * - `registering`: a REGISTER is under way and no binding holds;
 * - `registered`: found under the account's address (a refresh may be under way);
 * - `waiting`: the last try failed, another follows by itself;
 * - `off`: not wanted, or switched off.
 */
export type RegistrationState = "registering" | "registered" | "waiting" | "off";

/** Why the last try failed. */
export interface RegistrationFailure {
  readonly status: number;
  /** One sentence for the person; no secrets. */
  readonly text: string;
  /** Wall-clock ms since 1970. */
  readonly atMs: number;
}

/** What `sotto status` shows of it. */
export interface RegistrationStatus {
  readonly account: string;
  readonly registrar: string;
  /** The outbound proxy it goes through, `host:port`. */
  readonly via?: string;
  readonly state: RegistrationState;
  /** Wall-clock ms since 1970 of the last change of state. */
  readonly sinceMs: number;
  /** While registered: when the binding ends unless it is refreshed. */
  readonly expiresAtMs?: number;
  /** While waiting: when the next try is made. */
  readonly retryAtMs?: number;
  /** The last failure, kept after recovery. */
  readonly failure?: RegistrationFailure;
  readonly serviceRoute: readonly string[];
  /** The proxies requests to us come through, as the registrar has them (RFC 3327): to look at, nothing is done by it. */
  readonly path?: readonly string[];
  /** Whether the registrar works with flows (RFC 5626). */
  readonly outbound?: boolean;
  /** What the account and its first server have agreed on to secure SIP (RFC 3329). */
  readonly agreement?: "tls" | "digest";
  /** The flow that is kept open, e.g. `udp 192.0.2.9:5060, kept by STUN`. */
  readonly flow?: string;
  readonly publicGruu?: string;
}

/** Accounts register, and each of them is registered somewhere at this moment. */
export function areRegistered(registrations: readonly RegistrationStatus[]): boolean {
  const accounts = new Set(registrations.map(({ account }) => account));
  const done = new Set(registrations.filter(({ state }) => state === "registered").map(({ account }) => account));
  return accounts.size > 0 && done.size === accounts.size;
}

export interface RegistrationOptions {
  /** Address of record, `sip:alice@a.test`. */
  readonly account: string;
  readonly displayName?: string;
  /** Request-URI, e.g. `sip:a.test`. */
  readonly registrar: string;
  readonly nextHop?: SipAddress;
  /** With it the phone is one instance, whatever its address (RFC 5626 section 4.1). */
  readonly instanceId?: string;
  /** Number of this flow among the account's. */
  readonly regId: number;
  /** What is asked for, seconds. */
  readonly expiresS: number;
  /** Ask for a GRUU and use it. */
  readonly gruu: boolean;
  readonly backoff: BackoffTimes;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: (count: number) => Uint8Array;
  readonly log: Log;
  /** The user agent's request(). */
  readonly request: (method: string, target: RequestTarget, done: (outcome: SendOutcome) => void) => void;
  /** Our contact as of now, and how it stood in a REGISTER that went that way. */
  readonly contactUri: () => string;
  readonly contactSent: (to: SipAddress, secure: boolean) => string;
  /** The user agent's keepOpen(). */
  readonly keepOpen: KeptFlowOptions["keepOpen"];
  readonly keepAlive: KeepAlive;
  /** Told of an address whose flow was lost: the next try goes elsewhere first, and what was agreed on over it ends. */
  readonly unreachable: (to: SipAddress) => void;
  /** Whether another flow of the account works. */
  readonly othersWork: () => boolean;
  readonly changed: (registration: Registration) => void;
}

const MAX_REDIRECTS = 5;
/** Beyond this no registrar's minimum is followed. */
const MAX_EXPIRES_S = 86_400;

export class Registration {
  private current: RegistrationState = "off";
  private sinceMs: number;
  private binding: (Binding & { readonly expiresAtMs: number }) | undefined;
  private failure: RegistrationFailure | undefined;
  private failures = 0;
  private timer: Timer | undefined;
  private expiry: Timer | undefined;
  private retryAtMs: number | undefined;
  private busy = false;
  /** Something changed while a REGISTER was under way. */
  private again = false;
  private wanted = false;
  private askS: number;
  private raised = 0;
  private target: string;
  private readonly visited: string[];
  private outbound: boolean;
  /** The contact of the binding that holds, by our own account and as the registrar has it: removed when another takes its place. */
  private boundUri: string | undefined;
  private sentUri: string | undefined;
  private readonly sequence: { readonly callId: string; next(): number };
  private closing: ((value: undefined) => void) | undefined;
  private readonly flow: KeptFlow;

  constructor(private readonly options: RegistrationOptions) {
    this.sinceMs = options.clock.wallMs();
    this.askS = options.expiresS;
    this.target = options.registrar;
    this.visited = [options.registrar];
    this.outbound = options.instanceId !== undefined;
    this.flow = new KeptFlow({
      keepOpen: options.keepOpen,
      keepAlive: options.keepAlive,
      alive: () => {
        this.failures = 0;
      },
      lost: (error, to, proven) => this.flowLost(error, to, proven),
    });
    let seq = 1 + (Buffer.from(options.random(2)).readUInt16BE(0) & 0x7fff);
    this.sequence = { callId: Buffer.from(options.random(16)).toString("hex"), next: () => seq++ };
  }

  get regId(): number {
    return this.options.regId;
  }
  get account(): string {
    return this.options.account;
  }
  get state(): RegistrationState {
    return this.current;
  }
  get nextHop(): SipAddress | undefined {
    return this.options.nextHop && (this.flow.hop ?? this.options.nextHop);
  }
  /** Route values for requests of the account. */
  get serviceRoute(): readonly string[] {
    return this.binding?.serviceRoute ?? [];
  }
  /** The Contact of the account's dialogs: its GRUU when there is one. */
  get contact(): string | undefined {
    const gruu = this.options.gruu ? this.binding?.publicGruu : undefined;
    if (gruu) return `<${gruu}>`;
    if (this.current === "off") return undefined;
    const uri = this.options.contactUri();
    // The flow the dialog is to be reached by (RFC 5626 section 4.3).
    return this.binding?.outbound ? `<${uri};ob>` : `<${uri}>`;
  }
  status(): RegistrationStatus {
    const { account, registrar, nextHop } = this.options;
    return {
      account,
      registrar,
      ...(nextHop ? { via: nextHop.port === 0 ? nextHop.host : `${nextHop.host}:${nextHop.port}` } : {}),
      state: this.current,
      sinceMs: this.sinceMs,
      ...(this.binding ? { expiresAtMs: this.binding.expiresAtMs } : {}),
      ...(this.retryAtMs === undefined ? {} : { retryAtMs: this.retryAtMs }),
      ...(this.failure ? { failure: this.failure } : {}),
      serviceRoute: this.serviceRoute,
      ...(this.binding?.path.length ? { path: this.binding.path } : {}),
      ...(this.binding?.outbound ? { outbound: true } : {}),
      ...(this.flow.description ? { flow: this.flow.description } : {}),
      ...(this.binding?.publicGruu ? { publicGruu: this.binding.publicGruu } : {}),
    };
  }

  /** Registers, and goes on doing so until {@link close}. */
  start(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.now();
  }

  /** Registers at once: the device has another address. Waiting for a back-off ends; the flow was one from the old address. */
  now(): void {
    if (!this.wanted || this.closing) return;
    this.failures = 0;
    this.flow.end();
    this.attempt();
  }

  /**
   * The flow is gone (RFC 5626 section 4.5): a new one is made at once where the old one had worked, else after the back-off. A registrar
   * with outbound forgets the binding; any other still has our address.
   */
  private flowLost(error: Error, to: SipAddress, proven: boolean): void {
    if (!this.wanted || this.closing) return;
    const { clock, log } = this.options;
    this.options.unreachable(to);
    if (this.binding?.outbound) this.unbind();
    const text = `The way to the server was lost: ${error.message}`;
    log.warn("flow-lost", {
      account: this.account,
      to: `${to.host}:${to.port}/${to.transport}`,
      why: error.message,
      proven,
    });
    // What is under way over it fails too, and goes on from there.
    if (this.busy) return;
    if (!proven) return this.wait({ status: 503, reason: error.message, cause: "transport" });
    this.failure = { status: 503, text, atMs: clock.wallMs() };
    this.attempt();
  }

  /** Takes the binding back; resolves when the registrar has answered or `limitMs` have passed. Idempotent. */
  async close(limitMs: number): Promise<void> {
    const bound = this.boundUri !== undefined || this.busy;
    this.wanted = false;
    this.timer?.cancel();
    if (this.closing) return;
    if (!bound) {
      this.off();
      return;
    }
    await new Promise<undefined>((resolve) => {
      this.closing = resolve;
      this.options.timers.after(limitMs, () => this.off());
      if (this.busy) this.again = true;
      else this.send(0);
    });
  }

  private attempt(): void {
    this.timer?.cancel();
    this.retryAtMs = undefined;
    if (this.busy) {
      this.again = true;
      return;
    }
    if (this.current !== "registered") this.move("registering");
    this.send(this.askS);
  }

  private send(expiresS: number): void {
    const { options } = this;
    const way = this.flow.address;
    const uri = options.contactUri();
    const { instanceId, regId } = options;
    const instance = instanceId === undefined ? "" : `;+sip.instance="<${instanceId}>"`;
    const asksGruu = options.gruu && instanceId !== undefined;
    const flow = this.outbound ? `;reg-id=${regId}` : "";
    const contacts = [`<${uri}>${instance}${flow};expires=${expiresS}`];
    // A registrar that works with instances replaces the old binding by itself; any other would go on ringing our old address.
    if (this.boundUri !== undefined && this.boundUri !== uri && !this.binding?.outbound)
      contacts.push(`<${this.sentUri ?? this.boundUri}>;expires=0`);
    const headers: ExtraHeaders = [
      ["Expires", String(expiresS)],
      ["Supported", ["path", ...(this.outbound ? ["outbound"] : []), ...(asksGruu ? ["gruu"] : [])].join(", ")],
    ];
    this.busy = true;
    // All contacts are sips or none is, and so are From and To (RFC 5630 section 5.1.1.1): the registrar's scheme decides.
    const record = options.account.replace(/^sips?:/i, `${uriScheme(this.target)}:`);
    const secure = uriScheme(this.target) === "sips";
    const sent = { ...(instanceId ? { instanceId } : {}), ...(this.outbound ? { regId } : {}) };
    options.request(
      "REGISTER",
      {
        target: this.target,
        to: record,
        from: { uri: record, ...(options.displayName ? { displayName: options.displayName } : {}) },
        account: options.account,
        nextHop: way ?? options.nextHop,
        contacts,
        headers,
        sequence: this.sequence,
        registrar: true,
      },
      (outcome) => {
        this.busy = false;
        if (this.closing) {
          // What was under way when the phone was switched off may have made a binding: it is taken back too.
          if (expiresS > 0 && "ok" in outcome) this.boundUri = uri;
          if (this.again) {
            this.again = false;
            this.send(0);
          } else this.off();
          return;
        }
        if ("ok" in outcome) {
          this.sentUri = outcome.way ? options.contactSent(outcome.way, secure) : uri;
          this.registered(readBinding(outcome.ok, { ...sent, uri: this.sentUri }, expiresS), uri, outcome.way);
        } else if (way && outcome.failed.cause !== "response") {
          // The flow is no more: a new one is made where the name leads now.
          this.flow.end();
          this.again = false;
          this.send(this.askS);
        } else this.refused(outcome.failed);
        if (this.again) {
          this.again = false;
          this.attempt();
        }
      },
    );
  }

  private registered(binding: Binding, uri: string, way: SipAddress | undefined): void {
    const { clock, timers, log } = this.options;
    if (binding.expiresS === 0) {
      this.wait({ status: 500, reason: "the registrar keeps no binding", cause: "response" });
      return;
    }
    if (!binding.listed) log.info("registrar-does-not-list-us", { account: this.account });
    this.raised = 0;
    this.boundUri = uri;
    this.binding = { ...binding, expiresAtMs: clock.wallMs() + binding.expiresS * 1000 };
    this.expiry?.cancel();
    this.expiry = timers.after(binding.expiresS * 1000, () => this.unbind());
    this.timer?.cancel();
    this.timer = timers.after(refreshMs(binding.expiresS, this.fraction()), () => this.attempt());
    if (way) this.flow.take(way, binding);
    // A flow whose keep-alives must be answered counts as established with the first answer (RFC 5626 section 4.5).
    if (this.flow.proven) this.failures = 0;
    this.move("registered");
  }

  private refused(failed: Failure): void {
    const { response, status } = failed;
    if (response && status === 423) {
      const wanted = parseNumber(response.headers.get("Min-Expires"));
      if (wanted !== undefined && wanted > this.askS && wanted <= MAX_EXPIRES_S && this.raised++ < 3) {
        this.askS = wanted;
        return this.send(this.askS);
      }
    }
    if (response && status === 439 && this.outbound) {
      // The first hop knows nothing of flows (RFC 5626 section 11.6).
      this.outbound = false;
      return this.send(this.askS);
    }
    if (response && status >= 300 && status < 400 && this.follow(response)) return this.send(this.askS);
    // 408, 503 and silence say nothing of the binding that still holds; 4xx and 6xx do.
    if (status >= 400 && status !== 408 && status < 500) this.unbind();
    // A flow with a binding behind it outlives a refresh that failed (RFC 5626 section 4.2.2); else the next try looks around anew.
    if (!this.binding?.outbound) this.flow.end();
    this.wait(failed);
  }

  private follow(response: SipResponse): boolean {
    for (const value of response.headers.all("Contact").slice(0, 8)) {
      const contact = parseNameAddr(value);
      const uri = contact.ok ? contact.value.uri.replace(/\?.*$/, "") : "";
      if (!parseSipUri(uri).ok || this.visited.includes(uri) || this.visited.length > MAX_REDIRECTS) continue;
      this.visited.push(uri);
      this.target = uri;
      return true;
    }
    return false;
  }

  private wait(failed: Failure): void {
    const { clock, timers, backoff, log } = this.options;
    const hopeless = failed.authentication !== undefined || [403, 404].includes(failed.status);
    // A password that was wrong is wrong in 30 s too, and some servers lock accounts: the longest wait at once.
    const failures = hopeless ? 20 : this.failures;
    const later = backoffMs(backoff, failures, this.options.othersWork(), this.fraction());
    const asked = (parseNumber(failed.response?.headers.get("Retry-After")?.split(/[;( ]/)[0]) ?? 0) * 1000;
    const delay = Math.max(later, Math.min(asked, MAX_EXPIRES_S * 1000));
    this.failures++;
    // The next registration begins at the registrar that was configured.
    this.target = this.options.registrar;
    this.visited.length = 1;
    this.raised = 0;
    this.failure = { status: failed.status, text: describe(failed), atMs: clock.wallMs() };
    log.warn("not-registered", {
      account: this.account,
      status: failed.status,
      why: this.failure.text,
      retryMs: delay,
    });
    this.timer?.cancel();
    this.timer = timers.after(delay, () => this.attempt());
    this.retryAtMs = clock.wallMs() + delay;
    this.move(this.binding ? "registered" : "waiting");
  }

  /** The binding holds no longer. */
  private unbind(): void {
    this.expiry?.cancel();
    this.binding = undefined;
    if (this.current === "registered") this.move(this.busy ? "registering" : "waiting");
  }

  private off(): void {
    this.timer?.cancel();
    this.expiry?.cancel();
    this.flow.end();
    this.binding = undefined;
    this.boundUri = undefined;
    this.move("off");
    this.closing?.(undefined);
  }

  private move(state: RegistrationState): void {
    if (state !== this.current) this.sinceMs = this.options.clock.wallMs();
    if (state !== "waiting" && state !== "registered") this.retryAtMs = undefined;
    this.current = state;
    this.options.changed(this);
  }

  private fraction(): number {
    return Buffer.from(this.options.random(2)).readUInt16BE(0) / 65_536;
  }
}

/** A sentence for the screen. */
function describe(failed: Failure): string {
  if (failed.authentication === "wrong-credentials") return "The server does not accept the user name or password";
  if (failed.authentication === "no-credentials")
    return "The server asks for a password, and none is configured for it";
  if (failed.authentication === "unsupported") return "The server asks for a kind of password check this phone refuses";
  if (failed.authentication === "no-agreement")
    return "The server and this phone could not agree on a secure way to talk";
  if (failed.authentication === "agreement-changed")
    return "What the server offers to secure the connection is changed on the way: somebody may be listening";
  if (failed.authentication) return "The server asks for the password again and again";
  if (failed.cause === "timeout") return "The server does not answer";
  if (failed.cause === "transport") return `The server cannot be reached: ${failed.reason}`;
  return `The server refused: ${failed.status} ${failed.reason.replace(/[^\x20-\x7e]/g, "?").slice(0, 100)}`;
}
