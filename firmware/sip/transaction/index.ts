// SIP transactions: the four state machines and the table they live in.
export type { ClientInvite } from "./attempts.js";
export * from "./invite-client.js";
export * from "./invite-server.js";
export * from "./layer.js";
export * from "./machine.js";
export * from "./matching.js";
export * from "./non-invite-client.js";
export * from "./non-invite-server.js";
export * from "./timing.js";
