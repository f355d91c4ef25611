// Offers a handset must refuse, each with its SIP answer and words, while another call goes on undisturbed.

import { randomBytes, randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createMikeyKeying, type Keying, type KeyingSession } from "../../firmware/keying/index.js";
import { systemClock } from "../../firmware/runtime/index.js";
import { type SrtpKeys, SrtpSender } from "../../firmware/srtp/index.js";
import { HandsetProcess, suiteFolder, writeSharedKey } from "../support/handset-process.js";
import { TestAuthority, validNow } from "../support/identities.js";
import { offerText, ScriptedPhone } from "../support/scripted-phone.js";
import { findSecret, privateNumbers } from "../support/secrets.js";
import { allTaken, voiceOf } from "../support/statistics.js";
import { writeTone } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";

const folder = suiteFolder("offers");
const [aliceUri, bobUri, malloryUri] = ["sip:alice@127.0.0.1", "sip:bob@127.0.0.1", "sip:mallory@127.0.0.1"];
const authority = await TestAuthority.create(folder, "good-ca");
const psk = randomBytes(32);
const pskFile = writeSharedKey(join(folder, "mallory.hex"), psk.toString("hex"));
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

let alice: HandsetProcess;
let bob: HandsetProcess;
let mallory: ScriptedPhone;
/** The call that goes on, at Bob's and at Alice's end. */
let theCall = 0;
let alicesCall = 0;
/** Secret things that exist in this suite. */
const secrets: Uint8Array[] = [psk];

const offers = suite("offers that are refused");

offers.before(async () => {
  const tone = join(folder, "tone.wav");
  writeTone(tone, 700, 5);
  const handset = async (user: string, uri: string) => {
    const keying = await authority.keyingFor(uri);
    secrets.push(...privateNumbers(readFileSync(keying.privateKey, "utf8")));
    return HandsetProcess.start({
      folder: join(folder, user),
      user,
      security: "required",
      keying: { ...keying, sharedKeys: [{ peer: malloryUri, file: pskFile }] },
      says: tone,
      maxCalls: 8,
      offerBudget: { burst: 1000 },
      // Mallory calls faster than any person: what limits do is another test's subject.
      sip: { limits: { messagesPerSource: 10_000, requestsPerSource: 10_000, requestsTotal: 10_000 } },
      tap: true,
    });
  };
  alice = await handset("alice", aliceUri);
  bob = await handset("bob", bobUri);
  mallory = await ScriptedPhone.open("mallory");
  alicesCall = await alice.dial(bob.uri);
  theCall = (await bob.call("ringing", (call) => call.state === "ringing")).id;
  await bob.ask("answer", {});
  await alice.state(alicesCall, "active");
});

offers.after(async () => {
  await Promise.all([alice?.stop(), bob?.stop(), mallory?.stop()]);
});

/** A key agreement of mallory's with the shared key, unless told otherwise. */
function keying(options: Partial<Parameters<typeof createMikeyKeying>[0]> = {}): Keying {
  return createMikeyKeying({
    offer: "psk",
    psk: { key: new Uint8Array(psk), name: "mallory" },
    clock: systemClock,
    random,
    ...options,
  });
}

interface Agreed {
  tx?: SrtpKeys;
}

/** A secured offer made with `method`. */
async function securedOffer(method: Keying, localUri = malloryUri, agreed: Agreed = {}) {
  const session: KeyingSession = method.open(
    "offerer",
    { localUri, peerUri: bobUri, ssrc: randomInt(1, 2 ** 31) },
    {
      keys: (tx) => {
        agreed.tx = { ...tx, masterKey: tx.masterKey.slice(), masterSalt: tx.masterSalt.slice() };
      },
    },
  );
  const offered = await session.offer();
  if (!offered.ok) throw new Error(offered.error.text);
  return { session, attribute: `a=key-mgmt:${offered.value.session[0].value}` };
}

const secured = (attribute: string, more: { payloads?: string; rtpmaps?: string[] } = {}) =>
  offerText({ port: 40_000, profile: "RTP/SAVP", session: [attribute], ...more });

/** Sends an offer to bob and expects its refusal: SIP status, Warning, the event, the counters. */
async function refused(sdp: string, expected: { readonly code: string; readonly warning?: RegExp }): Promise<string> {
  const from = bob.now;
  const before = await bob.status();
  const { failure, warning, body } = await mallory.failure(mallory.call(bob.uri, sdp));
  const event = await bob.refused(from);
  assert.equal([event.code, event.status, failure.status], [expected.code, 488, 488]);
  assert.match(event.from, /^sip:mallory@/);
  assert.ok(event.text.length > 0);
  assert.match(warning, expected.warning ?? /^399 127\.0\.0\.1 "MIKEY: .+"$/);
  const after = await bob.status();
  assert.is(after.callsSoFar.refused, before.callsSoFar.refused + 1);
  assert.is(after.refusals[expected.code], (before.refusals[expected.code] ?? 0) + 1);
  return body;
}

