// The one interface of "agree on SRTP keys inside an SDP offer/answer"; a provider per method implements it.

import type { SrtpKeys } from "../srtp/keys.js";

/** Methods of agreeing on keys. */
export type KeyingName = "mikey" | "sdes" | "dtls" | "zrtp" | "smime";

/** One SDP attribute, `a=name` or `a=name:value`. */
export interface KeyingAttribute {
  readonly name: string;
  readonly value?: string;
}

/** The attributes a method puts into (or finds in) an offer or answer. */
export interface KeyingAttributes {
  /** At session level. */
  readonly session: readonly KeyingAttribute[];
  /** At the level of the secured media line. */
  readonly media: readonly KeyingAttribute[];
}

/** How the other end proved who it is. */
export type Proof =
  | {
      readonly kind: "certificate";
      /** Common name or first subject alternative name of the certificate. */
      readonly subject: string;
      /** Common name of the trust anchor the chain ends in. */
      readonly ca: string;
      /** SHA-256 of the certificate, lower-case hex. */
      readonly fingerprint: string;
      /** End of validity, ISO 8601. */
      readonly notAfter: string;
    }
  | { readonly kind: "shared-key" /** Configured name of the key, never the key. */; readonly keyName: string }
  | {
      readonly kind: "domain-key";
      /** DNS name of the key. */
      readonly record: string;
      /** The resolver vouched for the record (DNSSEC). */
      readonly isAuthenticated: boolean;
      /** SHA-256 of the key, lower-case hex. */
      readonly fingerprint: string;
    }
  /** Nothing but whatever carried the keys vouches for them. */
  | { readonly kind: "carrier" };

/** Who is at the other end, by what proof, since when: shown on the screen and by `sotto status`. */
export interface VerifiedPeer {
  /** The identity that was proved, e.g. `sip:bob@example.com`. */
  readonly identity: string;
  readonly proof: Proof;
  /** Key agreement in words, e.g. `MIKEY signed Diffie-Hellman (OAKLEY 5)`. */
  readonly method: string;
  /** Wall-clock ms since 1970 at which it was proved. */
  readonly sinceMs: number;
}

/** Why keys were not agreed on. */
export interface KeyingError {
  /** Stable word for logs and tests, e.g. `"wrong-psk"`, `"certificate-expired"`, `"replayed"`. */
  readonly code: string;
  /** The SIP status an offer with this problem deserves (488 unless something says better). */
  readonly sipStatus: number;
  /** One line for Warning or Reason; no secrets. */
  readonly text: string;
  /** One sentence for the person holding the phone. */
  readonly user: string;
  /** Attributes that tell the peer (MIKEY's error message), when the protocol has some. */
  readonly attributes?: KeyingAttributes;
  /** The same as a body of its own, for a request without a session description. */
  readonly body?: { readonly type: string; readonly content: Uint8Array };
}

/** What is known of a call before keys are agreed on. */
export interface KeyingContext {
  /** Our identity, a SIP URI. */
  readonly localUri: string;
  /** Whom we believe to talk to: the URI dialled, or the caller's From URI. */
  readonly peerUri: string;
  /** SSRC of our own RTP stream (MIKEY's CS ID map names it). */
  readonly ssrc: number;
  /**
   * Answerer: asks who sent the offer for what it names and does not bring, a document of this media type. Undefined: nothing came of it. Absent:
   * nobody can be asked.
   */
  readonly ask?: (type: string) => Promise<Uint8Array | undefined>;
}

/** What a session says, at most one `failed`, `keys` possibly again on a re-key. */
export interface KeyingEvents {
  keys(tx: SrtpKeys, rx: SrtpKeys, peer: VerifiedPeer): void;
  /**
   * The offer's sender is authenticated (called once at the answerer, before keys): from here on expensive work is justified.
   */
  verified?(peer: VerifiedPeer): void;
}

/** A method's promise of attributes, or why not. */
export type KeyingResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: KeyingError };

