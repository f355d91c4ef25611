// ffmpeg and GStreamer decode a live SRTP stream of ours, and we theirs: a tone goes in at one end and must come out at the other.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeUlaw, encodeUlaw } from "../../firmware/audio/index.js";
import {
  isRtcp,
  SRTP_MAX_TRAILER,
  type SrtpKeys,
  SrtpReceiver,
  SrtpSender,
  type SrtpSuiteName,
  statusName,
} from "../../firmware/srtp/index.js";
import { randomKeys } from "../firmware/srtp/packets.js";
import { hex } from "../vectors.js";
import { needTool, requireOrSkip } from "./tools.js";

const TONE_HZ = 600;
const RATE = 8000;
const SAMPLES = 160;
const SSRC = 305_419_896;
const LIMIT_MS = 25_000;

const folder = mkdtempSync(join(tmpdir(), "sotto-srtp-"));
const running = new Set<ChildProcess>();
test.after(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts a peer; `ended` answers with what it wrote to standard error. */
function start(program: string, args: readonly string[]): { child: ChildProcess; ended: Promise<string> } {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  let text = "";
  child.stderr!.on("data", (data) => {
    text += data;
  });
  const ended = new Promise<string>((resolve) => {
    child.on("close", () => {
      running.delete(child);
      resolve(text);
    });
  });
  return { child, ended };
}

async function bound(port = 0): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, "127.0.0.1", resolve);
  });
  return socket;
}

/** An even port free with the one above it. */
async function freePair(): Promise<number> {
  for (;;) {
    const one = await bound();
    const { port } = one.address();
    await new Promise<void>((resolve) => one.close(() => resolve()));
    if (port % 2 !== 0) continue;
    try {
      const above = await bound(port + 1);
      await new Promise<void>((resolve) => above.close(() => resolve()));
      return port;
    } catch {
      // Taken: another try.
    }
  }
}

/** How much of the power of S16 samples lies at the tone, 0 to 1, leaving out the first and last 200 ms. */
function purity(pcm: Int16Array): number {
  const heard = pcm.subarray(RATE / 5, pcm.length - RATE / 5);
  let [power, real, imaginary] = [0, 0, 0];
  heard.forEach((sample, i) => {
    power += sample * sample;
    real += sample * Math.cos((2 * Math.PI * TONE_HZ * i) / RATE);
    imaginary += sample * Math.sin((2 * Math.PI * TONE_HZ * i) / RATE);
  });
  return (2 * (real * real + imaginary * imaginary)) / (heard.length * power);
}

/** Sends our tone to `port`, 50 packets a second, until `enough`. The sequence number wraps on the way. */
async function speak(keys: SrtpKeys, port: number, enough: () => boolean): Promise<void> {
  const sender = new SrtpSender(keys);
  const socket = await bound();
  const began = performance.now();
  for (let n = 0; !enough() && performance.now() - began < LIMIT_MS; n++) {
    const buffer = Buffer.alloc(12 + SAMPLES + SRTP_MAX_TRAILER);
    buffer[0] = 0x80;
    buffer.writeUInt16BE((65_500 + n) & 0xffff, 2);
    buffer.writeUInt32BE(n * SAMPLES, 4);
    buffer.writeUInt32BE(SSRC, 8);
    for (let i = 0; i < SAMPLES; i++)
      buffer[12 + i] = encodeUlaw(Math.round(8000 * Math.sin((2 * Math.PI * TONE_HZ * (n * SAMPLES + i)) / RATE)));
    const length = sender.protectRtp(buffer, 12 + SAMPLES);
    assert.ok(length > 0, statusName(length));
    socket.send(buffer, 0, length, port, "127.0.0.1");
    sender.precompute(2);
    await pause(began + (n + 1) * 20 - performance.now());
  }
  socket.close();
}