offers("no codec in common", async () => {
  const { attribute } = await securedOffer(keying());
  const rtpmaps = ["a=rtpmap:9 G722/8000", "a=rtpmap:96 opus/48000/2"];
  await refused(secured(attribute, { payloads: "9 96", rtpmaps }), { code: "no-common-codec", warning: /^305 / });
});

offers("a clear line, and a secured line whose key-mgmt was stripped", async () => {
  await refused(offerText({ port: 40_000, profile: "RTP/AVP" }), {
    code: "not-secured",
    warning: /secured call required/,
  });
  await refused(offerText({ port: 40_000, profile: "RTP/SAVP" }), { code: "missing-key-mgmt", warning: /key-mgmt/ });
});

offers("a wrong shared key", async () => {
  const { attribute } = await securedOffer(keying({ psk: { key: random(32), name: "wrong" } }));
  const body = await refused(secured(attribute), { code: "wrong-psk" });
  // The peer is told in MIKEY's own words too (RFC 4567 section 3.1: error messages travel in key-mgmt).
  if (body) assert.match(body, /^a=key-mgmt:mikey /m);
});

offers("a certificate for somebody else, from an unknown authority, and one that ran out on the way", async () => {
  const identityOf = (issued: { chainPem: string; privateKeyPem: string }) => ({
    offer: "dh" as const,
    psk: undefined,
    identity: { certificateChainPem: issued.chainPem, privateKeyPem: issued.privateKeyPem },
    trustAnchorsPem: authority.identity.certificatePem,
  });
  const eve = await authority.issue("sip:eve@127.0.0.1");
  const asEve = await securedOffer(keying(identityOf(eve)), "sip:eve@127.0.0.1");
  await refused(secured(asEve.attribute), { code: "identity-mismatch" });

  const rogue = await TestAuthority.create(folder, "rogue-ca");
  const unknown = await securedOffer(keying(identityOf(await rogue.issue(malloryUri))));
  await refused(secured(unknown.attribute), { code: "unknown-ca" });

  const short = { notBeforeMs: validNow.notBeforeMs, notAfterMs: Date.now() + 5000 };
  const late = await securedOffer(keying(identityOf(await authority.issue(malloryUri, short))));
  await pause(Math.max(0, short.notAfterMs + 1100 - Date.now()));
  await refused(secured(late.attribute), { code: "certificate-expired" });

  // The same with a certificate in order would have rung: nothing else was wrong with these offers.
  const good = await securedOffer(keying(identityOf(await authority.issue(malloryUri))));
  const call = mallory.call(bob.uri, secured(good.attribute));
  await call.steps.until("180", (one) => one.step === "provisional" && one.status === 180);
  call.invite.cancel();
  await call.steps.until("487", (one) => one.step === "failed" && one.failure.status === 487);
});

offers("an offer that was sent before, in a new dialog", async () => {
  const { attribute } = await securedOffer(keying());
  const from = bob.now;
  const first = mallory.call(bob.uri, secured(attribute));
  await first.steps.until("180", (one) => one.step === "provisional" && one.status === 180);
  first.invite.cancel();
  await first.steps.until("487", (one) => one.step === "failed" && one.failure.status === 487);
  await bob.call("the missed call", (call) => call.state === "ended", { from });
  await refused(secured(attribute), { code: "replayed" });
});

offers("a clock that is an hour off, either way", async () => {
  for (const off of [3_600_000, -3_600_000]) {
    const clock = { now: () => systemClock.now(), wallMs: () => systemClock.wallMs() + off };
    const { attribute } = await securedOffer(keying({ clock }));
    await refused(secured(attribute), { code: "clock-skew" });
  }
});

offers("MIKEY that is none: not base64, cut short, another version, one bit changed anywhere", async () => {
  await refused(secured("a=key-mgmt:mikey ####"), { code: "malformed-key-mgmt" });
  await refused(secured(`a=key-mgmt:mikey ${Buffer.alloc(9).toString("base64")}`), { code: "unsupported-version" });
  await refused(secured("a=key-mgmt:kerberos AAAA"), { code: "unsupported-keying", warning: /./ });
  const { attribute } = await securedOffer(keying());
  const message = Buffer.from(attribute.split(" ")[1], "base64");
  const cut = message.subarray(0, message.length - 7).toString("base64");
  await refused(secured(`a=key-mgmt:mikey ${cut}`), { code: "malformed-message" });
  const ringsBefore = bob.events.entries.filter((one) => one.type === "call" && one.call.state === "ringing").length;
  for (let i = 0; i < 120; i++) {
    const changed = Buffer.from(message);
    changed[randomInt(message.length)] ^= 1 << randomInt(8);
    const call = mallory.call(bob.uri, secured(`a=key-mgmt:mikey ${changed.toString("base64")}`));
    assert.is((await mallory.failure(call)).failure.status, 488);
  }
  const ringsAfter = bob.events.entries.filter((one) => one.type === "call" && one.call.state === "ringing").length;
  assert.is(ringsAfter, ringsBefore, "bob's phone rang for a changed offer");
});

