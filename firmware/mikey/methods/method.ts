// What a key agreement method is; each of RFC 3830 section 3's and later ones' is a file that makes one of these.

import type { KeyObject } from "node:crypto";
import { ok } from "../../runtime/result.js";
import type { Dialect } from "../dialect.js";
import { type MikeyResult, refuse } from "../errors.js";
import type { Header } from "../header.js";
import type { AgreedKey } from "../key-data.js";
import { type ParsedMessage, payloadsOf } from "../message.js";
import type { ExtensionPayload, Payload, PolicyPayload, TimestampPayload } from "../payloads/index.js";

/** Methods by name. */
export type MethodName = "psk" | "dh" | "dhhmac" | "pke" | "rsa-r";

/** `random(n)` gives n bytes fit for keys. */
export type RandomSource = (length: number) => Uint8Array;

/** How the other end proved who it is. */
export type PeerProof =
  | {
      readonly kind: "certificate";
      readonly identity: string;
      readonly subject: string;
      readonly ca: string;
      /** SHA-256 of the certificate, hex. */
      readonly fingerprint: string;
      readonly notAfterMs: number;
    }
  | { readonly kind: "shared-key"; readonly identity: string; readonly keyName: string }
  | {
      readonly kind: "domain-key";
      readonly identity: string;
      /** DNS name of the key, e.g. `bob._domainkey.example.com`. */
      readonly record: string;
      /** The resolver vouched for it (DNSSEC, the AD bit). */
      readonly isAuthenticated: boolean;
      /** SHA-256 of the key's SubjectPublicKeyInfo, hex. */
      readonly fingerprint: string;
    }
  /** MIKEY itself proved nothing: the message had no MAC, and whatever carried it must be believed. */
  | { readonly kind: "carrier"; readonly identity: string };

/** Who is to talk to whom. */
export interface Parties {
  /** Our SIP URI. */
  readonly localUri: string;
  /** The peer's SIP URI. */
  readonly peerUri: string;
  /** The peer's known departures from the RFCs; absent: none are tolerated. */
  readonly compat?: Dialect | undefined;
  /** Gets the certificates that the peer's offer names and does not bring, end-entity certificate first; undefined: there are none to be had. */
  readonly fetchCertificates?: (() => Promise<readonly Uint8Array[] | undefined>) | undefined;
}

/** A public key of somebody and where it comes from. */
export interface DirectoryKey {
  readonly publicKey: KeyObject;
  readonly proof: PeerProof;
  /** DER of the certificate it is from; CHASH names it. */
  readonly certificate?: Uint8Array;
}

/** Finds public keys of people: certificates kept, or keys in the DNS. */
export interface KeyDirectory {
  find(uri: string, use: "signature" | "encryption", nowMs: number): Promise<MikeyResult<DirectoryKey>>;
}

/** An envelope key that may be kept and used as a pre-shared key (section 3.2). */
export interface Envelope {
  readonly key: Uint8Array;
  /** Table 6.3: for this bundle only, or for any. */
  readonly isForBundleOnly: boolean;
}

/** Keys that are given instead of fresh ones: a group's, or those of a running bundle. */
export type KeyWish =
  | { readonly kind: "fresh"; readonly validity: AgreedKey["validity"] }
  | { readonly kind: "given"; readonly keys: readonly AgreedKey[] }
  /** An update that keeps the keys (section 4.5). */
  | { readonly kind: "unchanged" };

/** What every method's offer contains. */
export interface OfferFrame extends Parties {
  /** Its data type is the method's. */
  readonly header: Header;
  readonly timestamp: TimestampPayload;
  /** The bundle's RAND; not sent in an update (section 4.5). */
  readonly rand: Uint8Array;
  readonly isUpdate: boolean;
  readonly keys: KeyWish;
  readonly policies: readonly PolicyPayload[];
  readonly extensions: readonly ExtensionPayload[];
  readonly random: RandomSource;
  readonly nowMs: number;
}

/** What an exchange ended with. */
export interface Outcome {
  /** Empty: those of the running bundle go on. Whoever gets them wipes them. */
  readonly keys: readonly AgreedKey[];
  readonly peer: PeerProof;
  /** The envelope key, when it may be kept. */
  readonly envelope?: Envelope;
  /** RSA-R: chosen by the responder. */
  readonly rand?: Uint8Array;
  readonly csbId?: number;
}

/** An offer sent, waiting for its answer. */
export interface OpenOffer {
  readonly message: Uint8Array;
  /** Authenticates the answer (its header and T were compared already) and gives the keys. */
  finish(answer: ParsedMessage, nowMs: number): Promise<MikeyResult<Outcome>>;
  /** The keys without an answer: of a key transport that asked for none. */
  assume?(): Outcome;
  /** Our certificates where the offer names them, since the peer was believed to have them, and does not bring them. */
  readonly named?: readonly Uint8Array[];
  /** The peer had not got them and refused: from now on they are sent again. */
  recant?(): void;
  /** Whether the peer authenticated this error message. */
  provesError(error: ParsedMessage, nowMs: number): Promise<boolean>;
  /** Zeroes what was kept for the answer. */
  wipe(): void;
}