/** One call's key agreement. Every method settles; none rejects. */
export interface KeyingSession {
  /** Offerer: what goes into the SDP offer. */
  offer(): Promise<KeyingResult<KeyingAttributes>>;
  /**
   * Answerer: reads and verifies the offered attributes. Cheap checks first. May be called as soon as the offer has arrived;
   * {@link answer} calls it when it was not.
   */
  verify(offered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>>;
  /**
   * Answerer: agrees, reports keys through the events and returns what goes into the SDP answer.
   * @param options `keysLater`: the answer is wanted as soon as it can be; keys that take work may then wait for {@link conclude}.
   */
  answer(
    offered: KeyingAttributes,
    options?: { readonly keysLater?: boolean },
  ): Promise<KeyingResult<KeyingAttributes>>;
  /**
   * Answerer, when an answer made with `keysLater` is on its way (or there is time): works out the keys, where that is still to be done, and reports
   * them through the events. Absent: {@link answer} has always reported them.
   */
  conclude?(): KeyingResult<void>;
  /** Offerer: reads the answer and reports keys through the events. */
  accept(answered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>>;
  /**
   * After an agreement: a new offer for the running session, from either end. `rekey`: with new keys; else it proves who we are (a new
   * address, a resumed call) and the keys in use go on. Its answer goes to {@link acceptUpdate}.
   */
  update?(options: { readonly rekey: boolean }): Promise<KeyingResult<KeyingAttributes>>;
  /** Reads the answer to {@link update}; new keys come through the events, unchanged ones do not. */
  acceptUpdate?(answered: KeyingAttributes): Promise<KeyingResult<VerifiedPeer>>;
  /** Reads the peer's update and answers it; new keys come through the events, unchanged ones do not. */
  answerUpdate?(offered: KeyingAttributes): Promise<KeyingResult<KeyingAttributes>>;
  /**
   * What the peer's refusal says: attributes of its answer, or a body of its own. Undefined where it says nothing of this method's. It is
   * believed as an explanation only.
   */
  explain?(said: KeyingAttributes | Uint8Array): Promise<KeyingError | undefined>;
  /**
   * Offerer, when the peer has refused the offer. True: it left out what the peer was believed to know. Another session's offer to it leaves nothing out,
   * and is worth a try.
   */
  recant?(): boolean;
  /** Offerer, after {@link offer}: a document that the offer names and does not bring, for a phone that asks for one of this media type. */
  document?(type: string): Uint8Array | undefined;
  /**
   * Offerer, after {@link offer}: a session that reads an answer of its own to the same offer, for one of the phones a call has been forked to.
   * The offer waits on for others' answers until the fork is kept or this session is closed.
   */
  fork?(events: KeyingEvents): KeyingFork;
  /** True: the packet that came on the RTP port was this method's (DTLS, ZRTP). */
  onMediaPacket?(packet: Uint8Array): boolean;
  /** Wipes every key this session still holds. Further calls answer with code `"closed"`. */
  close(): void;
}

/** What one of several phones that an offer has reached answered. */
export interface KeyingFork extends KeyingSession {
  /** This phone's answer is the one: the offer is finished with, and what it has held is this session's from now on. */
  keep(): void;
}

/** One method of agreeing on SRTP keys beside an SDP offer/answer (RFC 3264). */
export interface Keying {
  readonly name: KeyingName;
  /** True when the attributes of an offer are this method's. */
  recognises(offered: KeyingAttributes): boolean;
  /** Work that needs no answer from the peer and may run long before a call (key pairs, certificates). */
  prepare(): Promise<void>;
  open(role: "offerer" | "answerer", context: KeyingContext, events: KeyingEvents): KeyingSession;
  /** Forgets what is known of peers from earlier calls: the next ones are as between strangers. */
  forgetPeers?(): void;
  /** Wipes long-term secrets held in memory. */
  close(): void;
}
