// Against libsrtp2: thousands of RTP and RTCP packets each way over a network that loses, repeats, reorders and damages them.

import { execFileSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SRTCP_MAX_TRAILER, type SrtpKeys, SrtpReceiver, SrtpSender, statusName } from "../../firmware/srtp/index.js";
import { randomKeys, rtcpPacket, rtpPacket, withRoom } from "../firmware/srtp/packets.js";
import { hex } from "../vectors.js";
import { compilePeer } from "./tools.js";

const program = compilePeer("libsrtp-peer", ["srtp2/srtp.h"], ["-lsrtp2"]);

const SSRCS = [1, 0x80000000, 0xffffffff];
const PER_STREAM = 3150;

/** One datagram on its way; `original` numbers the packet it came from. */
interface Datagram {
  readonly rtcp: boolean;
  readonly bytes: Uint8Array;
  readonly original: number;
  readonly damaged?: boolean;
}

interface Verdict {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/** Numbers that look random and are the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

/** RTP of every header shape, sequence numbers over a wrap, with RTCP in between. */
function traffic(random: (below: number) => number): Datagram[] {
  const all: Datagram[] = [];
  const sequences = SSRCS.map((_, i) => 65535 - PER_STREAM + 300 + i * 1200);
  for (let n = 0; n < PER_STREAM; n++)
    SSRCS.forEach((ssrc, i) => {
      const payload = new Uint8Array(random(8) === 0 ? random(1401) : 160).map(() => random(256));
      const shape = {
        ssrc,
        sequence: sequences[i]++ & 0xffff,
        payload,
        csrcs: random(4) === 0 ? random(16) : 0,
        extensionWords: random(4) === 0 ? random(20) : undefined,
      };
      all.push({ rtcp: false, bytes: rtpPacket(shape), original: all.length });
      if (random(10) === 0)
        all.push({ rtcp: true, bytes: rtcpPacket(ssrc, random(5) === 0 ? 0 : random(100)), original: all.length });
    });
  assert.ok(all.length >= 10_000, `${all.length} packets`);
  return all;
}

/** What a bad network makes of the packets. */
function network(sent: readonly Datagram[], random: (below: number) => number): Datagram[] {
  const arrivals: { at: number; datagram: Datagram }[] = [];
  sent.forEach((datagram, i) => {
    if (random(100) >= 3) arrivals.push({ at: i + random(40), datagram });
    if (random(100) < 3) arrivals.push({ at: i + random(40), datagram });
    if (random(100) < 3) {
      const bytes = datagram.bytes.slice();
      bytes[random(bytes.length)] ^= 1 << random(8);
      arrivals.push({ at: i + random(40), datagram: { ...datagram, bytes, damaged: true } });
    }
  });
  return arrivals.sort((a, b) => a.at - b.at).map((arrival) => arrival.datagram);
}

function libsrtp(
  direction: "send" | "receive",
  keys: SrtpKeys,
  rtcp: "encrypt" | "authenticate",
  packets: readonly Datagram[],
): Verdict[] {
  const frames = packets.flatMap((packet) => [
    Uint8Array.of(packet.rtcp ? 0x63 : 0x72, packet.bytes.length >> 8, packet.bytes.length),
    packet.bytes,
  ]);
  const key = hex(keys.masterKey) + hex(keys.masterSalt);
  const more = keys.unencryptedRtp ? "/clear" : keys.unauthenticatedRtp ? "/unauthenticated" : "";
  const args = [
    direction,
    keys.suite + more,
    key,
    keys.mki ? hex(keys.mki) : "-",
    rtcp,
    String(keys.roc ?? 0),
    ...SSRCS.map(String),
  ];
  const output = execFileSync(program!, args, { input: Buffer.concat(frames), maxBuffer: 2 ** 28 });
  const verdicts: Verdict[] = [];
  for (let at = 0; at < output.length; ) {
    const length = output.readUInt16BE(at + 1);
    verdicts.push({ status: output[at], bytes: new Uint8Array(output.subarray(at + 3, at + 3 + length)) });
    at += 3 + length;
  }
  assert.is(verdicts.length, packets.length);
  return verdicts;
}

/** Every packet is taken exactly once and is what was sent; every repeat and every damaged copy is refused. */
function judge(sent: readonly Datagram[], arrived: readonly Datagram[], verdicts: readonly Verdict[]): number {
  const taken = new Set<number>();
  arrived.forEach((datagram, i) => {
    const { status, bytes } = verdicts[i];
    const where = `${datagram.rtcp ? "RTCP" : "RTP"} packet ${datagram.original}`;
    if (datagram.damaged) assert.is.not(status, 0, `damaged ${where} was taken`);
    else if (taken.has(datagram.original)) assert.is.not(status, 0, `repeated ${where} was taken`);
    else {
      assert.is(status, 0, `${where} was refused`);
      assert.is(hex(bytes), hex(sent[datagram.original].bytes), `${where} changed`);
      taken.add(datagram.original);
    }
  });
  return taken.size;
}

function ours(keys: SrtpKeys, packets: readonly Datagram[], encrypt: boolean): Datagram[] {
  const sender = new SrtpSender(keys);
  return packets.map((packet) => {
    const buffer = withRoom(packet.bytes, SRTCP_MAX_TRAILER);
    const n = packet.bytes.length;
    const length = packet.rtcp ? sender.protectRtcp(buffer, n, encrypt) : sender.protectRtp(buffer, n);
    assert.ok(length > n, statusName(length));
    return { ...packet, bytes: buffer.subarray(0, length) };
  });
}

// Not here: AES-192, which libsrtp 2.5 derives with an AES-256 PRF from key and half the salt (RFC 6188 section 7.4 has the right numbers),
// and unencrypted RTP under AEAD, which it encrypts all the same (RFC 7714 section 16.1.3 has the right packet).
const variants: { name: string; more: Partial<SrtpKeys>; rtcp: "encrypt" | "authenticate" }[] = [
  { name: "no MKI", more: {}, rtcp: "encrypt" },
  { name: "no MKI, roll-over counter 70000, RTCP not encrypted", more: { roc: 70000 }, rtcp: "authenticate" },
  { name: "MKI of 4 bytes", more: { mki: Uint8Array.of(1, 0, 255, 9) }, rtcp: "encrypt" },
  { name: "MKI of 128 bytes", more: { mki: new Uint8Array(128).map((_, i) => i) }, rtcp: "encrypt" },
  ...(
    [
      "AES_CM_128_HMAC_SHA1_32",
      "AES_256_CM_HMAC_SHA1_80",
      "AES_256_CM_HMAC_SHA1_32",
      "AEAD_AES_128_GCM",
      "AEAD_AES_256_GCM",
      "NULL_HMAC_SHA1_80",
      "NULL_HMAC_SHA1_32",
    ] as const
  ).map((suite) => ({ name: suite, more: { suite }, rtcp: "encrypt" as const })),
  {
    name: "AEAD_AES_128_GCM, MKI, roll-over counter 9, RTCP not encrypted",
    more: { suite: "AEAD_AES_128_GCM", mki: Uint8Array.of(9, 8, 7), roc: 9 },
    rtcp: "authenticate",
  },
  { name: "RTP not encrypted", more: { unencryptedRtp: true }, rtcp: "encrypt" },
];

if (program !== undefined)
  variants.forEach(({ name, more, rtcp }, number) => {
    test(`libsrtp takes what we protect: ${name}`, () => {
      const random = generator(number);
      const keys = randomKeys(more);
      const sent = traffic(random);
      const arrived = network(ours(keys, sent, rtcp === "encrypt"), random);
      const taken = judge(sent, arrived, libsrtp("receive", keys, rtcp, arrived));
      assert.ok(taken > 9500 && taken < sent.length, `${taken} of ${sent.length}`);
    });

    test(`we take what libsrtp protects: ${name}`, () => {
      const random = generator(100 + number);
      const keys = randomKeys(more);
      const sent = traffic(random);
      const protectedPackets = libsrtp("send", keys, rtcp, sent).map((verdict, i) => {
        assert.is(verdict.status, 0);
        return { ...sent[i], bytes: verdict.bytes };
      });
      const arrived = network(protectedPackets, random);
      const receiver = new SrtpReceiver(keys);
      const seen = new Set<string>();
      const verdicts = arrived.map(({ bytes, rtcp: control }): Verdict => {
        const packet = bytes.slice();
        const n = control
          ? receiver.unprotectRtcp(packet, packet.length)
          : receiver.unprotectRtp(packet, packet.length);
        seen.add(statusName(n));
        return { status: Math.min(n, 0), bytes: packet.subarray(0, Math.max(0, n)) };
      });
      const taken = judge(sent, arrived, verdicts);
      assert.ok(taken > 9500 && taken < sent.length, `${taken} of ${sent.length}`);
      assert.ok(seen.has("bad-tag") && seen.has("replayed"), [...seen].join());
    });
  });

if (program !== undefined)
  test("the same RTP packets protected by both are the same bytes", () => {
    const keys = randomKeys({ roc: 3 });
    const sent = traffic(generator(7)).filter((packet) => !packet.rtcp);
    const theirs = libsrtp("send", keys, "encrypt", sent);
    ours(keys, sent, true).forEach((packet, i) => {
      assert.is(hex(packet.bytes), hex(theirs[i].bytes), `packet ${i}`);
    });
  });

test.run();
