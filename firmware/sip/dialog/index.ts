// SIP dialogs: state, ACK and 2xx reliability, re-INVITE, BYE.
export * from "./authorised.js";
export * from "./client-ack.js";
export * from "./fields.js";
export * from "./host.js";
export * from "./ids.js";
export * from "./ok-retransmitter.js";
export * from "./options-out.js";
export * from "./route.js";
export * from "./session.js";
export * from "./session-timer.js";
export * from "./state.js";
