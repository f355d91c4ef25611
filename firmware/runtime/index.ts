// Runtime: time, timers, trace points, log, files, orderly exit.
export * from "./atomic-file.js";
export * from "./clock.js";
export * from "./code-cache.js";
export * from "./folder.js";
export * from "./line-file.js";
export * from "./log.js";
export * from "./loop-delay.js";
export * from "./result.js";
export * from "./secret.js";
export * from "./shutdown.js";
export * from "./statistics.js";
export * from "./tier-up.js";
export * from "./timers.js";
export * from "./trace.js";
export * from "./virtual-time.js";
