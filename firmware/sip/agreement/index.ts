// Security agreement between the phone and its first server (RFC 3329).
export * from "./agreement.js";
export * from "./mechanisms.js";
