// Secured calls seen from outside: tshark reads what we say, libsrtp what we speak, and a second implementation of MIKEY agrees on the keys.

import { createPrivateKey, randomBytes, randomInt, X509Certificate } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findCodec, wavFile } from "../../firmware/audio/index.js";
import { systemClock, systemTimers } from "../../firmware/runtime/index.js";
import { UdpTransport, UserAgent } from "../../firmware/sip/index.js";
import { HandsetProcess, suiteFolder, writeSharedKey } from "../support/handset-process.js";
import { TestAuthority } from "../support/identities.js";
import { freeRange } from "../support/ports.js";
import { Started } from "../support/started.js";
import { allTaken, voiceOf } from "../support/statistics.js";
import { goertzel } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";
import { Capture, type CapturedDatagram, captureMissing } from "./capture.js";
import { isRtcp, throughLibsrtp } from "./libsrtp-process.js";
import {
  answerDiffieHellman,
  mikeyOf,
  openPreShared,
  sessionKeys,
  signer,
  type WitnessedKeys,
  type WitnessedMessage,
  witness,
} from "./mikey-witness.js";
import { compilePeer, requireOrSkip } from "./tools.js";

const folder = suiteFolder("capture");
const started = new Started();
const RTP_HEADER = 12;
const [aliceUri, bobUri] = ["sip:alice@127.0.0.1", "sip:bob@127.0.0.1"];

const pcmu = findCodec({ name: "PCMU", clockRate: 8000 })!.open();
/** Samples as PCMU. */
function encoded(samples: Int16Array): Buffer {
  const out = new Uint8Array(samples.length);
  pcmu.encodeInto(out, samples, samples.length);
  return Buffer.from(out);
}

/** Two seconds of a tone with noise on it, so that every 20 ms of it are unlike any other. @returns its file and its PCMU. */
function voice(name: string, hz: number): { readonly file: string; readonly pcmu: Buffer } {
  const samples = new Int16Array(16_000).map(
    (_, i) => 6000 * Math.sin((2 * Math.PI * hz * i) / 8000) + randomInt(-1500, 1500),
  );
  const file = join(folder, `${name}.wav`);
  writeFileSync(file, wavFile(8000, samples));
  return { file, pcmu: encoded(samples) };
}
const said = { alice: voice("alice-says", 500), bob: voice("bob-says", 1200) };

interface SecuredCall {
  readonly datagrams: CapturedDatagram[];
  readonly capture: Capture;
  readonly offer: string;
  readonly answer: string;
  readonly phones: Record<"alice" | "bob", HandsetProcess>;
}

/** Two handsets speak for three seconds while everything is captured. */
async function securedCall(
  name: string,
  keying: Record<"alice" | "bob", Readonly<Record<string, unknown>>>,
  meanwhile: (phones: SecuredCall["phones"]) => Promise<unknown> = async () => {},
) {
  const phone = (user: "alice" | "bob") =>
    started.keep(
      HandsetProcess.start({
        folder: join(folder, `${name}-${user}`),
        user,
        security: "required",
        keying: keying[user],
        codecs: ["PCMU"],
        says: said[user].file,
        // One datagram a message is what the capture is read by; over TCP (where messages of this size go otherwise) it says the same.
        sip: { transports: ["udp"] },
      }),
    );
  const phones = { alice: await phone("alice"), bob: await phone("bob") };
  const { alice, bob } = phones;
  const capture = await started.keep(
    Capture.start(join(folder, `${name}.pcap`), [alice.sipPort, bob.sipPort], [alice.rtp, bob.rtp]),
  );
  const id = await alice.dial(bob.uri);
  const there = (await bob.call("ringing", (call) => call.state === "ringing")).id;
  await bob.ask("key", { key: "call" });
  const active = await alice.state(id, "active");
  assert.is(active.security.state, "secure");
  const ends = [
    { phone: alice, id },
    { phone: bob, id: there },
  ] as const;
  await allTaken(ends, 75);
  await meanwhile(phones);
  await allTaken(ends, 150);
  await alice.ask("hangup", {});
  const ended = await Promise.all([alice.ended(id), bob.call("the end", (call) => call.state === "ended")]);
  for (const { statistics } of ended) {
    assert.ok(statistics && statistics.packetsReceived > 100, JSON.stringify(statistics));
    assert.is(statistics.packetsLost, 0);
  }
  await capture.stop();
  const datagrams = await capture.datagrams();
  const sdpOf = (port: number, first: RegExp) => {
    const found = datagrams.find((one) => one.sourcePort === port && first.test(one.payload.toString("latin1")));
    assert.ok(found, `no ${first} captured`);
    return found.payload.toString("utf8");
  };
  const call: SecuredCall = {
    datagrams,
    capture,
    offer: sdpOf(alice.sipPort, /^INVITE /),
    answer: sdpOf(bob.sipPort, /^SIP\/2\.0 200 [\s\S]*CSeq: \d+ INVITE/),
    phones,
  };
  return call;
}

