// The voice path: sound card, RTP, SRTP. Signalling uses it through the Voice contract, here or in a thread of its own.
export { LocalVoice, type VoiceDependencies } from "./local-voice.js";
export type { VoiceOptions } from "./options.js";
export { RemoteVoice } from "./remote-voice.js";
export { serveVoice } from "./serve-voice.js";
export * from "./voice.js";
export type { WirePort } from "./wire.js";
