// A demo record as a call with signed Diffie-Hellman would leave it, made by hand; its times are those of a small ARM board.

import type { VerifiedPeer } from "../../../firmware/keying/keying.js";
import type { StreamStatistics } from "../../../firmware/media/voice.js";
import type { TraceEntry, TracePoint } from "../../../firmware/runtime/trace.js";
import { analyse, type TimedAudio } from "../../../scripts/demo-report/analyse.js";
import { delaysOf } from "../../../scripts/demo-report/delays.js";
import { buildLadder, type SipTap } from "../../../scripts/demo-report/ladder.js";
import { type DemoRecord, type HeardRecord, waveformOf } from "../../../scripts/demo-report/record.js";
import { muLaw, speech } from "./speech.js";

/** Monotonic ms at which Alice dials in the fixture. */
export const DIALLED = 5_000_000;
/** Base64 that stands for MIKEY messages: must not be seen in any report. */
export const PAYLOAD = "AQAFgAAAAAAC".repeat(70);

const T = DIALLED;
const aliceAt = { ip: "127.0.0.1:5061" };
const bobAt = { ip: "127.0.0.1:5062" };

function sdp(secured: boolean): string {
  return [
    "v=0",
    "o=- 3972 1 IN IP4 127.0.0.1",
    "s=-",
    "c=IN IP4 127.0.0.1",
    "t=0 0",
    ...(secured ? [`a=key-mgmt:mikey ${PAYLOAD}`] : []),
    `m=audio 40000 ${secured ? "RTP/SAVP" : "RTP/AVP"} 0 8 101`,
    "a=rtpmap:101 telephone-event/8000",
    "",
  ].join("\r\n");
}