/** Nothing that tshark reads of SIP, SDP and MIKEY makes it complain. */
async function tsharkIsContent({ capture, phones }: SecuredCall): Promise<void> {
  const complaints = await capture.fields(
    "sip && (_ws.malformed || _ws.expert.severity >= 0x400000)",
    "frame.number",
    "sip.Request-Line",
    "sip.Status-Line",
    "_ws.expert.message",
  );
  assert.equal(complaints, []);
  const sip = await capture.fields("sip", "udp.srcport", "sip.Method", "sip.Status-Code", "sdp.key_mgmt.kmpid");
  const all = (await capture.datagrams()).filter(({ sourcePort }) =>
    [phones.alice.sipPort, phones.bob.sipPort].includes(sourcePort),
  );
  assert.is(sip.length, all.length, "every datagram of the SIP ports is SIP to tshark");
  assert.ok(
    sip.some(([, method]) => method === "INVITE") && sip.some(([, method]) => method === "ACK"),
    JSON.stringify(sip),
  );
  assert.ok(sip.some(([, method]) => method === "BYE") && sip.some(([, , status]) => status === "180"));
  // INVITE and 200: a whole MIKEY message in each, at session level.
  const mikey = await capture.fields("mikey", "sip.Method", "sip.Status-Code", "mikey.type", "mikey.cs_count");
  assert.equal(
    mikey.map(([method, status]) => method || status),
    ["INVITE", "200"],
  );
  for (const [, , , count] of mikey) assert.is(count, "2");
}

/** RTP and RTCP of one direction, from the ports that the call named: a phone that was just started also rehearses on others. */
function mediaFrom(call: SecuredCall, side: "alice" | "bob") {
  const rtp = Number(/^m=audio (\d+) /m.exec(side === "alice" ? call.offer : call.answer)?.[1]);
  return call.datagrams
    .filter(({ sourcePort }) => sourcePort === rtp || sourcePort === rtp + 1)
    .map(({ payload }) => ({ rtcp: isRtcp(payload), bytes: payload }));
}

/** No packet carries 20 ms of what was said, nor even a quarter of them. */
function nothingIsClear(call: SecuredCall): void {
  for (const side of ["alice", "bob"] as const) {
    const packets = mediaFrom(call, side).filter(({ rtcp }) => !rtcp);
    assert.ok(packets.length > 100, `${packets.length} packets of ${side}`);
    const twice = Buffer.concat([said[side].pcmu, said[side].pcmu]);
    for (const { bytes } of packets)
      for (let at = RTP_HEADER; at + 40 <= bytes.length; at += 40)
        assert.is(twice.indexOf(bytes.subarray(at, at + 40)), -1, `${side} speaks clear`);
  }
}

