// Public face of the SRTP library (RFC 3711): no sockets, timers or randomness; packets are protected in place.

export type { SrtpKeyEvent, SrtpOptions, SrtpStreamState } from "./context.js";
export type { SrtpKeys, SrtpSuiteName } from "./keys.js";
export { isRtcp } from "./packet.js";
export { SrtpReceiver } from "./receiver.js";
export { SrtpSender } from "./sender.js";
export { checkKeys } from "./session-keys.js";
export { SrtpStatus, type SrtpStatusCode, type SrtpStatusName, statusName } from "./status.js";
export { MKI_MAX_BYTES, SRTCP_MAX_TRAILER, SRTP_MAX_TRAILER, type SrtpSuite, srtpSuites } from "./suites.js";
