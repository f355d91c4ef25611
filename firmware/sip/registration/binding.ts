// What a registrar's 200 says about us: how long, under which public addresses, through which proxies (RFC 3261 10.2.4, 3608, 5626, 5627).

import {
  getParam,
  hasParam,
  type NameAddr,
  parseNameAddr,
  parseNumber,
  parseSipUri,
  type SipResponse,
  sipUriEquals,
} from "../grammar/index.js";

/** Our contact as we sent it. */
export interface SentContact {
  readonly uri: string;
  /** `urn:uuid:…`, without angle brackets. */
  readonly instanceId?: string;
  readonly regId?: number;
}

/** What was granted. */
export interface Binding {
  readonly expiresS: number;
  /** Whether the registrar named our contact at all. */
  readonly listed: boolean;
  /** Route set for requests of ours outside dialogs, first hop first (RFC 3608). */
  readonly serviceRoute: readonly string[];
  /** The proxies requests for us come through (RFC 3327 section 5.1: a user agent may look at them, and needs them for nothing). */
  readonly path: readonly string[];
  /** The registrar works with flows (RFC 5626 section 6): it drops a binding whose flow is gone. */
  readonly outbound: boolean;
  /** Public and temporary GRUU (RFC 5627). */
  readonly publicGruu?: string;
  readonly temporaryGruu?: string;
  /** How long the edge proxy waits for a keep-alive before it drops the flow, seconds (RFC 5626 section 4.4.1). */
  readonly flowTimerS?: number;
}

/** Bindings of one address of record a registrar may list. */
const MAX_CONTACTS = 100;

/** Reads a 2xx to REGISTER. `askedS`: what we asked for, the interval where the registrar says none. */
export function readBinding(response: SipResponse, sent: SentContact, askedS: number): Binding {
  const { headers } = response;
  const contacts = headers
    .all("Contact")
    .slice(0, MAX_CONTACTS)
    .flatMap((value) => {
      const contact = parseNameAddr(value);
      return contact.ok ? [contact.value] : [];
    });
  const own = contacts.find((contact) => isOurs(contact, sent));
  const general = parseNumber(headers.get("Expires")) ?? askedS;
  const expiresS = (own && parseNumber(getParam(own.params, "expires"))) ?? general;
  const serviceRoute = headers.all("Service-Route").filter((route) => parseNameAddr(route).ok);
  const flowTimerS = parseNumber(headers.get("Flow-Timer"));
  const publicGruu = gruu(own, "pub-gruu");
  const temporaryGruu = gruu(own, "temp-gruu");
  return {
    expiresS: Math.min(expiresS, 86_400 * 365),
    listed: own !== undefined,
    serviceRoute: serviceRoute.slice(0, 16),
    path: headers
      .all("Path")
      .filter((each) => parseNameAddr(each).ok)
      .slice(0, 16),
    outbound: headers.all("Require").some((tag) => tag.toLowerCase() === "outbound"),
    ...(publicGruu ? { publicGruu } : {}),
    ...(temporaryGruu ? { temporaryGruu } : {}),
    ...(flowTimerS ? { flowTimerS } : {}),
  };
}

function gruu(contact: NameAddr | undefined, name: string): string | undefined {
  const value = contact && getParam(contact.params, name);
  return value && parseSipUri(value).ok ? value : undefined;
}

function isOurs(contact: NameAddr, sent: SentContact): boolean {
  const instance = getParam(contact.params, "+sip.instance");
  if (instance !== undefined && sent.instanceId !== undefined) {
    const same = instance.replace(/^<|>$/g, "").toLowerCase() === sent.instanceId.toLowerCase();
    const regId = parseNumber(getParam(contact.params, "reg-id"));
    if (!same || (hasParam(contact.params, "reg-id") && sent.regId !== undefined && regId !== sent.regId)) return false;
    if (hasParam(contact.params, "reg-id")) return true;
  }
  const theirs = parseSipUri(contact.uri);
  const ours = parseSipUri(sent.uri);
  return theirs.ok && ours.ok && sipUriEquals(theirs.value, ours.value);
}

/**
 * When to register again, ms from now: with a quarter to a sixth of the time left, and never less than the 32 s a request may take where the
 * interval has room for that.
 * @param fraction 0 to 1, random.
 */
export function refreshMs(expiresS: number, fraction: number): number {
  const part = expiresS * (0.75 + fraction * 0.083);
  return 1000 * Math.max(Math.min(part, expiresS - 40), expiresS / 2);
}
