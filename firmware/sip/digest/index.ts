// Digest authentication of a SIP client (RFC 7616, RFC 8760, RFC 3261 section 22).
export * from "./authenticator.js";
export * from "./challenge.js";
export * from "./credentials.js";
export * from "./hash.js";
