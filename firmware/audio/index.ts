// Audio: codecs, concealment, tones, resampling, mixing, levels, and sound files as bytes. Pure: no devices, no clock, no files.
export * from "./codec.js";
export * from "./concealment.js";
export * from "./drift.js";
export * from "./g711.js";
export * from "./level.js";
export * from "./mixer.js";
export * from "./resampler.js";
export * from "./tones.js";
export * from "./wav.js";
