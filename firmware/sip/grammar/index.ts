// SIP message grammar: parse, print, typed header fields. No sockets, no timers.
export * from "./address.js";
export * from "./call-fields.js";
export * from "./compose.js";
export * from "./essentials.js";
export * from "./fields.js";
export * from "./headers.js";
export * from "./host.js";
export * from "./message.js";
export * from "./multipart.js";
export * from "./params.js";
export { defaultParseLimits, isKeepAlive, type ParseLimits, parseMessage, type SipParseError } from "./parse.js";
export * from "./print.js";
export * from "./reasons.js";
export { isToken, quote, unquote } from "./scanner.js";
export * from "./tel.js";
export * from "./uri.js";
