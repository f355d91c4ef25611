// The ringer on a loudspeaker.
export * from "./ringer.js";
export { loadSounds, type RingSounds, type SoundFiles } from "./sounds.js";
