// Answers challenges for one account: which one, with what, how often; and credentials sent before anybody asks (RFC 3261 section 22).

import {
  bestOf,
  type Mechanism,
  parseMechanisms,
  type SecurityAgreement,
  securityServerField,
} from "../agreement/index.js";
import type { ExtraHeaders, Failure, SipAddress } from "../contract.js";
import { getParam } from "../grammar/index.js";
import type { SipMessage, SipResponse } from "../grammar/message.js";
import { quote } from "../grammar/scanner.js";
import { challengeScheme, type DigestChallenge, parseChallenge, readPairs } from "./challenge.js";
import { type DigestCredentials, ha1Of, usableHashes } from "./credentials.js";
import { type DigestInput, digestAlgorithm, digestOf, digestResponse, nonceCountText } from "./hash.js";

/** What a digest covers of a request; its fields tell whether it is one in a dialog. */
export interface Authorised {
  readonly method: string;
  /** Request-URI. */
  readonly uri: string;
  readonly body: Uint8Array;
  readonly headers?: SipMessage["headers"];
}

/** Who asks: the server (401) or a proxy on the way (407). */
type Asker = "www" | "proxy";

const fieldOf = { www: "Authorization", proxy: "Proxy-Authorization" } as const;

/** A challenge in use: the nonce lives on from request to request. */
interface Session {
  readonly asker: Asker;
  readonly realm: string;
  challenge: DigestChallenge;
  nonce: string;
  count: number;
  /** Of a session algorithm: its key is made of the first cnonce and holds as long as the nonce (RFC 7616 section 3.4.2). */
  cnonce?: string;
  readonly credentials: DigestCredentials;
  /** What the last response was computed from, to check the server's own proof. */
  last?: DigestInput;
}

/** Tries of one request. More than this many challenges in a row come from no honest chain of proxies. */
const MAX_ROUNDS = 8;
/** Sessions remembered for later requests. */
const MAX_SESSIONS = 32;

/** What became of a challenge. */
export type Verdict =
  /** Send the request again, with the header fields of {@link Attempt.headers}; `elsewhere`: where it goes has to be found anew, over TLS; `changed`: the
   * server's list of mechanisms is another than the one it was said to have. */
  | { readonly retry: true; readonly elsewhere?: boolean; readonly changed?: boolean }
  /** `why` is for the log: no secrets. */
  | { readonly retry: false; readonly why: NonNullable<Failure["authentication"]> };

export interface AuthenticatorOptions {
  readonly credentials: readonly DigestCredentials[];
  /** Host part of the account's address: the realm of credentials that name none. */
  readonly domain: string;
  /** Unpredictable bytes. */
  readonly random: (count: number) => Uint8Array;
  /** With it requests that leave in clear agree with their first server on something better (RFC 3329). */
  readonly agreement?: SecurityAgreement;
}

/** Credentials of one account and the nonces its servers gave. Holds no timers. */
export class Authenticator {
  /** Sessions by scope, asker and realm, oldest first. */
  private readonly sessions = new Map<string, Session>();
  /** The session the agreed digest goes by: asker and realm. @internal */
  agreedSession: string | undefined;
  /** A realm the registrar asked with, where credentials name none. */
  private readonly learned = new Set<string>();

  constructor(private readonly options: AuthenticatorOptions) {}

  /**
   * Begins a request, all of its tries.
   * @param scope what the credentials of earlier requests are good for again: requests with the same scope (the Call-ID of a dialog; for
   *   new requests the host of the Request-URI, RFC 3261 section 22.1). Proxies of our own realms are answered ahead in every scope.
   * @param registrar it goes to the configured registrar, whose realm is believed to be the account's.
   */
  begin(scope: string, registrar = false): Attempt {
    return new Attempt(this, scope, registrar);
  }

  /** Sessions a request of this scope is sent with ahead. @internal */
  remembered(scope: string): readonly Session[] {
    const found = new Map<string, Session>();
    for (const [key, session] of this.sessions)
      if (key.startsWith(`${scope} `) || session.asker === "proxy" || key.endsWith(` ${this.agreedSession}`))
        found.set(`${session.asker} ${session.realm}`, session);
    return [...found.values()];
  }

