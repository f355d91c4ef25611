// Public face of the crypto room: primitives on typed arrays, no I/O.

export * from "./aes.js";
export * from "./certificate-path.js";
export * from "./certificates.js";
export * from "./constant-time.js";
export * from "./dh.js";
export * from "./hmac-sha1.js";
export * from "./issue.js";
export * from "./sha1.js";
export * from "./sip-identity.js";
export * from "./wipe.js";