/** What an offer is checked against. */
export interface ReceivedFrame extends Parties {
  readonly timestamp: TimestampPayload;
  /** The offer's RAND, or that of the bundle it updates; empty in an RSA-R offer that leaves it to us. */
  readonly rand: Uint8Array;
  readonly isUpdate: boolean;
  readonly random: RandomSource;
  readonly nowMs: number;
}

/** How an answer is to be written. */
export interface AnswerFrame {
  readonly header: Header;
  readonly extensions: readonly ExtensionPayload[];
  /** RSA-R alone: the policies chosen, and the keys and place of a group. */
  readonly policies: readonly PolicyPayload[];
  readonly keys: KeyWish;
  readonly group?: { readonly csbId: number; readonly rand: Uint8Array };
}

/** An answer, and what is left to be done after it. */
export interface WrittenAnswer {
  readonly message: Uint8Array;
  /**
   * Gives the keys; once. No byte of the answer depends on them: a Diffie-Hellman secret may be computed when the answer is on its way. Fails only
   * where {@link AuthenticOffer.answer} could not see it.
   */
  agree(): MikeyResult<Outcome>;
}

/** An offer whose sender is authenticated. */
export interface AuthenticOffer {
  readonly peer: PeerProof;
  /** The method in words where the offer says more than our own label: its Diffie-Hellman group. */
  readonly label?: string;
  /** The method cannot do without an answer, whatever the V flag says. */
  readonly isAnswerNeeded: boolean;
  /** The keys it carries, when it is a key transport: for a look before anything is answered. */
  readonly keys?: readonly AgreedKey[];
  /** Writes the answer; once. */
  answer(frame: AnswerFrame): Promise<MikeyResult<WrittenAnswer>>;
  /** The keys without an answer. */
  assume?(): Outcome;
  /** Adds the method's proof of origin to an error message, where it has one. */
  sealError(error: { readonly header: Header; readonly payloads: readonly Payload[] }): Promise<Uint8Array>;
  /** Zeroes what is kept; an answer's keys cannot be had after it. */
  wipe(): void;
}

/** A key agreement method with its long-term keys. */
export interface MikeyMethod {
  readonly name: MethodName;
  /** In words, for the screen. */
  readonly label: string;
  /** Data types of table 6.1.a. */
  readonly offerType: number;
  readonly answerType: number;
  /** It carries keys, so that they can be given to several peers; the others make them between two. */
  readonly isKeyTransport: boolean;
  /** It offers at once every policy we can meet and the responder chooses (RFC 4738). */
  readonly responderChooses?: boolean;
  /** Signature types it verifies beyond RFC 3830's, said in a Vendor ID extension. */
  readonly announces?: readonly number[];
  /** Mark of a peer's certificates that we have, said there too; undefined: they have to be sent each time. */
  markOf?(peerUri: string): number | undefined;
  /** Bytes the method's MAC or signature field takes at the end of this offer: what precedes them is covered. */
  proofLength(offer: ParsedMessage): MikeyResult<number>;
  offer(frame: OfferFrame): Promise<MikeyResult<OpenOffer>>;
  /** Cheap checks first; nothing expensive for a message that fails them. */
  authenticate(offer: ParsedMessage, frame: ReceivedFrame): Promise<MikeyResult<AuthenticOffer>>;
  /** Warms up what the first exchange would otherwise wait for. */
  prepare(nowMs: number): Promise<void>;
  /** Zeroes the long-term secrets. */
  wipe(): void;
}

/** What a method answers whose long-term key was wiped: zeros in its place would be a key that everybody knows. */
export function withoutKey() {
  return refuse("internal-error", "the method's key was wiped");
}

/** The single payload of a kind. */
export function single<K extends Payload["kind"]>(
  message: ParsedMessage,
  kind: K,
): MikeyResult<Extract<Payload, { kind: K }>> {
  const found = payloadsOf(message, kind);
  if (found.length === 1) return ok(found[0]);
  return refuse("malformed-message", `${found.length} payloads of kind ${kind}, exactly one is needed`);
}

/** The payload that ends a message, of the kind it must be and the only one of it. */
export function closing<K extends Payload["kind"]>(
  message: ParsedMessage,
  kind: K,
): MikeyResult<Extract<Payload, { kind: K }>> {
  const found = single(message, kind);
  if (found.ok && message.payloads[message.payloads.length - 1] !== found.value)
    return refuse("malformed-message", `the ${kind} payload must be the last one`);
  return found;
}

/** Refuses a message with payloads that have no business in it; general extensions are welcome everywhere. */
export function allowOnly(message: ParsedMessage, kinds: readonly Payload["kind"][]): MikeyResult<undefined> {
  const at = message.payloads.findIndex((payload) => payload.kind !== "extension" && !kinds.includes(payload.kind));
  if (at < 0) return ok(undefined);
  const { kind } = message.payloads[at];
  return refuse("malformed-message", `a payload of kind ${kind} does not belong here`, message.offsets[at]);
}
