// RTP and RTCP packets, reception quality, jitter buffer, telephone-event.

export { type TelephoneEventListener, TelephoneEventReceiver } from "./event-receiver.js";
export { TelephoneEventSender } from "./event-sender.js";
export { JitterBuffer, type JitterBufferOptions, Pull, Put } from "./jitter-buffer.js";
export {
  addCsrc,
  addExtension,
  addPadding,
  looksLikeRtcp,
  RTP_HEADER_BYTES,
  RtpFault,
  RtpPacket,
  rtpFaultName,
  sequenceDistance,
  timestampDistance,
  writeRtpHeaderInto,
} from "./packet.js";
export {
  type ApplicationPacket,
  type Goodbye,
  type OtherRtcp,
  type ReceiverReport,
  type ReportBlock,
  type RtcpPacket,
  RtcpType,
  SdesType,
  type SenderReport,
  type SourceDescription,
} from "./rtcp.js";
export { parseRtcp } from "./rtcp-parse.js";
export { RtcpTimer, type RtcpTimerOptions } from "./rtcp-timer.js";
export { writeRtcpInto } from "./rtcp-write.js";
export { ntpMiddle, ReceptionStatistics, roundTripMs, SenderStatistics } from "./statistics.js";
export { digitOfEvent, EVENT_BYTES, eventOfDigit, MAX_EVENT_DURATION, writeEventInto } from "./telephone-event.js";
