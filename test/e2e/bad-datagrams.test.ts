// Ten thousand random and mutated datagrams on the SIP and RTP ports of a handset in a secured call: dropped or answered, counted, survived.

import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HandsetProcess, suiteFolder, writeSharedKey } from "../support/handset-process.js";
import { offerText, ScriptedPhone } from "../support/scripted-phone.js";
import { allTaken, voiceOf } from "../support/statistics.js";
import { writeTone } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";

const SIP_DATAGRAMS = 6500;
const RTP_DATAGRAMS = 3500;
/** Sent in one go, then a breath: what a socket's buffer can take. */
const BURST = 40;

const folder = suiteFolder("datagrams");
// SOTTO_SEED repeats a run.
const seed = process.env["SOTTO_SEED"] ?? randomBytes(8).toString("hex");

/** Random numbers that a seed repeats. */
function generator(): (below: number) => number {
  let block = Buffer.alloc(0);
  let [at, counter] = [0, 0];
  return (below) => {
    if (at + 4 > block.length) {
      block = createHash("sha512").update(`${seed} ${counter++}`).digest();
      at = 0;
    }
    at += 4;
    return block.readUInt32BE(at - 4) % below;
  };
}
const random = generator();
const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random(256)));

/** Requests and responses that are in order, from nobody and for nobody's dialog. */
function templates(target: string, replyPort: number): Buffer[] {
  const sdp = offerText({
    port: 40_000,
    profile: "RTP/SAVP",
    session: [`a=key-mgmt:mikey ${noise(90).toString("base64")}`],
  });
  const requests = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "FOO"].map((method) => [
    `${method} ${target} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${replyPort};rport;branch=z9hG4bK${random(1e9)}`,
    "Max-Forwards: 70",
    `From: "Eve" <sip:eve@127.0.0.1>;tag=${random(1e9)}`,
    `To: <${target}>${method === "BYE" ? ";tag=1" : ""}`,
    `Call-ID: ${random(1e9)}@eve`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:eve@127.0.0.1:${replyPort}>`,
    "Content-Type: application/sdp",
    `Content-Length: ${sdp.length}`,
    "",
    sdp,
  ]);
  const responses = [100, 180, 200, 401, 486].map((status) => [
    `SIP/2.0 ${status} Whatever`,
    `Via: SIP/2.0/UDP ${target.split("@")[1]};branch=z9hG4bK${random(1e9)}`,
    "From: <sip:bob@127.0.0.1>;tag=5",
    "To: <sip:eve@127.0.0.1>;tag=6",
    "Call-ID: nothing@eve",
    "CSeq: 7 INVITE",
    "Content-Length: 0",
    "",
    "",
  ]);
  return [...requests, ...responses].map((lines) => Buffer.from(lines.join("\r\n")));
}

/** Changes, cuts, repeats and inserts pieces. */
function mutated(original: Buffer): Buffer {
  let bytes = Buffer.from(original);
  for (let i = random(6); i >= 0; i--) {
    const at = random(bytes.length + 1);
    switch (random(6)) {
      case 0:
        if (at < bytes.length) bytes[at] ^= 1 << random(8);
        break;
      case 1:
        bytes = bytes.subarray(0, at);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), noise(random(20)), bytes.subarray(at)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(bytes.length + 1))]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from("9".repeat(random(400))), bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from("\r\n"), bytes.subarray(at)]);
    }
    if (bytes.length === 0) return noise(3);
  }
  return bytes.subarray(0, 60_000);
}

/** RTP and RTCP lookalikes of every shape. */
function rtpish(): Buffer {
  const bytes = noise(random(20) === 0 ? random(3000) : random(220));
  if (bytes.length > 1 && random(4) > 0) {
    bytes[0] = 0x80 | (bytes[0] & (random(2) ? 0x3f : 0));
    bytes[1] = [0, 8, 101, 200, 201, 203, 0x80][random(7)];
  }
  return bytes;
}

const flood = suite("a flood of bad datagrams");

flood(`10,000 on the SIP and RTP ports (SOTTO_SEED=${seed})`, async () => {
  const tone = join(folder, "tone.wav");
  writeTone(tone, 700, 5);
  const file = writeSharedKey(join(folder, "key.hex"), randomBytes(16).toString("hex"));
  const phone = (user: string, other: string) =>
    HandsetProcess.start({
      folder: join(folder, user),
      user,
      security: "required",
      keying: { offer: "psk", sharedKeys: [{ peer: `sip:${other}@127.0.0.1`, file }] },
      says: tone,
      maxCalls: 4,
      // Every datagram shall reach the parser: what limits do is another test's subject.
      sip: { limits: { messagesPerSource: 1_000_000, requestsPerSource: 1_000_000, requestsTotal: 1_000_000 } },
    });
  const alice = await phone("alice", "bob");
  const bob = await phone("bob", "alice");
  const eve = createSocket("udp4");
  await new Promise<void>((resolve) => eve.bind(0, "127.0.0.1", resolve));
  let answers = 0;
  eve.on("message", () => {
    answers++;
  });
  const visitor = await ScriptedPhone.open("visitor");
  try {
    const id = await alice.dial(bob.uri);
    const { id: bobsId } = await bob.call("ringing", (call) => call.state === "ringing");
    await bob.ask("answer", {});
    await alice.state(id, "active");
    await pause(500);
    const before = await bob.status();
    const ownMessages = templates(bob.uri, eve.address().port);
    const { portMin, portMax } = bob.rtp;
    const every = SIP_DATAGRAMS + RTP_DATAGRAMS;
    for (let sip = 0, rtp = 0; sip + rtp < every; ) {
      for (let i = 0; i < BURST && sip + rtp < every; i++) {
        const wantsSip = random(every) < SIP_DATAGRAMS ? sip < SIP_DATAGRAMS : rtp >= RTP_DATAGRAMS;
        if (wantsSip) {
          sip++;
          const bytes = random(5) === 0 ? noise(random(1500)) : mutated(ownMessages[random(ownMessages.length)]);
          eve.send(bytes, bob.sipPort, "127.0.0.1");
        } else {
          rtp++;
          // The call's own pair and whatever else of the range is open.
          eve.send(rtpish(), portMin + random(random(3) ? 4 : portMax - portMin + 1), "127.0.0.1");
        }
      }
      await pause(20);
      // Both of its threads answer: it is not so far behind that the system drops datagrams, the voice's among them, on a full socket.
      await bob.status();
    }
    const counted = ["not-sip", "keep-alive", "malformed-dropped", "malformed-answered", "oversize-dropped"];
    const taken = ["requests-received", "responses-received", "response-not-ours"];
    // Everything that came is accounted for.
    const after = await eventually("the SIP datagrams in the counters", 20_000, async () => {
      const { counters } = await bob.status();
      const seen = [...counted, ...taken].reduce((sum, name) => sum + counters[name] - before.counters[name], 0);
      return seen >= 0.95 * SIP_DATAGRAMS && (await bob.status());
    });
    const grown = (name: string) => after.counters[name] - before.counters[name];
    // The call: still there at both ends, nothing lost.
    const ends = [
      { phone: alice, id },
      { phone: bob, id: bobsId },
    ] as const;
    await allTaken(ends, 100);
    for (const end of ends) {
      assert.is((await end.phone.status()).calls.find((one) => one.id === end.id)?.state, "active");
      assert.is((await voiceOf(end)).packetsLost, 0);
    }
    assert.ok(grown("not-sip") > 500 && grown("malformed-dropped") > 100 && grown("malformed-answered") > 10);
    assert.ok(answers > 100, `${answers} answers`);
    const call = after.calls.find((each) => each.id === bobsId)?.voice as { dropped: Record<string, number> };
    const drops = Object.values(call.dropped).reduce((sum, n) => sum + n, 0);
    assert.ok(drops > 100, JSON.stringify(call.dropped));
    assert.ok(after.memory.heapUsedBytes - before.memory.heapUsedBytes < 128e6, "the heap has grown by over 128 MB");
    // The phone works on: it answers, refuses what it must, and ends its call.
    const offer = offerText({ port: 40_000, profile: "RTP/AVP" });
    const { failure } = await visitor.failure(visitor.call(bob.uri, offer));
    assert.is(failure.status, 488);
    await bob.ask("hangup", { id: bobsId });
    assert.is((await alice.ended(id)).end?.by, "peer");
    assert.not.match(bob.log, /"level":"error"/);
    assert.is(await bob.stop(), 0);
  } finally {
    eve.close();
    await Promise.all([alice.stop(), bob.stop(), visitor.stop()]);
  }
});

flood.run();
