// Updates: a new release into a running device's other slot, signed by its owner, given up by the device when it does not come up healthy.
export * from "./protocol.js";
export * from "./receive.js";
export * from "./release.js";
export * from "./send.js";
export * from "./slots.js";
