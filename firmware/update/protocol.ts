// What an owner and a device say to each other about updates: lines of JSON over any two-way stream, and raw bytes of parts in between.
//
//   device: {"sottoUpdate":1,"nonce":"…"}                      a number never used before
//   owner:  {"request":"{\"nonce\":\"…\",\"action\":…}","signature":"…"}  Ed25519 over the request's very text
//   device: {"status":{…}}                                     action "status": the end
//   device: {"need":["root"]}                                  action "install": the other parts are as the running slot has them
//   owner:  the bytes of the needed parts, one after the other, `window` bytes ahead of what the device has at most
//   device: {"got":65536} … {"installed":"b"} {"waiting":"…"} … {"restarting":true}
//   device: {"error":"…"}                                      instead of any of these: the end
//
// The signature covers the device's own nonce: what was signed once cannot be sent again, not to this device and not to another.

import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import * as v from "valibot";
import { type PartName, partNames, type Release, releaseSchema, type Slot, slots } from "./release.js";

/** Where a device listens unless its network.conf says otherwise. */
export const UPDATE_PORT = 5099;
/** Said on a serial line to wake the device's side. */
export const WAKE_WORD = "sotto-update";
/** Longest line either side takes, bytes. */
export const LONGEST_LINE = 16_384;
/** Set before what is signed, so that a signature made for something else is none here. */
const DOMAIN = "sotto update request\n";

const requestSchema = v.variant("action", [
  v.strictObject({ action: v.literal("status"), nonce: v.string() }),
  v.strictObject({
    action: v.literal("install"),
    nonce: v.string(),
    release: releaseSchema,
    /** How long the release may take until it is healthy, seconds. */
    trialSeconds: v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(3600)),
    /** Bytes the owner may be ahead of what the device has said it got. */
    window: v.pipe(v.number(), v.integer(), v.minValue(256), v.maxValue(1 << 20)),
  }),
]);
/** What an owner asks for. */
export type UpdateRequest = v.InferOutput<typeof requestSchema>;

/** What a device says of itself to its owner. */
export interface DeviceStatus {
  readonly board: string;
  readonly slot: Slot;
  /** On trial: it has not come up healthy yet, and goes back to the other slot by itself if it does not. */
  readonly state: "good" | "on-trial";
  /** What the running slot holds; undefined: not known. */
  readonly release?: Release;
  /** Why the last update went back, if it did. */
  readonly failed?: string;
}

const slotSchema = v.picklist(slots);
const statusSchema = v.object({
  board: v.string(),
  slot: slotSchema,
  state: v.picklist(["good", "on-trial"]),
  release: v.optional(releaseSchema),
  failed: v.optional(v.string()),
});
const replySchema = v.union([
  v.object({ error: v.string() }),
  v.object({ status: statusSchema }),
  v.object({ need: v.array(v.picklist(partNames)) }),
  v.object({ got: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
  v.object({ installed: slotSchema }),
  v.object({ waiting: v.string() }),
  v.object({ restarting: v.literal(true) }),
]);
/** A line of the device's. */
export type DeviceReply =
  | { readonly error: string }
  | { readonly status: DeviceStatus }
  | { readonly need: readonly PartName[] }
  | { readonly got: number }
  | { readonly installed: Slot }
  | { readonly waiting: string }
  | { readonly restarting: true };

const greetingSchema = v.object({ sottoUpdate: v.literal(1), nonce: v.pipe(v.string(), v.minLength(22)) });

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The device's first line. */
export function greeting(nonce: Uint8Array): string {
  return JSON.stringify({ sottoUpdate: 1, nonce: Buffer.from(nonce).toString("base64") });
}

/** @returns the nonce; undefined when the line is no greeting. */
export function readGreeting(line: string): string | undefined {
  const read = v.safeParse(greetingSchema, json(line));
  return read.success ? read.output.nonce : undefined;
}

/** @returns undefined when the line is no reply. */
export function readReply(line: string): DeviceReply | undefined {
  const read = v.safeParse(replySchema, json(line));
  return read.success ? (read.output as DeviceReply) : undefined;
}

/** Signs a request. @param key Ed25519. */
export function signRequest(request: UpdateRequest, key: KeyObject): string {
  const text = JSON.stringify(request);
  return JSON.stringify({
    request: text,
    signature: sign(null, Buffer.from(DOMAIN + text), key).toString("base64"),
  });
}

const envelopeSchema = v.strictObject({ request: v.string(), signature: v.string() });

/**
 * Reads a request that must be signed by `owner` over `nonce`. Nothing of it is looked at before its signature is verified.
 * @returns the request, or why there is none.
 */
export function readRequest(
  line: string,
  owner: KeyObject,
  nonce: Uint8Array,
): { readonly ok: true; readonly value: UpdateRequest } | { readonly ok: false; readonly error: string } {
  const envelope = v.safeParse(envelopeSchema, json(line));
  if (!envelope.success) return { ok: false, error: "not a request" };
  const { request: text, signature } = envelope.output;
  if (!verify(null, Buffer.from(DOMAIN + text), owner, Buffer.from(signature, "base64")))
    return { ok: false, error: "not signed by this telephone's owner" };
  const request = v.safeParse(requestSchema, json(text));
  if (!request.success)
    return { ok: false, error: `a request this release does not know: ${request.issues[0].message}` };
  if (request.output.nonce !== Buffer.from(nonce).toString("base64"))
    return { ok: false, error: "signed for another session" };
  return { ok: true, value: request.output };
}

/** The owner's public key from PEM. @throws Error when it is none, or not Ed25519. */
export function ownerKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new Error("the owner's key is no public key in PEM");
  }
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`the owner's key is ${key.asymmetricKeyType}, not Ed25519`);
  return key;
}