/** libsrtp takes every packet of a direction, and inside is what was said. */
function libsrtpHears(program: string, call: SecuredCall, side: "alice" | "bob", keys: WitnessedKeys, ssrc: number) {
  const packets = mediaFrom(call, side);
  const verdicts = throughLibsrtp(program, "receive", keys, ssrc, packets);
  assert.equal(
    verdicts.filter(({ status }) => status !== 0),
    [],
    `${side}: all ${packets.length} packets verify`,
  );
  const twice = Buffer.concat([said[side].pcmu, said[side].pcmu]);
  let [voice, same, reports] = [0, 0, 0];
  verdicts.forEach(({ bytes }, i) => {
    if (packets[i].rtcp) {
      // A compound begins with a sender or receiver report of ours (RFC 3550 section 6.1).
      assert.ok([200, 201].includes(bytes[1]) && bytes.readUInt32BE(4) === ssrc);
      reports++;
      return;
    }
    assert.equal([bytes[1] & 0x7f, bytes.readUInt32BE(8), bytes.length], [0, ssrc, RTP_HEADER + 160]);
    voice++;
    if (twice.indexOf(bytes.subarray(RTP_HEADER)) >= 0) same++;
  });
  // Where the machine was too slow for its sound card, a period is missing and a packet holds a seam.
  assert.ok(voice > 100 && same >= 0.9 * voice, `${same} of ${voice} packets of ${side} are what was said`);
  assert.ok(reports >= 1, `${reports} RTCP packets of ${side}`);
}

const noCapture = await captureMissing();
const libsrtp = compilePeer("libsrtp-peer", ["srtp2/srtp.h"], ["-lsrtp2"]);
const calls = suite("secured calls, seen from outside");
calls.after.each(() => started.stop());
let tests = 0;

if (requireOrSkip(noCapture ?? "tshark", noCapture === undefined)) {
  tests++;
  calls(
    "shared key: tshark reads it all; libsrtp decrypts all of it with keys that RFC 3830 gives to a stranger",
    async () => {
      const psk = randomBytes(32);
      const file = writeSharedKey(join(folder, "psk.hex"), psk.toString("hex"));
      const shared = (peer: string) => ({ offer: "psk", sharedKeys: [{ peer, file }] });
      const call = await securedCall("psk", { alice: shared(bobUri), bob: shared(aliceUri) });
      await tsharkIsContent(call);
      nothingIsClear(call);
      const [offer, answer] = [witness(mikeyOf(call.offer)), witness(mikeyOf(call.answer))];
      const tgk = openPreShared(offer, answer, psk);
      const [first, second] = answer.sessions;
      if (libsrtp) {
        libsrtpHears(libsrtp, call, "alice", sessionKeys(offer, tgk, 1), first.ssrc);
        libsrtpHears(libsrtp, call, "bob", sessionKeys(offer, tgk, 2), second.ssrc);
      }
      // The witness is no yes-man: another key opens nothing.
      assert.throws(() => openPreShared(offer, answer, randomBytes(32)), /MAC is wrong/);
    },
  );

  calls(
    "new keys in a running call: libsrtp decrypts every packet, under the old ones and then the new ones",
    async () => {
      const psk = randomBytes(32);
      const file = writeSharedKey(join(folder, "rekey.hex"), psk.toString("hex"));
      const shared = (peer: string) => ({ offer: "psk", sharedKeys: [{ peer, file }] });
      const call = await securedCall("rekey", { alice: shared(bobUri), bob: shared(aliceUri) }, ({ alice }) =>
        alice.ask("rekey", {}),
      );
      nothingIsClear(call);
      const texts = call.datagrams.map(({ payload }) => payload.toString("utf8"));
      const update = texts.find((text) => /^INVITE [\s\S]*\n(?:To|t):[^\n]*tag=/.test(text));
      const cseq = /^CSeq: (\d+ INVITE)/m.exec(update ?? "")?.[1];
      const updated = texts.find((text) => /^SIP\/2\.0 200 /.test(text) && text.includes(`CSeq: ${cseq}`));
      assert.ok(update && updated, "the update was captured");
      const [offer, answer] = [witness(mikeyOf(call.offer)), witness(mikeyOf(call.answer))];
      const tgks = [
        openPreShared(offer, answer, psk),
        openPreShared(witness(mikeyOf(update)), witness(mikeyOf(updated)), psk, offer),
      ];
      assert.not(tgks[0].equals(tgks[1]));
      if (!libsrtp) return;
      for (const [i, side] of (["alice", "bob"] as const).entries()) {
        const packets = mediaFrom(call, side).filter(({ rtcp }) => !rtcp);
        const { ssrc } = answer.sessions[i];
        const [old, fresh] = tgks.map((tgk) =>
          throughLibsrtp(libsrtp, "receive", sessionKeys(offer, tgk, i + 1), ssrc, packets).map(
            ({ status }) => status === 0,
          ),
        );
        const change = old.indexOf(false);
        assert.ok(
          change > 30 && packets.length - change > 30,
          `keys of ${side} change at ${change} of ${packets.length}`,
        );
        packets.forEach((_, n) => {
          assert.equal([old[n], fresh[n]], [n < change, n >= change], `packet ${n} of ${side}`);
        });
        const numbers = packets.map(({ bytes }) => bytes.readUInt16BE(2));
        assert.is(new Set(numbers).size, numbers.length);
        assert.is(
          numbers[numbers.length - 1] - numbers[0],
          numbers.length - 1,
          `numbering of ${side} goes on unbroken`,
        );
      }
    },
  );

  calls("signed Diffie-Hellman: tshark reads it all, the signatures are good, nothing is clear", async () => {
    const authority = await TestAuthority.create(folder, "capture-ca");
    const call = await securedCall("dh", {
      alice: await authority.keyingFor(aliceUri),
      bob: await authority.keyingFor(bobUri),
    });
    await tsharkIsContent(call);
    nothingIsClear(call);
    for (const [text, uri, type] of [
      [call.offer, aliceUri, 4],
      [call.answer, bobUri, 5],
    ] as const) {
      const message: WitnessedMessage = witness(mikeyOf(text));
      assert.is(message.dataType, type);
      assert.is(signer(message).subjectAltName, `URI:${uri}`);
    }
  });
}

