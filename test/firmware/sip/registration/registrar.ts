// A registrar on paper: bindings, digest as a server checks it, and whatever a test wants it to answer.

import {
  digestAlgorithm,
  digestResponse,
  type ExtraHeaders,
  getParam,
  hashA1,
  parseNameAddr,
  readPairs,
  type SipRequest,
} from "../../../../firmware/sip/index.js";
import { type Network, Peer } from "../support.js";

export interface RegistrarOptions {
  /** Algorithms it asks for, in this order; empty: it asks for nothing. */
  readonly algorithms?: readonly string[];
  readonly password?: string;
  readonly realm?: string;
  /** Interval it grants, seconds. */
  readonly grantS?: number;
  /** Added to every 200. */
  readonly headers?: ExtraHeaders;
  /** Parameters added to our contact in the 200. */
  readonly contactParams?: string;
}

/** Listens at 192.0.2.`number`. */
export class Registrar {
  readonly peer: Peer;
  readonly bindings = new Map<string, { readonly expiresS: number; readonly atMs: number }>();
  /** Every REGISTER as it came. */
  readonly seen: { readonly request: SipRequest; readonly atMs: number }[] = [];
  options: RegistrarOptions;
  /** Answers in place of the usual one; undefined: the usual one; null: silence. */
  instead: (request: SipRequest) => readonly [status: number, headers?: ExtraHeaders] | null | undefined = () =>
    undefined;
  private nonce = 1;
  private handled = 0;

  constructor(
    private readonly network: Network,
    number: number,
    options: RegistrarOptions = {},
  ) {
    this.peer = new Peer(network, number);
    this.options = options;
  }

  /** Answers what has come since the last call. */
  serve(): void {
    for (; this.handled < this.peer.received.length; this.handled++) {
      const { message } = this.peer.received[this.handled];
      if (message.kind === "request" && message.method === "REGISTER") this.answer(message);
    }
  }

  /** Lets time pass, answering every 5 ms. */
  run(ms: number): void {
    for (let left = ms; left > 0; left -= 5) {
      this.serve();
      this.network.time.advance(Math.min(5, left));
    }
    this.serve();
  }

  private answer(request: SipRequest): void {
    const { grantS, headers = [], contactParams = "" } = this.options;
    this.seen.push({ request, atMs: this.network.time.now() });
    const other = this.instead(request);
    if (other === null) return;
    if (other) {
      this.peer.respond(request, other[0], "reg", other[1] ?? []);
      return;
    }
    if (!this.proved(request)) {
      const nonce = `nonce${this.nonce++}`;
      const challenges = this.options.algorithms!.map(
        (name) =>
          [
            "WWW-Authenticate",
            `Digest realm="${this.options.realm ?? "a.test"}", nonce="${nonce}", algorithm=${name}, qop="auth"`,
          ] as const,
      );
      this.peer.respond(request, 401, "reg", challenges);
      return;
    }
    const listed: (readonly [string, string])[] = [];
    for (const value of request.headers.all("Contact")) {
      const contact = parseNameAddr(value);
      if (!contact.ok) throw new Error(`bad Contact ${value}`);
      const asked = Number(getParam(contact.value.params, "expires") ?? request.headers.get("Expires"));
      const expiresS = asked === 0 ? 0 : Math.min(asked, grantS ?? asked);
      if (expiresS === 0) this.bindings.delete(contact.value.uri);
      else {
        this.bindings.set(contact.value.uri, { expiresS, atMs: this.network.time.now() });
        listed.push(["Contact", `${value.replace(/;expires=\d+/, "")};expires=${expiresS}${contactParams}`]);
      }
    }
    this.peer.respond(request, 200, "reg", [...listed, ...headers]);
  }

  private proved(request: SipRequest): boolean {
    const { algorithms = [], password = "geheim" } = this.options;
    if (algorithms.length === 0) return true;
    const value = request.headers.get("Authorization");
    const pairs = value && readPairs(value.replace(/^Digest /, ""));
    if (!pairs) return false;
    const algorithm = digestAlgorithm(pairs.get("algorithm")!)!;
    const wanted = digestResponse({
      algorithm,
      ha1: hashA1(algorithm.hash, pairs.get("username")!, pairs.get("realm")!, password),
      nonce: pairs.get("nonce")!,
      cnonce: pairs.get("cnonce")!,
      nonceCount: Number.parseInt(pairs.get("nc")!, 16),
      qop: "auth",
      method: "REGISTER",
      uri: request.uri,
      body: request.body,
    });
    return pairs.get("response") === wanted && pairs.get("uri") === request.uri;
  }
}