/** Hears `packets` of a peer's stream. @returns the voice, and what became of each datagram */
async function listen(
  keys: SrtpKeys,
  port: number,
  packets: number,
): Promise<{ pcm: Int16Array; rtp: Record<string, number>; rtcp: Record<string, number> }> {
  const receiver = new SrtpReceiver(keys);
  const sockets = [await bound(port), await bound(port + 1)];
  const pcm: number[] = [];
  const rtp: Record<string, number> = {};
  const rtcp: Record<string, number> = {};
  for (const socket of sockets)
    socket.on("message", (message) => {
      const control = isRtcp(message);
      const length = control
        ? receiver.unprotectRtcp(message, message.length)
        : receiver.unprotectRtp(message, message.length);
      const counts = control ? rtcp : rtp;
      counts[statusName(length)] = (counts[statusName(length)] ?? 0) + 1;
      if (!control) for (let i = 12; i < length; i++) pcm.push(decodeUlaw(message[i]));
    });
  const began = performance.now();
  while ((rtp["ok"] ?? 0) < packets && performance.now() - began < LIMIT_MS) await pause(50);
  for (const socket of sockets) socket.close();
  return { pcm: Int16Array.from(pcm), rtp, rtcp };
}

function heardFrom(file: string): Int16Array {
  const bytes = readFileSync(file);
  return new Int16Array(new Uint8Array(bytes).buffer, 0, bytes.length >>> 1);
}
const sizeOf = (file: string) => (existsSync(file) ? statSync(file).size : 0);
const inline = ({ masterKey, masterSalt }: SrtpKeys) => Buffer.concat([masterKey, masterSalt]).toString("base64");

const ffmpeg = needTool("ffmpeg");
if (ffmpeg !== undefined)
  for (const suite of ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"] as const) {
    test(`ffmpeg decodes our stream: ${suite}`, async () => {
      const keys = randomKeys({ suite });
      const port = await freePair();
      const sdp = join(folder, `${suite}.sdp`);
      const out = join(folder, `${suite}.raw`);
      writeFileSync(
        sdp,
        `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio ${port} RTP/SAVP 0\na=rtpmap:0 PCMU/8000\n` +
          `a=crypto:1 ${suite} inline:${inline(keys)}\n`,
      );
      const args = ["-nostdin", "-loglevel", "error", "-protocol_whitelist", "file,udp,rtp,srtp", "-i", sdp];
      const { child, ended } = start(ffmpeg, [...args, "-t", "2", "-flush_packets", "1", "-f", "s16le", out]);
      await speak(keys, port, () => child.exitCode !== null);
      child.kill();
      const words = await ended;
      assert.ok(sizeOf(out) > 2 * RATE * 1.5, `${sizeOf(out)} bytes heard: ${words}`);
      assert.ok(purity(heardFrom(out)) > 0.9, `purity ${purity(heardFrom(out))}`);
    });

    test(`we decode ffmpeg's stream: ${suite}`, async () => {
      const keys = randomKeys({ suite });
      const port = await freePair();
      const name = suite.endsWith("32") ? "SRTP_AES128_CM_HMAC_SHA1_32" : suite;
      const source = ["-re", "-f", "lavfi", "-i", `sine=frequency=${TONE_HZ}:sample_rate=${RATE}`, "-t", "20"];
      const crypto = ["-srtp_out_suite", name, "-srtp_out_params", inline(keys)];
      const { child, ended } = start(ffmpeg, [
        ...["-nostdin", "-loglevel", "error", ...source, "-c:a", "pcm_mulaw", "-f", "rtp", ...crypto],
        `srtp://127.0.0.1:${port}?pkt_size=184`,
      ]);
      const { pcm, rtp, rtcp } = await listen(keys, port, 100);
      child.kill("SIGINT");
      const words = await ended;
      assert.equal(Object.keys(rtp), ["ok"], `${JSON.stringify(rtp)} ${words}`);
      assert.equal(Object.keys(rtcp), ["ok"], JSON.stringify(rtcp));
      assert.ok(purity(pcm) > 0.9, `purity ${purity(pcm)}`);
    });
  }