function message(start: string, cseq: string, branch: string, body = ""): string {
  return [
    start,
    `Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK${branch};rport`,
    'From: "Alice" <sip:alice@127.0.0.1:5061>;tag=a1',
    `To: <sip:bob@127.0.0.1:5062>${/ (100|INVITE)/.test(start) ? "" : ";tag=b1"}`,
    "Call-ID: 7f2c@127.0.0.1",
    `CSeq: ${cseq}`,
    ...(body ? ["Content-Type: application/sdp"] : []),
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

/** What both transports saw. */
export function fixtureTaps(secured = true): { alice: SipTap[]; bob: SipTap[] } {
  const alice: SipTap[] = [];
  const bob: SipTap[] = [];
  const send = (from: "alice" | "bob", sentAt: number, took: number, text: string) => {
    const [mine, theirs] = from === "alice" ? [alice, bob] : [bob, alice];
    mine.push({ atMs: T + sentAt, direction: "sent", peer: (from === "alice" ? bobAt : aliceAt).ip, text });
    theirs.push({
      atMs: T + sentAt + took,
      direction: "received",
      peer: (from === "alice" ? aliceAt : bobAt).ip,
      text,
    });
  };
  send("alice", 6.42, 0.61, message("INVITE sip:bob@127.0.0.1:5062 SIP/2.0", "1 INVITE", "i1", sdp(secured)));
  send("bob", 7.31, 0.33, message("SIP/2.0 100 Trying", "1 INVITE", "i1"));
  send("bob", 9.87, 0.41, message("SIP/2.0 180 Ringing", "1 INVITE", "i1"));
  send("bob", 2117.9, 0.58, message("SIP/2.0 200 OK", "1 INVITE", "i1", sdp(secured)));
  send("alice", 2123.6, 0.36, message("ACK sip:bob@127.0.0.1:5062 SIP/2.0", "1 ACK", "k1"));
  send("alice", 10_402, 0.35, message("BYE sip:bob@127.0.0.1:5062 SIP/2.0", "2 BYE", "e1"));
  send("bob", 10_402.9, 0.29, message("SIP/2.0 200 OK", "2 BYE", "e1"));
  return { alice, bob };
}

function points(list: readonly (readonly [TracePoint, number])[]): TraceEntry[] {
  return list.map(([point, at]) => ({ point, call: 1, atMs: T + at }));
}

/** Both phones' trace points. */
export function fixtureTrace(secured = true): { alice: TraceEntry[]; bob: TraceEntry[] } {
  return {
    alice: points([
      ["dialled", 0],
      ["offer-ready", 5.9],
      ["invite-sent", 6.42],
      ["ringing-received", 10.28],
      ["ok-received", 2118.48],
      ["answer-verified", 2123.1],
      ["ack-sent", 2123.6],
      ...(secured ? ([["keys-ready", 2141.4]] as const) : []),
      ["media-first-sent", 2150],
      ["media-first-received", 2152],
      ["ended", 10_403.2],
    ]),
    bob: points([
      ["invite-received", 7.03],
      ["ringing-sent", 9.87],
      ...(secured ? ([["offer-verified", 15.2]] as const) : []),
      ["picked-up", 2114.1],
      ["answer-ready", 2117.6],
      ["ok-sent", 2117.9],
      ["ack-received", 2123.96],
      ...(secured ? ([["keys-ready", 2133.2]] as const) : []),
      ["media-first-sent", 2145],
      ["media-first-received", 2151],
      ["ended", 10_402.4],
    ]),
  };
}

function heard(seed: number, file: string, delayMs: number): HeardRecord {
  const rate = 8000;
  const said: TimedAudio = { samples: speech(seed, 7, rate), rate, startedAtMs: T + 2300 };
  const samples = new Int16Array(11 * rate);
  const start = Math.round(((2300 + delayMs) * rate) / 1000);
  // Half way the jitter buffer takes 20 ms more.
  said.samples.forEach((sample, i) => {
    samples[start + i + (i > 3.5 * rate ? 160 : 0)] = Math.round(muLaw(sample) * 0.9);
  });
  const played: TimedAudio = { samples, rate, startedAtMs: T };
  return {
    said: waveformOf(`${file}-said.wav`, said),
    heard: waveformOf(`${file}-heard.wav`, played),
    analysis: analyse(said, played),
  };
}

const statistics: StreamStatistics = {
  packetsSent: 412,
  bytesSent: 412 * 182,
  packetsReceived: 411,
  bytesReceived: 411 * 182,
  packetsLost: 1,
  packetsLate: 2,
  concealed: 3,
  jitterMs: 0.412,
  bufferMs: 40,
  roundTripMs: 1.21,
  dropped: { "bad-tag": 0, "no-keys": 1 },
  xruns: 0,
};

function peer(name: string): VerifiedPeer {
  return {
    identity: `sip:${name}@127.0.0.1`,
    method: "MIKEY signed Diffie-Hellman (OAKLEY 5)",
    sinceMs: Date.parse("2026-03-04T10:20:30Z"),
    proof: {
      kind: "certificate",
      subject: `sip:${name}@127.0.0.1`,
      ca: "Sotto demo CA",
      fingerprint: "0123456789abcdef".repeat(4),
      notAfter: "2027-03-04T00:00:00Z",
    },
  };
}

/** The record; `secured` false: the same call with `--keying none`. */
export function fixture(secured = true): DemoRecord {
  const trace = fixtureTrace(secured);
  return {
    generatedAt: "2026-03-04T10:20:41.000Z",
    machine: { cpu: "ARM Cortex-A53, 4 cores", node: "20.19.0", os: "Linux 6.6 arm64" },
    options: { keying: secured ? "dh" : "none", seconds: 7 },
    names: {
      alice: { uri: "sip:alice@127.0.0.1", displayName: "Alice" },
      bob: { uri: "sip:bob@127.0.0.1", displayName: "Bob" },
    },
    call: {
      keying: secured ? "dh" : "none",
      suite: secured ? "AES_CM_128_HMAC_SHA1_80" : null,
      codec: "PCMU",
      policy: secured ? { alice: "required", bob: "required" } : { alice: "off", bob: "off" },
      peerIdentity: secured ? { alice: peer("bob"), bob: peer("alice") } : { alice: null, bob: null },
    },
    ladder: buildLadder(fixtureTaps(secured)),
    trace,
    delays: delaysOf(trace, secured),
    rings: [
      { side: "bob", device: "ringer", onMs: T + 10.1, offMs: T + 2114.4 },
      { side: "bob", device: "vibrator", onMs: T + 10.3, offMs: T + 1010 },
      { side: "bob", device: "vibrator", onMs: T + 1510, offMs: T + 2114.5 },
    ],
    audio: { alice: heard(11, "alice", 78.4), bob: heard(12, "bob", 92.7) },
    streams: {
      alice: statistics,
      bob: { ...statistics, packetsReceived: 412, packetsLost: 0, packetsLate: 0, concealed: 1 },
    },
  };
}
