// Agreeing on SRTP keys inside an SDP offer/answer: the interface and its providers.

export * from "./keying.js";
export { createMikeyKeying, type MikeyKeyingOptions } from "./mikey/index.js";
export { type PeerKeying, perPeerKeying } from "./per-peer.js";
