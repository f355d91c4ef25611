// Public face of the crypto room: primitives on typed arrays, no I/O.

export * from "./aes.js";
export * from "./constant-time.js";
export * from "./hmac-sha1.js";
export * from "./sha1.js";
export * from "./wipe.js";