/** GStreamer's words for a suite. */
const gstSuites: Partial<Record<SrtpSuiteName, [cipher: string, auth: string]>> = {
  AES_CM_128_HMAC_SHA1_80: ["aes-128-icm", "hmac-sha1-80"],
  AES_CM_128_HMAC_SHA1_32: ["aes-128-icm", "hmac-sha1-32"],
  AES_256_CM_HMAC_SHA1_80: ["aes-256-icm", "hmac-sha1-80"],
  AEAD_AES_128_GCM: ["aes-128-gcm", "null"],
  AEAD_AES_256_GCM: ["aes-256-gcm", "null"],
};

const gst = needTool("gst-launch-1.0", "Debian: gstreamer1.0-tools, gstreamer1.0-plugins-bad");
/** GStreamer's elements come in packages of their own. */
function hasElement(name: string): boolean {
  try {
    execFileSync("gst-inspect-1.0", ["--exists", name], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
const elements = ["audiotestsrc", "mulawenc", "rtppcmupay", "srtpenc", "srtpdec"];

if (gst !== undefined && requireOrSkip(`GStreamer with ${elements.join(", ")}`, elements.every(hasElement)))
  for (const [suite, [cipher, auth]] of Object.entries(gstSuites)) {
    // RTCP's tag is 80 bits wherever there is one.
    const control = auth === "hmac-sha1-32" ? "hmac-sha1-80" : auth;
    const words = [`rtp-cipher=${cipher}`, `rtp-auth=${auth}`, `rtcp-cipher=${cipher}`, `rtcp-auth=${control}`];
    test(`GStreamer decodes our stream: ${suite}`, async () => {
      const keys = randomKeys({ suite: suite as SrtpSuiteName });
      const port = await freePair();
      const out = join(folder, `gst-${suite}.raw`);
      const key = hex(keys.masterKey) + hex(keys.masterSalt);
      const caps =
        "application/x-srtp,media=(string)audio,clock-rate=(int)8000,encoding-name=(string)PCMU,payload=(int)0," +
        `ssrc=(uint)${SSRC},srtp-key=(buffer)${key},srtp-cipher=(string)${cipher},srtp-auth=(string)${auth},` +
        `srtcp-cipher=(string)${cipher},srtcp-auth=(string)${control}`;
      const { child, ended } = start(gst, [
        ..."-e -q udpsrc address=127.0.0.1".split(" "),
        `port=${port}`,
        `caps=${caps}`,
        ..."! srtpdec ! rtppcmudepay ! mulawdec ! audioconvert ! audio/x-raw,format=S16LE ! filesink buffer-mode=2".split(
          " ",
        ),
        `location=${out}`,
      ]);
      await speak(keys, port, () => sizeOf(out) > 2 * RATE * 2 || child.exitCode !== null);
      child.kill("SIGKILL");
      const said = await ended;
      assert.ok(sizeOf(out) > 2 * RATE * 1.5, `${sizeOf(out)} bytes heard: ${said}`);
      assert.ok(purity(heardFrom(out)) > 0.9, `purity ${purity(heardFrom(out))}`);
    });

    test(`we decode GStreamer's stream: ${suite}`, async () => {
      const keys = randomKeys({ suite: suite as SrtpSuiteName });
      const port = await freePair();
      const { child, ended } = start(gst, [
        "-q",
        ...`audiotestsrc is-live=true freq=${TONE_HZ} samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! mulawenc`.split(
          " ",
        ),
        ..."! rtppcmupay max-ptime=20000000 min-ptime=20000000 ! application/x-rtp,payload=0 ! srtpenc".split(" "),
        `key=${hex(keys.masterKey)}${hex(keys.masterSalt)}`,
        ...words,
        ..."! udpsink host=127.0.0.1 bind-address=127.0.0.1".split(" "),
        `port=${port}`,
      ]);
      const { pcm, rtp } = await listen(keys, port, 100);
      child.kill("SIGKILL");
      const said = await ended;
      assert.equal(Object.keys(rtp), ["ok"], `${JSON.stringify(rtp)} ${said}`);
      assert.ok(purity(pcm) > 0.9, `purity ${purity(pcm)}`);
    });
  }

test.run();
