// Platform: boards and the drivers that serve them.

export { openServiceManager } from "../drivers/service-manager/index.js";
export { listSound, openAudio } from "./audio.js";
export type { Board, Budgets, DeviceSpec } from "./board.js";
export { boards, findBoard } from "./boards/index.js";
export { type Devices, type OpenDevicesOptions, openDevices, soundCardOf } from "./devices.js";
export { type AudioFindings, examineAudio } from "./examine-audio.js";
