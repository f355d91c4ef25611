// How fast this phone's calls are set up, measured by the phone itself.

export * from "./history.js";
export * from "./report.js";
export * from "./sample.js";
