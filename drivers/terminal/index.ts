// A terminal as keys and screen.
export * from "./display.js";
export * from "./keys.js";
