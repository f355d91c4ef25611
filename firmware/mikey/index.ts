// MIKEY (RFC 3830): agreeing on SRTP keys in one round trip. Three levels: agreement, methods, messages.

export * from "./agreement.js";
export { Bundle, type SharedKeys, type UpdateOptions, wipeSharedKeys } from "./bundle.js";
export { type Capabilities, PeerMemory } from "./capabilities.js";
export { anyDirectory, CertificateDirectory } from "./certificate-directory.js";
export { type CounterEntry, type CounterStore, MemoryCounters } from "./counters.js";
export { type CryptoSession, deriveSessions, type MapShape, type MasterKey, srtpKeys } from "./crypto-sessions.js";
export { type Dialect, dhSecretFor, prfOf } from "./dialect.js";
export { EnvelopeCache } from "./envelope-cache.js";
export * from "./errors.js";
export { csbIdExtension, type KeyId, keyIdExtension, parseCsbId, parseKeyIds } from "./extensions.js";
export type { Header, SrtpSession } from "./header.js";
export { identityText, idPayload } from "./identity.js";
export { type AgreedKey, printKeyData, readKeyData } from "./key-data.js";
export * from "./message.js";
export { type CertificateVerifier, createDhMethod, type DhOptions } from "./methods/dh.js";
export type { DhPolicy, TakeDhKeyPair } from "./methods/dh-values.js";
export { createDhHmacMethod, type DhHmacOptions } from "./methods/dhhmac.js";
export { certificateHash, type EnvelopeOptions, unseal as openEnvelopePayloads } from "./methods/envelope.js";
export type { KeyTransport } from "./methods/mac.js";
export type * from "./methods/method.js";
export { createPkeMethod, type DecryptionKey, type PkeOptions } from "./methods/pke.js";
export { createPskMethod, type SharedKey } from "./methods/psk.js";
export { createRsaRMethod, type RsaROptions } from "./methods/rsa-r.js";
export type { SignerOptions } from "./methods/signer.js";
export * from "./numbers.js";
export * from "./payloads/index.js";
export { acceptPolicies, type ChosenPolicy } from "./policy-choice.js";
export * from "./prf.js";
export { DEFAULT_SKEW_MS, MemoryReplayCache, type ReplayCache } from "./replay.js";
export * from "./signature.js";
export type { SignaturePolicy } from "./signature-policy.js";
export {
  DEFAULT_SUITE,
  type MikeySuite,
  mikeySuites,
  policyFor,
  readPolicy,
  type SrtpPolicy,
  type SrtpTerms,
  type SrtpUse,
  suiteKeyLengths,
  suiteOf,
  suitePolicy,
  supportedPolicies,
  useOf,
  writePolicy,
} from "./srtp-policy.js";
export type { CallParties, Refusal } from "./terms.js";
export {
  computeMac,
  covered,
  cryptKeyData,
  MAC_BYTES,
  macsEqual,
  openKeyData,
  sealKeyData,
} from "./transport.js";
