// RTP and RTCP packets, reception quality, jitter buffer, telephone-event.

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
