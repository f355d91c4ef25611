// node-alsa: ALSA for Node. Full-duplex PCM clocked by the card, cards and names, mixers.
export type { Card, Direction, MixerElement, MixerSide, Offer, PcmName } from "./binding.js";
export { listCards, listPcms, probe } from "./cards.js";
export { AlsaError, type Holder, holders } from "./errors.js";
export { isBuilt } from "./load.js";
export { Mixer } from "./mixer.js";
export {
  type Counters,
  type Delay,
  Pcm,
  type PcmListener,
  type PcmOptions,
  type StreamInfo,
  type Timestamps,
} from "./pcm.js";
export { setRealtime } from "./realtime.js";
