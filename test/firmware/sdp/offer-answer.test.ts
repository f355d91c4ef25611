// Offer/answer for audio: RFC 3264's examples, both lines of policy "preferred", hold, re-offers, bad answers, any offer at all.

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { StreamParameters } from "../../../firmware/media/voice.js";
import {
  type AudioCapabilities,
  attributeValues,
  chooseLine,
  g711Capabilities,
  hold,
  makeAnswer,
  makeOffer,
  type OfferOptions,
  parse,
  print,
  readAnswer,
  readOffer,
  type SessionDescription,
} from "../../../firmware/sdp/index.js";

const test = suite("offer/answer");

const alice = { address: "192.0.2.1", sessionId: "2890844526" };
const bob = { address: "2001:db8::2", sessionId: "2890844730" };
const keying = { session: [{ name: "key-mgmt", value: "mikey AQID" }], media: [] };
const keyingBack = { session: [{ name: "key-mgmt", value: "mikey BAUG" }], media: [] };

function read(text: string): SessionDescription {
  const result = parse(text);
  if (!result.ok) throw new Error(result.error.text);
  return result.value;
}
/** Through text, as the network does. */
const wire = (description: SessionDescription) => read(print(description));
const lines = (description: SessionDescription) =>
  description.media.map(({ type, port, protocol, formats }) => `${type} ${port} ${protocol} ${formats.join(" ")}`);
