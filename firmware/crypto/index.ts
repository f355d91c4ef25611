// Public face of the crypto room: primitives on typed arrays, no I/O.
// certificates.ts and issue.ts are imported by name: they bring an X.509 library that the voice thread must not load.

export * from "./aes.js";
export * from "./constant-time.js";
export * from "./dh.js";
export * from "./hmac-sha1.js";
export * from "./packet-cipher.js";
export * from "./packet-ciphers.js";
export * from "./sha1.js";
export * from "./sip-identity.js";
export * from "./wipe.js";
