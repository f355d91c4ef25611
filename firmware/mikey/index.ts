// MIKEY (RFC 3830): agreeing on SRTP keys in one round trip. Three levels: agreement, methods, messages.

export * from "./agreement.js";
export { type CryptoSession, deriveSessions } from "./crypto-sessions.js";
export * from "./errors.js";
export type { Header, SrtpSession } from "./header.js";
export { identityText, idPayload } from "./identity.js";
export * from "./message.js";
export { type CertificateVerifier, createDhMethod, type DhOptions } from "./methods/dh.js";
export type * from "./methods/method.js";
export { createPskMethod, type SharedKey } from "./methods/psk.js";
export * from "./numbers.js";
export * from "./payloads/index.js";
export * from "./prf.js";
export { DEFAULT_SKEW_MS, MemoryReplayCache, type ReplayCache } from "./replay.js";
export { rsaPkcs1Sha1, type SignatureAlgorithm } from "./signature.js";
export { acceptPolicies, policyFor, supportedPolicies } from "./srtp-policy.js";
export type { CallParties, Refusal } from "./terms.js";
export { computeMac, covered, cryptKeyData, MAC_BYTES, macsEqual } from "./transport.js";
