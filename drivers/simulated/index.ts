// Doubles of every device of drivers/contract.ts, in software, for the host platform and for tests.
export * from "./sound-card.js";
export { remoteSoundControl, type SoundControl } from "./sound-control.js";
