// Where a redirected call goes next: contacts by preference, each once, and not for ever (RFC 3261 section 8.1.3.4).

import {
  getParam,
  parseNameAddr,
  parseSipUri,
  printSipUri,
  type SipResponse,
  type SipUri,
  sipUriEquals,
} from "../grammar/index.js";

/** Targets one call may try, the first included. */
const MAX_TARGETS = 10;

/** A place to try. */
export interface RedirectTarget {
  readonly uri: string;
  /** From a 305: the URI is a proxy through which this target is asked once more; undefined: the URI is the target. */
  readonly through?: string;
}

export class Redirects {
  private readonly visited: SipUri[] = [];
  private readonly waiting: (RedirectTarget & { readonly q: number })[] = [];

  /** @param first the target dialled: it is not tried again. */
  constructor(private readonly first: SipUri) {
    this.visited.push(first);
  }

  /** Takes the contacts of a 300, 301, 302 or 305 from `asked`. A sips call is not led to a sip target. */
  add(response: SipResponse, asked: string): void {
    if (![300, 301, 302, 305].includes(response.status)) return;
    for (const value of response.headers.all("Contact").slice(0, MAX_TARGETS)) {
      const contact = parseNameAddr(value);
      if (!contact.ok) continue;
      const parsed = parseSipUri(contact.value.uri);
      if (!parsed.ok || (this.first.scheme === "sips" && parsed.value.scheme !== "sips")) continue;
      // Header fields a redirector would like to see in our request are not taken: they could be anything.
      const uri: SipUri = { ...parsed.value, headers: [] };
      if (this.visited.length >= MAX_TARGETS || this.visited.some((each) => sipUriEquals(each, uri))) continue;
      this.visited.push(uri);
      const q = Number(getParam(contact.value.params, "q") ?? 1);
      const through = response.status === 305 ? { through: asked } : {};
      this.waiting.push({ uri: printSipUri(uri), ...through, q: q >= 0 && q <= 1 ? q : 0 });
    }
    this.waiting.sort((a, b) => b.q - a.q);
  }

  /** The next target; undefined when all were tried. */
  next(): RedirectTarget | undefined {
    return this.waiting.shift();
  }
}
