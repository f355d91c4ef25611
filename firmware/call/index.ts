// Calls: one state machine a call, and the table of them.

export { type CallerRules, everybodyRings, judgeCaller } from "./caller-policy.js";
export { Calls, type CallsOptions, type CallTotals } from "./calls.js";
export type { CallAccount } from "./environment.js";
export type { SpeculationStatus } from "./speculation.js";
export * from "./types.js";
