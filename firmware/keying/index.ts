// Agreeing on SRTP keys inside an SDP offer/answer: the interface and its providers.

export * from "./keying.js";
export { type LaterKeying, laterKeying } from "./later.js";
export { FileCounters } from "./mikey/counter-file.js";
export { DomainKeys, type DomainKeysOptions } from "./mikey/domain-keys/index.js";
export { createMikeyKeying, KeyPairPool, type KeyPairPoolStatus, type MikeyKeyingOptions } from "./mikey/index.js";
export { FileReplayCache } from "./mikey/replay-file.js";
export { type PeerKeying, perPeerKeying } from "./per-peer.js";
