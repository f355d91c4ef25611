// Public face of the crypto room: primitives on typed arrays, no I/O.
// certificates.ts and issue.ts are imported by name: they bring an X.509 library. srtp/ and the voice thread take even the packet ciphers by
// name, because dh.ts brings an ASN.1 library.

export * from "./aes.js";
export * from "./constant-time.js";
export * from "./dh.js";
export * from "./hmac-sha1.js";
export * from "./packet-cipher.js";
export * from "./packet-ciphers.js";
export { pooledRandom } from "./random.js";
export * from "./sha1.js";
export * from "./sip-identity.js";
export * from "./wipe.js";
