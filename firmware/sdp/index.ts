// Session descriptions: reading, writing, and offer/answer for audio.

export { type AnswerOptions, chooseLine, makeAnswer, readOffer } from "./answer.js";
export {
  attribute,
  attributeValues,
  connectionOf,
  directionOfMedia,
  formatParameters,
  isNowhere,
  maxPtime,
  ptime,
  type RtcpTarget,
  type RtpMap,
  rtcpOf,
  rtpMaps,
} from "./attributes.js";
export {
  type AudioCapabilities,
  type AudioLine,
  audioProfiles,
  type CommonCodec,
  g711Capabilities,
  type KeyingLines,
  keyingAttributeNames,
  keyingOf,
  type LocalSession,
  type NegotiatedAudio,
  type SecurityPolicy,
} from "./audio.js";
export { type AudioCodec, type AudioFormat, audioFormats, hasEvent, staticAudio, TELEPHONE_EVENT } from "./codecs.js";
export { answerDirection, hold, type MediaDirection, meet, mirror, receives, sends } from "./direction.js";
export { type KeyMgmt, keyMgmtProtocols, parseKeyMgmt, printKeyMgmt } from "./key-mgmt.js";
export { makeOffer, type OfferOptions, type PreviousExchange, type ReadAnswer, readAnswer } from "./offer.js";
export { parse, sdpLimits } from "./parse.js";
export { print } from "./print.js";
export type { SdpAttribute, SdpConnection, SdpMedia, SdpOrigin, SessionDescription } from "./types.js";
