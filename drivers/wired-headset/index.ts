// Headsets on a wire: the jack's switch says that one is there, the button on its cable answers, holds and hangs up.
export * from "./button.js";
export * from "./headset.js";