function good<T>(result: { ok: true; value: T } | { ok: false; error: { code: string; text: string } }): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.text}`);
  return result.value;
}
function code(result: { ok: boolean; error?: { code: string } }): string {
  return result.ok ? "ok" : result.error!.code;
}
const offerOf = (options: Partial<OfferOptions> = {}) =>
  makeOffer({ session: alice, policy: "required", rtpPort: 40_000, keying, ...options });

test("the three policies' offers", () => {
  const required = offerOf();
  assert.equal(lines(required), ["audio 40000 RTP/SAVP 0 8 101"]);
  assert.is(
    print(required),
    "v=0\r\no=- 2890844526 2890844526 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=key-mgmt:mikey AQID\r\n" +
      "m=audio 40000 RTP/SAVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n" +
      "a=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\n",
  );
  assert.equal(lines(offerOf({ policy: "preferred", clearRtpPort: 40_010 })), [
    "audio 40000 RTP/SAVP 0 8 101",
    "audio 40010 RTP/AVP 0 8 101",
  ]);
  const off = offerOf({ policy: "off" });
  assert.equal(lines(off), ["audio 40000 RTP/AVP 0 8 101"]);
  assert.equal(off.attributes, []);
  assert.throws(() => offerOf({ keying: undefined }), TypeError);
  assert.throws(() => offerOf({ rtpPort: 0 }), RangeError);
});

test("a secured call: both ends agree on the same", () => {
  const offer = wire(offerOf({ rtcpPort: 40_007, keying: { session: [], media: keying.session } }));
  const offered = good(readOffer(offer));
  assert.is(offered.length, 1);
  assert.is(offered[0].remoteRtcpPort, 40_007);
  assert.equal(offered[0].keying, { session: [], media: keying.session });
  const line = good(chooseLine(offered, "required"));
  const made = makeAnswer({ offer, line, session: bob, rtpPort: 50_000, keying: keyingBack });
  assert.equal(lines(made.description), ["audio 50000 RTP/SAVP 0 101"]);
  const b = made.audio;
  assert.equal(
    [b.remoteAddress, b.remotePort, b.codec.name, b.codec.payloadType, b.telephoneEventSend, b.telephoneEventReceive],
    ["192.0.2.1", 40_000, "PCMU", 0, 101, 101],
  );
  assert.equal([b.direction, b.secured, b.ptimeMs, b.remoteEvents], ["sendrecv", true, 20, "0-16"]);
  const { audio: a, alsoAccepted } = good(readAnswer(offer, wire(made.description)));
  assert.equal(alsoAccepted, []);
  assert.equal([a.remoteAddress, a.remotePort, a.remoteRtcpPort], ["2001:db8::2", 50_000, 50_001]);
  assert.equal([a.codec.name, a.telephoneEventSend, a.direction, a.secured], ["PCMU", 101, "sendrecv", true]);
  assert.equal(a.keying, keyingBack);
});

test("preferred: the answerer takes exactly one line, the secured one when it may", () => {
  const offer = wire(offerOf({ policy: "preferred" }));
  const offered = good(readOffer(offer));
  assert.equal(
    offered.map(({ secured }) => secured),
    [true, false],
  );
  const secured = makeAnswer({
    offer,
    line: good(chooseLine(offered, "preferred")),
    session: bob,
    rtpPort: 5000,
    keying: keyingBack,
  });
  assert.equal(lines(secured.description), ["audio 5000 RTP/SAVP 0 101", "audio 0 RTP/AVP 0 8 101"]);
  const clear = makeAnswer({ offer, line: good(chooseLine(offered, "off")), session: bob, rtpPort: 5000 });
  assert.equal(lines(clear.description), ["audio 0 RTP/SAVP 0 8 101", "audio 5000 RTP/AVP 0 101"]);
  assert.is(good(readAnswer(offer, wire(clear.description))).audio.secured, false);
  assert.is(good(readAnswer(offer, wire(clear.description))).audio.index, 1);
  assert.throws(
    () => makeAnswer({ offer, line: offered[1], session: bob, rtpPort: 5000, keying: keyingBack }),
    TypeError,
  );
  // A peer that takes both: the first counts, the other is told.
  const both = { ...secured.description, media: [secured.description.media[0], clear.description.media[1]] };
  const answer = good(readAnswer(offer, wire(both)));
  assert.equal([answer.audio.index, answer.alsoAccepted], [0, [1]]);
});

test("policies meet lines", () => {
  const secure = good(readOffer(wire(offerOf())));
  const clear = good(readOffer(wire(offerOf({ policy: "off" }))));
  const bare = good(readOffer(wire({ ...offerOf(), attributes: [] })));
  assert.is(code(chooseLine(clear, "required")), "no-secured-line");
  assert.is(code(chooseLine(secure, "off")), "no-clear-line");
  assert.is(code(chooseLine(bare, "required")), "no-keying");
  assert.is(code(chooseLine(bare, "preferred")), "no-keying");
  assert.is(good(chooseLine(clear, "preferred")).secured, false);
});

// RFC 3264 section 10.1.
const aliceExample = read(
  "v=0\no=alice 2890844526 2890844526 IN IP4 host.anywhere.com\ns=\nc=IN IP4 host.anywhere.com\nt=0 0\nm=audio 49170 RTP/AVP 0\n" +
    "a=rtpmap:0 PCMU/8000\nm=video 51372 RTP/AVP 31\na=rtpmap:31 H261/90000\nm=video 53000 RTP/AVP 32\na=rtpmap:32 MPV/90000\n",
);

test("RFC 3264 section 10.1: every line is answered in order, video refused", () => {
  const [line] = good(readOffer(aliceExample));
  const { description, audio } = makeAnswer({ offer: aliceExample, line, session: bob, rtpPort: 49_920 });
  assert.equal(lines(description), ["audio 49920 RTP/AVP 0", "video 0 RTP/AVP 31", "video 0 RTP/AVP 32"]);
  assert.is(audio.telephoneEventSend, undefined);
  assert.is(audio.remoteAddress, "host.anywhere.com");
  // The answer of the RFC's own Bob.
  const answer = read(
    "v=0\no=bob 2890844730 2890844730 IN IP4 host.example.com\ns=\nc=IN IP4 host.example.com\nt=0 0\nm=audio 49920 RTP/AVP 0\n" +
      "a=rtpmap:0 PCMU/8000\nm=video 0 RTP/AVP 31\nm=video 53000 RTP/AVP 32\na=rtpmap:32 MPV/90000\n",
  );
  // Alice of the RFC takes video, we do not: its line is accepted, and nothing we can use.
  assert.is(code(readAnswer(aliceExample, answer)), "answer-mismatch");
  const audioOnly = { ...answer, media: [answer.media[0], answer.media[1], { ...answer.media[2], port: 0 }] };
  const { audio: agreed } = good(readAnswer(aliceExample, audioOnly));
  assert.equal([agreed.remoteAddress, agreed.remotePort, agreed.codec.name], ["host.example.com", 49_920, "PCMU"]);
});

test("RFC 3264 section 10.2: inactive offer of three codecs, then one", () => {
  const capabilities: AudioCapabilities = {
    ...g711Capabilities,
    codecs: [{ name: "G723", clockRate: 8000, payloadType: 4 }, ...g711Capabilities.codecs],
  };
  const offer = read(
    "v=0\no=alice 1 1 IN IP4 host.anywhere.com\ns=\nc=IN IP4 host.anywhere.com\nt=0 0\nm=audio 62986 RTP/AVP 0 4 18\n" +
      "a=rtpmap:0 PCMU/8000\na=rtpmap:4 G723/8000\na=rtpmap:18 G729/8000\na=inactive\n",
  );
  const [line] = good(readOffer(offer, capabilities));
  // The offerer's order, not ours (RFC 3264 section 6.1).
  assert.equal(
    line.codecs.map(({ name }) => name),
    ["PCMU", "G723"],
  );
  const { description, audio } = makeAnswer({
    offer,
    line,
    session: bob,
    rtpPort: 54_344,
    capabilities,
    codec: "g723",
  });
  assert.equal(lines(description), ["audio 54344 RTP/AVP 4"]);
  assert.is(audio.direction, "inactive");
  assert.ok(description.media[0].attributes.some(({ name }) => name === "inactive"));
});

test("directions of the answer (RFC 3264 section 6.1)", () => {
  const answered = (
    offered: string,
    wish: "sendrecv" | "sendonly" | "recvonly" | "inactive",
    address = "192.0.2.1",
  ) => {
    const offer = read(
      `v=0\no=- 1 1 IN IP4 x\ns=-\nc=IN IP4 ${address}\nt=0 0\nm=audio 9000 RTP/AVP 0\na=${offered}\n`,
    );
    const [line] = good(readOffer(offer));
    return makeAnswer({ offer, line, session: bob, rtpPort: 5000, direction: wish }).audio.direction;
  };
  assert.is(answered("sendrecv", "sendrecv"), "sendrecv");
  assert.is(answered("sendonly", "sendrecv"), "recvonly");
  assert.is(answered("sendonly", "sendonly"), "inactive");
  assert.is(answered("recvonly", "sendrecv"), "sendonly");
  assert.is(answered("inactive", "sendrecv"), "inactive");
  assert.is(answered("sendrecv", "recvonly"), "recvonly");
  assert.is(answered("sendrecv", "sendrecv", "0.0.0.0"), "recvonly");
  assert.is(hold("sendrecv"), "sendonly");
  assert.is(hold("recvonly"), "inactive");
});

test("hold and resume keep line order, id and keys, and count versions", () => {
  const offer = wire(offerOf({ policy: "preferred" }));
  const line = good(chooseLine(good(readOffer(offer)), "required"));
  const first = makeAnswer({ offer, line, session: bob, rtpPort: 5000, keying: keyingBack, codec: "PCMA" });
  const answer = wire(first.description);
  const atAlice = good(readAnswer(offer, answer)).audio;
  assert.is(atAlice.codec.name, "PCMA");
  const exchange = { local: offer, remote: answer, current: atAlice };
  const held = wire(
    offerOf({ policy: "preferred", direction: hold(atAlice.direction), keying: undefined, previous: exchange }),
  );
  assert.equal(lines(held), ["audio 40000 RTP/SAVP 8 0 101", "audio 0 RTP/AVP 0 8 101"]);
  assert.equal([held.origin.sessionId, held.origin.sessionVersion], ["2890844526", "2890844527"]);
  const [again] = good(readOffer(held));
  assert.is(again.remoteDirection, "sendonly");
  const second = makeAnswer({ offer: held, line: again, session: bob, rtpPort: 5000, previous: first.description });
  assert.equal(lines(second.description), ["audio 5000 RTP/SAVP 8 101", "audio 0 RTP/AVP 0 8 101"]);
  assert.equal([second.description.origin.sessionVersion, second.audio.direction], ["2890844731", "recvonly"]);
  assert.is(good(readAnswer(held, wire(second.description))).audio.direction, "sendonly");
  // The same again: the version stays (RFC 3264 section 8).
  const third = makeAnswer({ offer: held, line: again, session: bob, rtpPort: 5000, previous: second.description });
  assert.equal(third.description, second.description);
});

test("a re-offer after a refused one has a version beyond it", () => {
  const offer = wire(offerOf({ policy: "off" }));
  const [line] = good(readOffer(offer));
  const answer = wire(makeAnswer({ offer, line, session: bob, rtpPort: 5000 }).description);
  const previous = { local: offer, remote: answer, current: good(readAnswer(offer, answer)).audio };
  const again = (sessionVersion: string) =>
    offerOf({ policy: "off", direction: "sendonly", previous, session: { ...alice, sessionVersion } }).origin
      .sessionVersion;
  assert.equal([again("1"), again("2890844529")], ["2890844527", "2890844529"]);
});

test("what was agreed on opens a media stream", () => {
  const offer = wire(offerOf());
  const line = good(chooseLine(good(readOffer(offer)), "required"));
  const { audio } = makeAnswer({ offer, line, session: bob, rtpPort: 5000, keying: keyingBack });
  const parameters: StreamParameters = { ...audio, security: audio.secured ? "srtp" : "clear" };
  assert.equal([parameters.codec.payloadType, parameters.security, parameters.remoteRtcpPort], [0, "srtp", 40_001]);
});

test("the former answerer re-offers with the numbers in use", () => {
  const text = print(offerOf({ policy: "off" }))
    .replaceAll("101", "96")
    .replace("m=audio", "m=video 7 RTP/AVP 31\r\nm=audio");
  const offer = read(text);
  const [line] = good(readOffer(offer));
  const first = makeAnswer({ offer, line, session: bob, rtpPort: 5000 });
  assert.equal(lines(first.description), ["video 0 RTP/AVP 31", "audio 5000 RTP/AVP 0 96"]);
  const opus = { name: "opus", clockRate: 48_000, channels: 2, payloadType: 96, parameters: "useinbandfec=1" };
  const capabilities = { ...g711Capabilities, codecs: [...g711Capabilities.codecs, opus] };
  const previous = { local: first.description, remote: offer, current: first.audio };
  const reoffer = wire(makeOffer({ session: bob, policy: "off", rtpPort: 5000, capabilities, previous }));
  // 96 is telephone-event in this session for ever: opus moves on, and gets events at its own clock rate.
  assert.equal(lines(reoffer), ["video 0 RTP/AVP 31", "audio 5000 RTP/AVP 0 8 97 96 101"]);
  assert.equal(attributeValues(reoffer.media[1], "rtpmap").slice(2), [
    "97 opus/48000/2",
    "96 telephone-event/8000",
    "101 telephone-event/48000",
  ]);
  assert.is(reoffer.origin.sessionVersion, "2890844731");
});

test("dynamic types may have another number in each direction", () => {
  const offer = wire(offerOf({ policy: "off" }));
  const answer = read(
    "v=0\no=- 1 1 IN IP4 x\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\nm=audio 9000 RTP/AVP 8 0 97\na=rtpmap:97 telephone-event/8000\n" +
      "a=fmtp:97 0-15\na=ptime:30\na=maxptime:35\n",
  );
  const { audio } = good(readAnswer(offer, answer));
  assert.equal([audio.codec.name, audio.telephoneEventSend, audio.telephoneEventReceive], ["PCMA", 97, 101]);
  assert.equal([audio.ptimeMs, audio.remoteEvents, audio.codecs.length], [30, "0-15", 2]);
});

test("packet times stay within what both can do", () => {
  const ptimeOf = (attributes: string) =>
    good(readOffer(read(`v=0\no=- 1 1 IN IP4 x\ns=-\nc=IN IP4 x\nt=0 0\nm=audio 9 RTP/AVP 0\n${attributes}`)))[0]
      .ptimeMs;
  assert.is(ptimeOf(""), 20);
  assert.is(ptimeOf("a=ptime:40\n"), 40);
  assert.is(ptimeOf("a=ptime:200\n"), 60);
  assert.is(ptimeOf("a=ptime:1\n"), 10);
  assert.is(ptimeOf("a=ptime:25\n"), 20);
  assert.is(ptimeOf("a=maxptime:10\n"), 10);
});

test("answers that do not fit the offer", () => {
  const offer = wire(offerOf({ policy: "preferred" }));
  const top = "v=0\no=- 1 1 IN IP4 x\ns=-\nc=IN IP4 x\nt=0 0\n";
  const answered = (media: string) => code(readAnswer(offer, read(top + media)));
  const refused = "m=audio 0 RTP/AVP 0\n";
  assert.is(answered("m=audio 9 RTP/SAVP 0\n"), "answer-mismatch"); // line missing
  assert.is(answered(`m=audio 9 RTP/SAVP 0\n${refused}${refused}`), "answer-mismatch"); // line added
  assert.is(answered(`m=audio 9 RTP/AVP 0\n${refused}`), "answer-mismatch"); // security stripped
  assert.is(answered(`m=video 9 RTP/SAVP 0\n${refused}`), "answer-mismatch");
  assert.is(answered(`m=audio 9 RTP/SAVP 3\n${refused}`), "answer-mismatch"); // GSM was not offered
  assert.is(answered(`m=audio 9 RTP/SAVP 101\na=rtpmap:101 telephone-event/8000\n${refused}`), "no-common-codec");
  assert.is(answered(`m=audio 0 RTP/SAVP 0\n${refused}`), "no-acceptable-media");
  assert.is(answered(`m=audio 0 nonsense 0\n${refused}`), "no-acceptable-media");
  assert.is(answered(`m=audio 9 RTP/SAVP 0\nc=IN IP4 224.2.1.1/127\n${refused}`), "answer-mismatch");
  // A line that was disabled cannot come back in an answer.
  const disabled = { ...offer, media: [offer.media[0], { ...offer.media[1], port: 0 }] };
  assert.is(code(readAnswer(disabled, read(`${top}m=audio 9 RTP/SAVP 0\nm=audio 9 RTP/AVP 0\n`))), "answer-mismatch");
  // The answer cannot widen the direction.
  const heldOffer = wire(offerOf({ policy: "off", direction: "sendonly" }));
  assert.is(good(readAnswer(heldOffer, read(`${top}m=audio 9 RTP/AVP 0\na=sendrecv\n`))).audio.direction, "sendonly");
});

test("offers we cannot use", () => {
  const offered = (media: string, connection = "c=IN IP4 x\n") =>
    code(readOffer(read(`v=0\no=- 1 1 IN IP4 x\ns=-\n${connection}t=0 0\n${media}`)));
  assert.is(offered(""), "no-acceptable-media");
  assert.is(offered("m=audio 0 RTP/AVP 0\n"), "no-acceptable-media");
  assert.is(offered("m=video 9 RTP/AVP 31\n"), "no-acceptable-media");
  assert.is(offered("m=audio 9 UDP/TLS/RTP/SAVPF 0\n"), "no-acceptable-media");
  assert.is(offered("m=audio 9 constructor 0\n"), "no-acceptable-media");
  assert.is(offered("m=audio 9 RTP/AVP 0\n", ""), "no-acceptable-media");
  assert.is(offered("m=audio 9 RTP/AVP 0\n", "c=IN IP4 233.252.0.1/127\n"), "no-acceptable-media");
  assert.is(offered("m=audio 9 RTP/AVP 0\n", "c=IN IP4 group.example.com/127\n"), "no-acceptable-media");
  assert.is(offered("m=audio 9 RTP/AVP 0\n", "c=IN IP6 ff15::101\n"), "no-acceptable-media");
  assert.is(offered("m=audio 9 RTP/AVP 0\n", "c=TN RFC2543 +1-201-406-4090\n"), "no-acceptable-media");
  assert.is(offered("m=audio 9 RTP/AVP 18 3 101\n"), "no-common-codec");
  assert.is(offered("m=audio 9 RTP/AVP 0\na=rtpmap:0 G729/8000\n"), "no-common-codec");
  assert.is(offered("m=audio 9 RTP/AVP 18\nm=audio 9 RTP/AVP 8\n"), "ok");
});

test("any offer: an answer has its lines in order and takes at most one", () => {
  const section = fc
    .record({
      type: fc.constantFrom("audio", "audio", "video", "x"),
      port: fc.constantFrom(0, 9000, 65535),
      protocol: fc.constantFrom("RTP/AVP", "RTP/SAVP", "RTP/SAVPF", "udp"),
      formats: fc.uniqueArray(fc.constantFrom("0", "8", "18", "96", "101", "*"), { minLength: 1 }),
      lines: fc.subarray([
        "a=rtpmap:96 telephone-event/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:18 PCMA/8000",
        "a=inactive",
        "a=sendonly",
        "a=ptime:30",
        "a=rtcp:7",
        "c=IN IP4 0.0.0.0",
        "c=IN IP6 ff02::1",
      ]),
    })
    .map(
      ({ type, port, protocol, formats, lines }) =>
        `m=${type} ${port} ${protocol} ${formats.join(" ")}\n${lines.sort().reverse().join("\n")}\n`,
    );
  fc.assert(
    fc.property(fc.array(section, { maxLength: 5 }), (sections) => {
      const offer = read(
        `v=0\no=- 1 1 IN IP4 x\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\na=key-mgmt:mikey AQID\n${sections.join("").replaceAll(/\n+/g, "\n")}`,
      );
      const offered = readOffer(offer);
      if (!offered.ok) return;
      for (const line of offered.value) {
        const { description, audio } = makeAnswer({ offer, line, session: bob, rtpPort: 5000 });
        const answer = wire(description);
        assert.is(answer.media.length, offer.media.length);
        assert.equal(
          answer.media.map(({ port }) => port !== 0),
          offer.media.map((_, index) => index === line.index),
        );
        const back = good(readAnswer(offer, answer)).audio;
        assert.equal([back.codec.name, back.index], [audio.codec.name, audio.index]);
        assert.equal(
          [back.telephoneEventSend, back.telephoneEventReceive],
          [audio.telephoneEventReceive, audio.telephoneEventSend],
        );
      }
    }),
    { numRuns: 1000 },
  );
});
test.run();
