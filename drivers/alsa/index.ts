// ALSA devices as drivers/contract.ts describes them.
export type { AlsaSoundOptions } from "./options.js";
export { AlsaSoundCard } from "./sound-card.js";
