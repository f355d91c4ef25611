// Keys, vibrator and lights on GPIO lines, by the onoff package.
export * from "./keys.js";
export * from "./lines.js";
export { type GpioConstructor, type GpioLine, type GpioOptions, loadOnoff } from "./onoff.js";
export * from "./output.js";
