// SIP transports and the layer above them.
export * from "./layer.js";
export * from "./resolve.js";
export * from "./routing.js";
export * from "./transport.js";
export * from "./udp.js";
