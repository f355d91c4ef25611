// Keys, jack switches and vibration by the kernel's input devices (/dev/input/event*).
export * from "./codes.js";
export * from "./device.js";
export * from "./devices.js";
export { eventBytes, writeEvent } from "./event.js";
export * from "./keys.js";
export { type InputNative, loadIoctl, loadNative } from "./native.js";
export * from "./rumble.js";
export * from "./sysfs.js";
