// Doubles of every device of drivers/contract.ts, in software, for the host platform and for tests.
export * from "./backlight.js";
export * from "./display.js";
export * from "./headset.js";
export * from "./indicator.js";
export * from "./keys.js";
export * from "./ringer.js";
export * from "./sound-card.js";
export { remoteSoundControl, type SoundControl } from "./sound-control.js";
export { loadRecording } from "./speech.js";
export type { Observe, Surroundings } from "./surroundings.js";
export * from "./vibrator.js";