  /** @internal */
  remember(scope: string, session: Session): void {
    const key = `${scope} ${session.asker} ${session.realm}`;
    this.sessions.delete(key);
    this.sessions.set(key, session);
    if (this.sessions.size > MAX_SESSIONS) this.sessions.delete(this.sessions.keys().next().value!);
  }

  /** @internal */
  forget(session: Session): void {
    for (const [key, each] of this.sessions) if (each === session) this.sessions.delete(key);
  }

  /** The credentials a realm may see. @internal */
  credentialsFor(realm: string, registrar: boolean): DigestCredentials | undefined {
    const { credentials, domain } = this.options;
    const named = credentials.find((each) => each.realm === realm);
    if (named) return named;
    const own = credentials.find((each) => each.realm === undefined);
    if (own && registrar && this.learned.size < 8) this.learned.add(realm);
    if (own && (this.learned.has(realm) || realm.toLowerCase() === domain.toLowerCase())) return own;
    return credentials.find((each) => each.realm === "*");
  }

  /** @internal */
  get agreement(): SecurityAgreement | undefined {
    return this.options.agreement;
  }

  /** @internal */
  cnonce(): string {
    return Buffer.from(this.options.random(16)).toString("base64url");
  }
}

/** One request with all its tries: 401 and 407 in any order, one after the other or together. */
export class Attempt {
  private readonly sessions = new Map<string, Session>();
  /** Nonces that were answered in this attempt because they were asked with (not sent ahead). */
  private readonly answered = new Map<string, Set<string>>();
  private rounds = 0;
  /** Where the last try went, and whether it repeated the server's list. */
  private hop: SipAddress | undefined;
  private verified = false;
  private asked = false;
  private lists = 0;

  /** Made by {@link Authenticator.begin}. */
  constructor(
    private readonly owner: Authenticator,
    private readonly scope: string,
    private readonly registrar: boolean,
  ) {
    for (const session of owner.remembered(scope)) this.sessions.set(`${session.asker} ${session.realm}`, session);
  }

  /** The next try has to be sent over TLS, by agreement. */
  get overTls(): boolean {
    return this.owner.agreement?.overTls ?? false;
  }

  /** The last try asked for an agreement, and there is none: a response that asks for nothing came from who ignored that. */
  get unagreed(): boolean {
    return this.asked && this.owner.agreement?.mechanism === undefined;
  }

  /**
   * Authorization, Proxy-Authorization and the fields of the security agreement for the request as it goes out to `hop` now. Counts the nonce
   * up: call once for every try.
   */
  headers(request: Authorised, hop?: SipAddress): ExtraHeaders {
    this.hop = hop;
    const { agreement } = this.owner;
    const fields: (readonly [string, string])[] = [];
    let verify: string | undefined;
    for (const [key, session] of this.sessions) {
      const value = this.authorise(session, request);
      if (value === undefined) continue;
      fields.push([fieldOf[session.asker], value]);
      if (key === this.owner.agreedSession && agreement?.mechanism === "digest")
        verify = digestResponse({ ...session.last!, a2More: securityServerField(agreement.list) });
    }
    if (!agreement) return fields;
    const message = request.headers && ({ kind: "request", ...request, headers: request.headers } as SipMessage);
    const concerned = agreement.concerns(message, hop);
    this.verified = concerned && agreement.mechanism !== undefined;
    this.asked = concerned && !this.verified && agreement.options.required;
    return [...fields, ...agreement.fields(message, hop, verify)];
  }

  /** Takes a 401, 407, 421 or 494. */
  challenged(response: SipResponse): Verdict {
    if (++this.rounds > MAX_ROUNDS) return { retry: false, why: "too-many" };
    if (response.status === 421 || response.status === 494) return this.negotiate(response);
    // What was to be agreed on first is not there: somebody may have taken the question out on its way.
    if (this.owner.agreement?.mayAuthenticate(this.hop) === false) return { retry: false, why: "no-agreement" };
    return this.answer(response);
  }

