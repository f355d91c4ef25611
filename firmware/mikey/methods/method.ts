// What a key agreement method is; each of RFC 3830 section 3's and later ones' is a file that makes one of these.

import { ok } from "../../runtime/result.js";
import type { AgreedKey } from "../crypto-sessions.js";
import { type MikeyResult, refuse } from "../errors.js";
import type { Header } from "../header.js";
import { type ParsedMessage, payloadsOf } from "../message.js";
import type { ExtensionPayload, Payload, PolicyPayload, TimestampPayload } from "../payloads/index.js";

/** Methods by name. */
export type MethodName = "psk" | "dh";

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
  | { readonly kind: "shared-key"; readonly identity: string; readonly keyName: string };

/** Who is to talk to whom. */
export interface Parties {
  /** Our SIP URI. */
  readonly localUri: string;
  /** The peer's SIP URI. */
  readonly peerUri: string;
}

/** What every method's offer contains. */
export interface OfferFrame extends Parties {
  /** Its data type is the method's. */
  readonly header: Header;
  readonly timestamp: TimestampPayload;
  readonly rand: Uint8Array;
  readonly policies: readonly PolicyPayload[];
  readonly extensions: readonly ExtensionPayload[];
  readonly random: RandomSource;
  readonly nowMs: number;
}

/** An offer sent, waiting for its answer. */
export interface OpenOffer {
  readonly message: Uint8Array;
  /** Authenticates the answer (its header and T were compared already) and gives the key. */
  finish(answer: ParsedMessage, nowMs: number): Promise<MikeyResult<{ key: AgreedKey; peer: PeerProof }>>;
  /** Whether the peer authenticated this error message. */
  provesError(error: ParsedMessage): boolean;
  /** Zeroes what was kept for the answer. */
  wipe(): void;
}

/** What an offer is checked against. */
export interface ReceivedFrame extends Parties {
  readonly timestamp: TimestampPayload;
  readonly rand: Uint8Array;
  readonly nowMs: number;
}

/** An offer whose sender is authenticated. */
export interface AuthenticOffer {
  readonly peer: PeerProof;
  /** Writes the answer with this header and gives the key; once. */
  answer(header: Header): Promise<MikeyResult<{ message: Uint8Array; key: AgreedKey }>>;
  /** Adds the method's cheap proof of origin to an error message, where it has one. */
  sealError(error: { readonly header: Header; readonly payloads: readonly Payload[] }): Uint8Array;
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
