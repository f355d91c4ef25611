// Lights, backlights and vibrators of the kernel's LED and backlight classes.
export * from "./led.js";