if (libsrtp) {
  tests++;
  calls("signed Diffie-Hellman with another implementation: it answers, libsrtp speaks and listens", async () => {
    const authority = await TestAuthority.create(folder, "stranger-ca");
    const issued = await authority.issue("sip:stranger@127.0.0.1");
    const alice = await started.keep(
      HandsetProcess.start({
        folder: join(folder, "dh-stranger"),
        user: "alice",
        security: "required",
        keying: await authority.keyingFor(aliceUri),
        codecs: ["PCMU"],
        says: said.alice.file,
      }),
    );
    const { portMin } = await freeRange(2);
    const [rtp, rtcp] = [await bound(portMin), await bound(portMin + 1)];
    const got: { rtcp: boolean; bytes: Buffer }[] = [];
    let voicePort = 0;
    for (const socket of [rtp, rtcp])
      socket.on("message", (bytes, from) => {
        got.push({ rtcp: isRtcp(bytes), bytes });
        if (!isRtcp(bytes)) voicePort = from.port;
      });
    const agent = new UserAgent({
      transport: await UdpTransport.open({ host: "127.0.0.1", port: 0 }),
      clock: systemClock,
      timers: systemTimers,
      random: randomBytes,
      contact: { user: "stranger" },
      product: "Stranger",
    });
    started.keep(
      Promise.resolve({
        stop: async () => {
          rtp.close();
          rtcp.close();
          await agent.close();
        },
      }),
    );
    const ssrc = randomInt(1, 2 ** 32 - 1);
    let agreed: { offer: WitnessedMessage; tgk: Buffer } | undefined;
    let over = false;
    agent.events = {
      invite: (invite) => {
        invite.provisional(180);
        const offer = witness(mikeyOf(Buffer.from(invite.request.body).toString("utf8")));
        const { answer, tgk } = answerDiffieHellman(offer, {
          uri: "sip:stranger@127.0.0.1",
          certificate: new X509Certificate(issued.certificatePem).raw,
          privateKey: createPrivateKey(issued.privateKeyPem),
          ssrc,
        });
        const sdp = [
          "v=0",
          "o=- 1 1 IN IP4 127.0.0.1",
          "s=-",
          "c=IN IP4 127.0.0.1",
          "t=0 0",
          `a=key-mgmt:mikey ${answer.toString("base64")}`,
          `m=audio ${portMin} RTP/SAVP 0`,
          "a=rtpmap:0 PCMU/8000",
          "",
        ].join("\r\n");
        const dialog = invite.accept({ body: { type: "application/sdp", content: Buffer.from(sdp) } });
        dialog.events = {
          acked: () => {
            agreed = { offer, tgk };
          },
          reinvite: (request) => request.reject(488),
          ended: () => {
            over = true;
          },
        };
      },
    };

    const id = await alice.dial(`sip:stranger@127.0.0.1:${agent.local.port}`);
    const active = await alice.state(id, "active");
    assert.is(active.security.state === "secure" && active.security.peer.identity, "sip:stranger@127.0.0.1");
    const { offer, tgk } = await eventually("the ACK", 20_000, () => agreed);
    await eventually("the handset's voice", 20_000, () => voicePort > 0);

    // Four seconds of a tone, protected by libsrtp; where the machine stalls, two of them are heard all the same.
    const HZ = 900;
    const PACKETS = 200;
    const tone = encoded(new Int16Array(PACKETS * 160).map((_, i) => 8000 * Math.sin((2 * Math.PI * HZ * i) / 8000)));
    const clear = Array.from({ length: PACKETS }, (_, n) => {
      const packet = Buffer.alloc(RTP_HEADER + 160);
      packet[0] = 0x80;
      packet.writeUInt16BE(n + 1, 2);
      packet.writeUInt32BE(n * 160, 4);
      packet.writeUInt32BE(ssrc, 8);
      tone.copy(packet, RTP_HEADER, n * 160, (n + 1) * 160);
      return { rtcp: false, bytes: packet };
    });
    const sealed = throughLibsrtp(libsrtp, "send", sessionKeys(offer, tgk, 2), ssrc, clear);
    const startedAt = performance.now();
    for (let n = 0; n < sealed.length; n++) {
      await pause(Math.max(0, startedAt + n * 20 - performance.now()));
      rtp.send(sealed[n].bytes, voicePort, "127.0.0.1");
    }
    const voice = await eventually("all of them", 20_000, async () => {
      const found = await voiceOf({ phone: alice, id });
      return found.packetsReceived >= PACKETS && found;
    });
    assert.is(voice.packetsReceived, PACKETS);
    assert.equal(
      Object.values(voice.dropped).filter((count) => count > 0),
      [],
    );
    await alice.ask("hangup", {});
    await alice.ended(id);
    await eventually("the handset's BYE", 20_000, () => over);
    await alice.stop();
    const heard = alice.heard(HZ);
    assert.ok(heard.toneMs > 1700, `${heard.toneMs} ms of what libsrtp protected were heard`);

    // And what the handset sent: every packet is libsrtp's to open, and holds what was said.
    const keys = sessionKeys(offer, tgk, 1);
    const verdicts = throughLibsrtp(libsrtp, "receive", keys, offer.sessions[0].ssrc, got);
    assert.ok(got.length > 100 && got.some((packet) => packet.rtcp), `${got.length} packets`);
    assert.equal(
      verdicts.filter(({ status }) => status !== 0),
      [],
    );
    const sound = Buffer.concat(verdicts.filter((_, i) => !got[i].rtcp).map(({ bytes }) => bytes.subarray(RTP_HEADER)));
    const samples = new Int16Array(sound.length);
    pcmu.decodeInto(samples, sound, sound.length);
    const { tone: power, total } = goertzel(samples.subarray(0, 4000), 8000, 500);
    assert.ok(power > 0.5 * total, "the handset's tone is in what libsrtp decrypted");
    assert.ok(readFileSync(alice.files.log, "utf8").length > 0);
  });
}

if (tests > 0) calls.run();

function bound(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(port, "127.0.0.1", () => resolve(socket));
  });
}
