// The demo's eyes and ears: judges what was heard, merges what was sent, tells a person and a machine.
export * from "./analyse.js";
export * from "./delays.js";
export * from "./ladder.js";
export * from "./progress.js";
export * from "./record.js";
export * from "./report.js";
export * from "./verdict.js";
