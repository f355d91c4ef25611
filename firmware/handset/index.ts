// The telephone in the hand.
export * from "./handset.js";
export * from "./view.js";
