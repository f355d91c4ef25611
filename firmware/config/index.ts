// Configuration: one JSON file, schema-checked.
export * from "./load.js";
export type { AccountConfig, Config, SecurityPolicy } from "./schema.js";
