// Calls with baresip, clear RTP: each direction, each codec, a tone heard at both ends, digits, hold, and every way not to have a call.

import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HandsetProcess, suiteFolder, writeSharedKey } from "../support/handset-process.js";
import { Started } from "../support/started.js";
import { writeTone } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";
import { Baresip, baresipMissing } from "./baresip.js";
import { requireOrSkip } from "./tools.js";

/** What each end says, Hz: neither a harmonic of the other nor a ringback or DTMF tone. */
const OURS = 620;
const THEIRS = 1130;
/** How much of it must be tone: the rest is the jitter buffer's start and the pieces at the edges. */
const HEARD_MS = 1000;

const missing = baresipMissing();
if (requireOrSkip(missing ?? "baresip", missing === undefined)) {
  const folder = suiteFolder("baresip");
  const [ourTone, theirTone] = [join(folder, "ours.wav"), join(folder, "theirs.wav")];
  writeTone(ourTone, OURS, 10);
  writeTone(theirTone, THEIRS, 100);
  const started = new Started();
  let phones = 0;
  const handset = (options: Partial<Parameters<typeof HandsetProcess.start>[0]> = {}) =>
    started.keep(
      HandsetProcess.start({
        folder: join(folder, `sotto${phones++}`),
        user: "sotto",
        security: "off",
        says: ourTone,
        tap: true,
        ...options,
      }),
    );
  const baresip = (options: Partial<Parameters<typeof Baresip.start>[0]> = {}) =>
    started.keep(
      Baresip.start({
        folder: join(folder, `baresip${phones++}`),
        user: "bare",
        codecs: ["PCMU", "PCMA"],
        says: theirTone,
        ...options,
      }),
    );

  /** Both ends hear the other's tone and nothing else; the handset has no packet to complain about. */
  async function bothHear(sotto: HandsetProcess, bare: Baresip, id: number, hangUp: () => Promise<unknown>) {
    await eventually("our tone at theirs", 20_000, () => bare.heard(OURS).toneMs > HEARD_MS);
    await eventually("their tone at ours", 20_000, () => sotto.heard(THEIRS).toneMs > HEARD_MS);
    const shown = (await sotto.status()).calls.find((one) => one.id === id);
    assert.is(shown?.security.state, "open");
    await hangUp();
    const [ended] = await Promise.all([sotto.ended(id), bare.until("CALL_CLOSED")]);
    const theirs = bare.heard(OURS);
    assert.ok(theirs.toneMs > HEARD_MS, `baresip heard ${theirs.toneMs} ms of our tone`);
    // A machine that wakes its sound card late leaves seams, which are not tone.
    assert.ok(
      theirs.toneMs > 0.8 * theirs.soundMs,
      `${theirs.soundMs - theirs.toneMs} ms of what baresip heard is no tone`,
    );
    const { statistics } = ended;
    assert.ok(statistics && statistics.packetsReceived > 50 && statistics.packetsSent > 50, JSON.stringify(statistics));
    assert.is(statistics.packetsLost, 0);
    // baresip opens with a lone RTCP APP packet and ends with a BYE before any report: no compounds to RFC 3550 section 6.1.
    const { malformed = 0, ...others } = statistics.dropped;
    assert.ok(malformed <= 2, `${malformed} packets were malformed`);
    assert.equal(
      Object.values(others).filter((count) => count > 0),
      [],
      JSON.stringify(others),
    );
    return ended;
  }

  /** After the handset has closed its recording. */
  async function handsetHeard(sotto: HandsetProcess): Promise<void> {
    assert.is(await sotto.stop(), 0);
    const ours = sotto.heard(THEIRS);
    assert.ok(ours.toneMs > HEARD_MS, `the handset heard ${ours.toneMs} ms of baresip's tone`);
  }

  const calls = suite("calls with baresip");
  calls.after.each(() => started.stop());

  for (const codec of ["PCMU", "PCMA"]) {
    calls(`we call baresip, ${codec}, we hang up`, async () => {
      const bare = await baresip({ codecs: [codec] });
      const sotto = await handset();
      const id = await sotto.dial(bare.uri);
      const active = await sotto.state(id, "active");
      assert.is(active.codec, codec);
      const ended = await bothHear(sotto, bare, id, () => sotto.ask("hangup", {}));
      assert.is(ended.end?.by, "us");
      await handsetHeard(sotto);
    });

    calls(`baresip calls us, ${codec}, baresip hangs up`, async () => {
      const bare = await baresip();
      const sotto = await handset({ codecs: [codec] });
      await bare.command("dial", sotto.uri);
      const { id } = await sotto.call("ringing", (call) => call.state === "ringing");
      await bare.until("CALL_RINGING");
      await sotto.ask("key", { key: "call" });
      const active = await sotto.state(id, "active");
      assert.is(active.codec, codec);
      const ended = await bothHear(sotto, bare, id, () => bare.command("hangup"));
      assert.is(ended.end?.by, "peer");
      await handsetHeard(sotto);
    });
  }

  calls("digits pass both ways as telephone events", async () => {
    const bare = await baresip();
    const sotto = await handset();
    const id = await sotto.dial(bare.uri);
    await sotto.state(id, "active");
    await bare.until("CALL_RTPESTAB");
    for (const digit of ["5", "#", "0"]) {
      const from = bare.events.entries.length;
      await sotto.ask("digit", { digit });
      assert.is((await bare.until("CALL_DTMF_START", undefined, from)).param, digit);
      await bare.until("CALL_DTMF_END", undefined, from);
    }
    for (const digit of ["1", "*", "9"]) {
      const from = sotto.now;
      await bare.command("sndcode", digit);
      const event = await sotto.events.until("a digit", (one) => one.type === "digit", undefined, from);
      assert.is(event.type === "digit" && event.digit, digit);
      await pause(200);
    }
    await sotto.ask("hangup", {});
    await sotto.ended(id);
  });

  calls("hold and resume from either end: the tone stops, and comes back", async () => {
    const bare = await baresip();
    const sotto = await handset();
    const id = await sotto.dial(bare.uri);
    await sotto.state(id, "active");
    await bare.until("CALL_RTPESTAB");
    const received = async () =>
      (await sotto.status()).calls[0].voice as { packetsReceived: number; packetsSent: number };
    const rate = async () => {
      const before = await received();
      await pause(500);
      const after = await received();
      return { in: after.packetsReceived - before.packetsReceived, out: after.packetsSent - before.packetsSent };
    };
    // A machine that stands still for a moment makes half a second of silence: what is to last is looked for until it is seen.
    const isRunning = () =>
      eventually("packets each way", 20_000, async () => {
        const now = await rate();
        return now.in >= 15 && now.out >= 15;
      });
    await isRunning();

    await bare.command("hold");
    await sotto.call("held by the peer", (call) => call.heldByPeer);
    await eventually("silence for who holds us", 20_000, async () => (await rate()).out <= 1);
    let from = sotto.now;
    await bare.command("resume");
    await sotto.call("taken back", (call) => !call.heldByPeer && call.state === "active", { from });
    await isRunning();

    from = sotto.now;
    await sotto.ask("hold", {});
    await sotto.call("held", (call) => call.state === "held", { from });
    await eventually("silence from who is held", 20_000, async () => (await rate()).in <= 1);
    from = sotto.now;
    await sotto.ask("resume", {});
    await sotto.call("resumed", (call) => call.state === "active", { from });
    await isRunning();

    await sotto.ask("hangup", {});
    const { statistics } = await sotto.ended(id);
    assert.is(statistics?.packetsLost, 0);
  });

  calls("ringing: either end cancels, either end declines, busy", async () => {
    const bare = await baresip({ autoAnswer: false });
    const sotto = await handset();

    let id = await sotto.dial(bare.uri);
    await sotto.state(id, "ringing");
    await bare.until("CALL_INCOMING");
    await sotto.ask("key", { key: "hangup" });
    assert.is((await sotto.ended(id)).end?.code, "cancelled");
    await bare.until("CALL_CLOSED");
    await eventually("baresip sees 487 acknowledged", 20_000, () =>
      sotto.sip().some((one) => one.text.includes("487")),
    );

    let from = bare.events.entries.length;
    id = await sotto.dial(bare.uri);
    await sotto.state(id, "ringing");
    await bare.until("CALL_INCOMING", undefined, from);
    await bare.command("hangup");
    const declined = await sotto.ended(id);
    assert.is(declined.end?.by, "peer");
    assert.ok([486, 603].includes(declined.end?.status ?? 0), JSON.stringify(declined.end));

    let before = sotto.now;
    from = bare.events.entries.length;
    await bare.command("dial", sotto.uri);
    ({ id } = await sotto.call("ringing", (call) => call.state === "ringing", { from: before }));
    await bare.until("CALL_RINGING", undefined, from);
    await bare.command("hangup");
    const missed = await sotto.ended(id);
    assert.equal([missed.end?.by, missed.end?.code], ["peer", "cancelled"]);

    before = sotto.now;
    from = bare.events.entries.length;
    await bare.command("dial", sotto.uri);
    ({ id } = await sotto.call("ringing", (call) => call.state === "ringing", { from: before }));
    await sotto.ask("key", { key: "hangup" });
    assert.match((await bare.until("CALL_CLOSED", undefined, from)).param, /^603 /);
    assert.is((await sotto.ended(id)).end?.code, "declined");

    // Busy: the handset has its one call, with somebody else.
    const other = await baresip({ user: "other" });
    const busy = await sotto.dial(other.uri);
    await sotto.state(busy, "active");
    before = sotto.now;
    from = bare.events.entries.length;
    await bare.command("dial", sotto.uri);
    assert.match((await bare.until("CALL_CLOSED", undefined, from)).param, /^486 /);
    const refusal = await sotto.refused(before);
    assert.equal([refusal.status, refusal.code], [486, "busy"]);
    await sotto.ask("hangup", {});
    await sotto.ended(busy);

    // And baresip is.
    const full = await baresip({ user: "full", maxCalls: 1, autoAnswer: true });
    await other.command("dial", full.uri);
    await full.until("CALL_ESTABLISHED");
    id = await sotto.dial(full.uri);
    const end = (await sotto.ended(id)).end;
    assert.equal([end?.status, end?.code, end?.by], [486, "busy", "peer"]);
  });

  calls("a handset whose calls must be secured refuses baresip's clear call: 488 with a Warning", async () => {
    const bare = await baresip();
    const sotto = await handset({
      security: "required",
      keying: { offer: "psk", sharedKeys: [{ peer: "sip:bare@127.0.0.1", file: keyFile(folder) }] },
    });
    await bare.command("dial", sotto.uri);
    assert.match((await bare.until("CALL_CLOSED")).param, /^488 /);
    const refusal = await sotto.refused(0);
    assert.equal([refusal.status, refusal.code], [488, "not-secured"]);
    const sent = await eventually("the 488 on the tap", 20_000, () =>
      sotto.sip().find((one) => one.direction === "sent" && one.text.startsWith("SIP/2.0 488")),
    );
    assert.match(sent.text, /^Warning: \d{3} \S+ "secured call required/m);
    // Nothing clear leaves either: baresip refuses the secured offer, and that is the end of it.
    const id = await sotto.dial(bare.uri);
    const { end, statistics } = await sotto.ended(id);
    assert.is(end?.status, 488);
    assert.is(statistics?.packetsSent ?? 0, 0);
    assert.is((await sotto.status()).callsSoFar.refused, 1);
  });

  calls("a handset that prefers secured calls ends in an open one with baresip, and says so", async () => {
    const bare = await baresip();
    const sotto = await handset({
      security: "preferred",
      keying: { offer: "psk", sharedKeys: [{ peer: "sip:bare@127.0.0.1", file: keyFile(folder) }] },
    });
    const id = await sotto.dial(bare.uri);
    const active = await sotto.state(id, "active");
    assert.is(active.security.state, "open");
    const invite = sotto.sip().find((one) => one.direction === "sent" && one.text.startsWith("INVITE"));
    assert.match(invite?.text ?? "", /^m=audio \d+ RTP\/SAVP /m);
    assert.match(invite?.text ?? "", /^m=audio \d+ RTP\/AVP /m);
    await bothHear(sotto, bare, id, () => sotto.ask("hangup", {}));
    await handsetHeard(sotto);
  });

  calls.run();
}

function keyFile(folder: string): string {
  return writeSharedKey(join(folder, "key.hex"), "00112233445566778899aabbccddeeff");
}
