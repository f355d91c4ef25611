// Attribute helpers: levels, RFC 3605, hold addresses, static payload types.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  attribute,
  audioFormats,
  connectionOf,
  directionOfMedia,
  formatParameters,
  hasEvent,
  maxPtime,
  parse,
  ptime,
  rtcpOf,
  rtpMaps,
  type SessionDescription,
} from "../../../firmware/sdp/index.js";

const test = suite("attributes");

function sdp(session: string, media: string): SessionDescription {
  const lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", ...session.split("\n"), ...media.split("\n")];
  const result = parse(lines.filter(Boolean).join("\n"));
  if (!result.ok) throw new Error(result.error.text);
  return result.value;
}
const direction = (session: string, media: string) => {
  const d = sdp(session, `m=audio 9000 RTP/AVP 0\n${media}`);
  return directionOfMedia(d, d.media[0]);
};

test("direction: media over session over sendrecv", () => {
  assert.is(direction("", ""), "sendrecv");
  assert.is(direction("a=recvonly", ""), "recvonly");
  assert.is(direction("a=recvonly", "a=inactive"), "inactive");
});

test("0.0.0.0 is hold (RFC 3264 section 8.4)", () => {
  assert.is(direction("c=IN IP4 0.0.0.0", ""), "sendonly");
  assert.is(direction("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0\na=recvonly"), "inactive");
  assert.is(direction("c=IN IP4 0.0.0.0", "c=IN IP4 192.0.2.1"), "sendrecv");
  assert.is(direction("c=IN IP6 ::", ""), "sendonly");
  assert.is(direction("c=IN IP4 anonymous.invalid", ""), "sendonly");
});

test("connection, ptime, maxptime", () => {
  const d = sdp(
    "c=IN IP4 192.0.2.1\na=ptime:30",
    "m=audio 9 RTP/AVP 0\na=maxptime:40\nm=audio 9 RTP/AVP 0\nc=IN IP6 ::1\na=ptime:0",
  );
  assert.is(connectionOf(d, d.media[0])?.address, "192.0.2.1");
  assert.is(connectionOf(d, d.media[1])?.address, "::1");
  assert.is(ptime(d, d.media[0]), 30);
  assert.is(maxPtime(d, d.media[0]), 40);
  assert.is(ptime(d, d.media[1]), undefined);
});

test("RTCP port and address (RFC 3605 section 2.1)", () => {
  const of = (line: string) => rtcpOf(sdp("", `m=audio 49170 RTP/AVP 0\n${line}`).media[0]);
  assert.equal(of(""), { port: 49171 });
  assert.equal(of("a=rtcp:53020"), { port: 53020 });
  assert.equal(of("a=rtcp:53020 IN IP4 126.16.64.4"), { port: 53020, address: "126.16.64.4" });
  assert.equal(of("a=rtcp:53020 IN IP6 2001:2345:6789:ABCD:EF01:2345:6789:ABCD"), {
    port: 53020,
    address: "2001:2345:6789:ABCD:EF01:2345:6789:ABCD",
  });
  assert.equal(of("a=rtcp:0"), { port: 49171 });
  assert.equal(of("a=rtcp:99999"), { port: 49171 });
});

test("rtpmap and fmtp", () => {
  const media = sdp(
    "",
    "m=audio 9 RTP/AVP 0 8 101 96 97 200 x\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=rtpmap:96 opus/48000/2\na=rtpmap:96 twice/1\na=rtpmap:8 PCMA/8000/1",
  ).media[0];
  assert.is(rtpMaps(media).size, 3);
  assert.is(formatParameters(media, "101"), "0-16");
  assert.is(formatParameters(media, "10"), undefined);
  assert.equal(audioFormats(media), [
    { payloadType: 0, name: "PCMU", clockRate: 8000, channels: 1 },
    { payloadType: 8, name: "PCMA", clockRate: 8000, channels: 1 },
    { payloadType: 101, name: "telephone-event", clockRate: 8000, channels: 1, parameters: "0-16" },
    { payloadType: 96, name: "opus", clockRate: 48000, channels: 2 },
  ]);
  assert.is(attribute(media, "sendrecv"), undefined);
});

test("lists of events (RFC 4733 section 2.4.1)", () => {
  assert.ok(hasEvent("0-15,66,70", 66));
  assert.not.ok(hasEvent("0-15,66,70", 16));
  assert.ok(hasEvent(undefined, 15));
  assert.not.ok(hasEvent("junk", 1));
});
test.run();