offers("a body that is no session description", async () => {
  const before = (await bob.status()).counters["refused"];
  const { failure } = await mallory.failure(mallory.call(bob.uri, "<xml/>", { type: "application/xml" }));
  assert.is(failure.status, 415);
  assert.match(failure.response?.headers.get("Accept") ?? "", /application\/sdp/);
  assert.is((await bob.status()).counters["refused"], before + 1);
  await refused("v=0\r\nthis is not SDP\r\n", { code: "bad-sdp", warning: /^399 / });
});

offers("meanwhile the other call has lost nothing, and nothing secret was written", async () => {
  const ends = [
    { phone: alice, id: alicesCall },
    { phone: bob, id: theCall },
  ] as const;
  for (const { phone, id } of ends)
    assert.is((await phone.status()).calls.find((one) => one.id === id)?.state, "active", "the call is gone");
  // Where the machine stalls its sound card, whole periods are not there to be sent: what was sent is what must have come.
  await allTaken(ends, 100);
  for (const end of ends) {
    const voice = await voiceOf(end);
    assert.is(voice.packetsLost, 0);
    assert.equal(
      Object.entries(voice.dropped).filter(([, count]) => count > 0),
      [],
    );
  }
  assert.equal(
    bob.events.entries.filter((one) => one.type === "silent"),
    [],
  );
  assert.is((await bob.status()).calls[0].id, theCall);
  for (const phone of [alice, bob]) {
    const files = [phone.files.log, phone.files.tap, phone.files.trace].filter((file) => existsSync(file));
    const written = files.map((file) => readFileSync(file, "utf8")).join("\n") + JSON.stringify(await phone.status());
    assert.is(findSecret(written + JSON.stringify(phone.events.entries), secrets), undefined);
    assert.ok(phone.log.length > 200, "the log that was searched is empty");
  }
});

offers("SRTP with a bad tag, or sent again, is dropped and counted; the call goes on", async () => {
  const agreed: Agreed = {};
  const { session, attribute } = await securedOffer(keying(), malloryUri, agreed);
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  const from = bob.now;
  const call = mallory.call(bob.uri, offerText({ port, profile: "RTP/SAVP", session: [attribute] }));
  const { id } = await bob.call("ringing", (one) => one.state === "ringing", { from });
  await bob.ask("answer", { id });
  const answered = await call.steps.until("200", (one) => one.step === "answered");
  if (answered.step !== "answered") throw new Error("not answered");
  const value = /^a=key-mgmt:(mikey \S+)/m.exec(answered.body)?.[1];
  const accepted = await session.accept({ session: [{ name: "key-mgmt", value }], media: [] });
  assert.ok(accepted.ok && agreed.tx);
  const target = Number(/^m=audio (\d+)/m.exec(answered.body)?.[1]);
  const sessions = Buffer.from(attribute.split(" ")[1], "base64");
  const ssrc = sessions.readUInt32BE(11);
  const sender = new SrtpSender(agreed.tx);
  for (let n = 0; n < 60; n++) {
    const packet = Buffer.alloc(12 + 160 + 32, 0xff);
    packet[0] = 0x80;
    packet[1] = 0;
    packet.writeUInt16BE(1000 + n, 2);
    packet.writeUInt32BE(160 * n, 4);
    packet.writeUInt32BE(ssrc, 8);
    const good = packet.subarray(0, sender.protectRtp(packet, 172));
    const bad = Buffer.from(good);
    bad[randomInt(12, bad.length)] ^= 1 << randomInt(8);
    for (const one of n % 3 === 0 ? [bad, good, good] : [good]) socket.send(one, target, "127.0.0.1");
    await pause(15);
  }
  const shown = await eventually("the drops in status", 20_000, async () => {
    const found = (await bob.status()).calls.find((one) => one.id === id)?.voice as
      | { packetsReceived: number; dropped: Record<string, number> }
      | undefined;
    return found && found.dropped["bad-tag"] + found.dropped["replayed"] >= 40 && found;
  });
  assert.equal([shown.packetsReceived, shown.dropped["bad-tag"], shown.dropped["replayed"]], [60, 20, 20]);
  answered.dialog.bye();
  await bob.ended(id);
  const { voiceDrops } = await bob.status();
  assert.ok(voiceDrops["bad-tag"] >= 20, JSON.stringify(voiceDrops));
  session.close();
  socket.close();
  // Answering had put the first call on hold; it is there to go on with.
  await bob.ask("resume", { id: theCall });
  await bob.call("resumed", (one) => one.id === theCall && one.state === "active", { from: bob.now - 1 });
});

offers.run();