  /** The server shows its list of mechanisms, or shows it again because the one that was repeated to it is not its own (RFC 3329 section 2.3). */
  private negotiate(response: SipResponse): Verdict {
    const { agreement } = this.owner;
    const list = parseMechanisms(response.headers.all("Security-Server"));
    // Over TLS that is not the agreed one the procedure must not be used (section 2.3.1).
    if (!agreement || !list.ok || (this.hop?.transport === "tls" && !this.verified))
      return { retry: false, why: "no-agreement" };
    const again = agreement.isList(list.value);
    const was = agreement.mechanism;
    if (this.verified && (again ? this.lists > 0 || was === "tls" : this.lists > 1)) {
      agreement.reset();
      return { retry: false, why: "agreement-changed" };
    }
    // The list we went by was changed on its way to us, or the server's has changed: the one that comes now is tried, once.
    const changed = this.verified && !again;
    this.lists++;
    const chosen = bestOf(list.value, (each) => this.knows(each));
    if (!chosen) {
      agreement.reset();
      return { retry: false, why: "no-agreement" };
    }
    this.owner.agreedSession = undefined;
    agreement.agree(list.value, chosen, this.hop);
    if (chosen.name === "tls") {
      this.sessions.clear();
      return { retry: true, elsewhere: true, changed };
    }
    const verdict = this.answer(response, chosen);
    if (!verdict.retry) agreement.reset();
    return verdict.retry ? { ...verdict, changed } : verdict;
  }

  private knows(mechanism: Mechanism): boolean {
    const { options } = this.owner.agreement!;
    if (mechanism.name === "tls") return options.tls;
    if (mechanism.name !== "digest" || !options.digest) return false;
    const qop = getParam(mechanism.params, "d-qop")?.toLowerCase();
    return (
      digestAlgorithm(getParam(mechanism.params, "d-alg") ?? "MD5") !== undefined &&
      (qop === undefined || qop === "auth" || qop === "auth-int")
    );
  }

  /** @param agreed the digest that was agreed on: its algorithm and qop count in place of the challenge's (RFC 3329 section 2.4). */
  private answer(response: SipResponse, agreed?: Mechanism): Verdict {
    const asker: Asker = response.status === 407 ? "proxy" : "www";
    const { agreement } = this.owner;
    let progress = false;
    let why: "wrong-credentials" | "no-credentials" | "unsupported" = "unsupported";
    // A forking proxy collects the challenges of its branches: both kinds may stand in one response (section 22.3).
    for (const kind of ["www", "proxy"] as const) {
      const values = response.headers.all(kind === "proxy" ? "Proxy-Authenticate" : "WWW-Authenticate");
      for (const [realm, offered] of byRealm(values)) {
        const credentials = this.owner.credentialsFor(realm, this.registrar && asker === "www");
        if (!credentials) {
          why = why === "unsupported" ? "no-credentials" : why;
          continue;
        }
        const key = `${kind} ${realm}`;
        const known = this.sessions.get(key);
        const terms = agreed ?? (key === this.owner.agreedSession ? agreement?.chosen : undefined);
        const challenges = terms ? offered.map((each) => inTermsOf(each, terms)) : offered;
        const challenge = strongest(challenges, credentials);
        if (!challenge) continue;
        const tried = this.answered.get(key);
        // Asked again although it was answered with a nonce that was fresh: the password is wrong. A stale nonce is not that.
        if (tried && (!challenge.stale || tried.has(challenge.nonce))) {
          if (known) this.owner.forget(known);
          return { retry: false, why: "wrong-credentials" };
        }
        if (known) this.owner.forget(known);
        const session: Session = { asker: kind, realm, challenge, nonce: challenge.nonce, count: 0, credentials };
        this.sessions.set(key, session);
        this.answered.set(key, (tried ?? new Set<string>()).add(challenge.nonce));
        if (agreed) this.owner.agreedSession ??= key;
        progress = true;
      }
    }
    return progress ? { retry: true } : { retry: false, why };
  }

