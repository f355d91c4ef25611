// A headset in software that speaks the Hands-Free Profile to a phone under test.
export * from "./hands-free.js";