  /**
   * Takes a response that asks for nothing: what was sent was good enough for all who look at it, and is sent ahead next time.
   * Authentication-Info may hold the next nonce, and the server's proof that it knows the password too; false: that proof is wrong.
   */
  accepted(response: SipResponse): boolean {
    for (const session of this.sessions.values()) if (session.count > 0) this.owner.remember(this.scope, session);
    let proved = true;
    for (const [asker, name] of [
      ["www", "Authentication-Info"],
      ["proxy", "Proxy-Authentication-Info"],
    ] as const) {
      const value = response.headers.get(name);
      const info = value === undefined ? undefined : readPairs(value);
      if (!info) continue;
      // The field names no realm; it is about the session whose cnonce it repeats, or the only one there is.
      const mine = [...this.sessions.values()].filter((session) => session.asker === asker);
      const session =
        mine.find((each) => each.last?.cnonce === info.get("cnonce")) ?? (mine.length === 1 ? mine[0] : undefined);
      if (!session) continue;
      const rspauth = info.get("rspauth");
      if (rspauth !== undefined && !this.proves(session, rspauth, info.get("qop"), response.body)) {
        proved = false;
        this.owner.forget(session);
        continue;
      }
      const next = info.get("nextnonce");
      if (next) {
        session.nonce = next;
        session.count = 0;
        session.cnonce = undefined;
      }
    }
    return proved;
  }

  private authorise(session: Session, request: Authorised): string | undefined {
    const { challenge, credentials, realm } = session;
    const { hash } = challenge.algorithm;
    const ha1 = ha1Of(credentials, hash, realm);
    if (ha1 === undefined) return undefined;
    const cnonce = session.cnonce ?? this.owner.cnonce();
    if (challenge.algorithm.session) session.cnonce = cnonce;
    session.count++;
    const input: DigestInput = {
      algorithm: challenge.algorithm,
      ha1,
      nonce: session.nonce,
      cnonce,
      nonceCount: session.count,
      qop: challenge.qop,
      method: request.method,
      uri: request.uri,
      body: request.body,
    };
    session.last = input;
    const response = digestResponse(input);
    const user = challenge.userhash ? digestOf(hash, `${credentials.user}:${realm}`) : credentials.user;
    const parts = [
      `username=${quote(user)}`,
      `realm=${quote(realm)}`,
      `nonce=${quote(session.nonce)}`,
      `uri=${quote(request.uri)}`,
      `response="${response}"`,
    ];
    if (challenge.algorithmName !== undefined) parts.push(`algorithm=${challenge.algorithmName}`);
    if (challenge.opaque !== undefined) parts.push(`opaque=${quote(challenge.opaque)}`);
    if (challenge.qop !== "none")
      parts.push(`cnonce="${cnonce}"`, `nc=${nonceCountText(session.count)}`, `qop=${challenge.qop}`);
    if (challenge.userhash) parts.push("userhash=true");
    return `Digest ${parts.join(", ")}`;
  }

  private proves(session: Session, rspauth: string, qop: string | undefined, body: Uint8Array): boolean {
    const { challenge, last } = session;
    if (!last) return false;
    const said = qop?.toLowerCase();
    const expected = digestResponse({
      ...last,
      qop: said === "auth" || said === "auth-int" ? said : challenge.qop,
      method: "",
      body,
    });
    return expected === rspauth.toLowerCase();
  }
}

/** The challenges by realm, in order; what cannot be read or is no Digest is left out. */
function byRealm(values: readonly string[]): Map<string, DigestChallenge[]> {
  const found = new Map<string, DigestChallenge[]>();
  for (const value of values.slice(0, 16)) {
    if (challengeScheme(value) !== "digest") continue;
    const challenge = parseChallenge(value);
    if (!challenge.ok) continue;
    const { realm } = challenge.value;
    found.set(realm, [...(found.get(realm) ?? []), challenge.value]);
  }
  return found;
}

/** The challenge with the algorithm and qop of the mechanism that was agreed on. */
function inTermsOf(challenge: DigestChallenge, mechanism: Mechanism): DigestChallenge {
  const name = getParam(mechanism.params, "d-alg");
  const algorithm = name === undefined ? undefined : digestAlgorithm(name);
  const qop = getParam(mechanism.params, "d-qop")?.toLowerCase();
  return {
    ...challenge,
    ...(algorithm ? { algorithm, algorithmName: name } : {}),
    ...(qop === "auth" || qop === "auth-int" ? { qop } : {}),
  };
}

/** The one whose hash is the strongest we can compute; of equals the first. */
function strongest(
  challenges: readonly DigestChallenge[],
  credentials: DigestCredentials,
): DigestChallenge | undefined {
  for (const hash of usableHashes(credentials)) {
    const found = challenges.find((challenge) => challenge.algorithm.hash === hash);
    if (found) return found;
  }
  return undefined;
}
