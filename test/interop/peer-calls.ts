// The same calls with any telephone of other people, over any transport: both directions, tones heard at both ends, hold and resume
// from either end, hang-up from either end, and every way not to have a call.

import type { Test } from "uvu";
import * as assert from "uvu/assert";
import type { HandsetProcess } from "../support/handset-process.js";
import type { ToneReport } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";

/** A telephone of other people. `from` is a {@link mark} taken before. */
export interface PeerPhone {
  /** How we call it. */
  readonly uri: string;
  /** Number of things it has told so far. */
  readonly mark: number;
  dial(uri: string): Promise<unknown>;
  accept(): Promise<unknown>;
  /** Ends, cancels or declines its call. */
  hangup(): Promise<unknown>;
  hold(): Promise<unknown>;
  resume(): Promise<unknown>;
  /** Its phone rings. */
  incoming(from: number): Promise<unknown>;
  /** It hears that ours rings. */
  ringing(from: number): Promise<unknown>;
  up(from: number): Promise<unknown>;
  /** Its call is over, its recording closed. */
  over(from: number): Promise<unknown>;
  /** What it has heard since {@link forget}. */
  heard(hz: number): ToneReport;
  forget(): void;
}

/** Who takes part. */
export interface PeerCalls {
  /** Answers by hand and has one call at most. */
  readonly sotto: () => HandsetProcess;
  /** Answers by hand and has one call at most. */
  readonly peer: () => PeerPhone;
  /** A second handset, answering by itself: who is busy talks with it. */
  readonly third: () => HandsetProcess;
  /** Where the peer reaches a handset. */
  readonly reach: (handset: HandsetProcess) => string;
  /** How the call travels: every message of ours must. */
  readonly transport: "udp" | "tcp" | "tls";
  /** What each says, Hz. */
  readonly ours: number;
  readonly theirs: number;
}

/** How much of the tone each end must hear, ms. */
const HEARD_MS = 500;

/** Adds the tests to a suite. */
export function addPeerCalls(calls: Test, { sotto, peer, third, reach, transport, ours, theirs }: PeerCalls): void {
  /** A call of ours, or one of theirs, up. @returns our number of it. */
  async function connect(weCall: boolean): Promise<number> {
    const [us, other] = [sotto(), peer()];
    const mark = other.mark;
    let id: number;
    if (weCall) {
      id = await us.dial(other.uri);
      await us.state(id, "ringing");
      await other.incoming(mark);
      await other.accept();
    } else {
      const from = us.now;
      await other.dial(reach(us));
      ({ id } = await us.call("ringing", (call) => call.state === "ringing", { from }));
      await other.ringing(mark);
      await us.ask("key", { key: "call" });
    }
    await us.state(id, "active");
    await other.up(mark);
    return id;
  }

  /** Packets each way in 400 ms. */
  async function rate(): Promise<{ readonly got: number; readonly sent: number }> {
    const now = async () => (await sotto().status()).calls[0].voice as { packetsReceived: number; packetsSent: number };
    const before = await now();
    await pause(400);
    const after = await now();
    return { got: after.packetsReceived - before.packetsReceived, sent: after.packetsSent - before.packetsSent };
  }

  async function isRunning(): Promise<void> {
    await eventually("packets each way", 20_000, async () => {
      const { got, sent } = await rate();
      return got >= 12 && sent >= 12;
    });
  }

  async function hangUp(id: number, byUs: boolean, wasHeld = false): Promise<void> {
    const [us, other] = [sotto(), peer()];
    const mark = other.mark;
    await (byUs ? us.ask("hangup", {}) : other.hangup());
    const ended = await us.ended(id);
    assert.equal([ended.end?.by, ended.end?.code], [byUs ? "us" : "peer", "hangup"]);
    await other.over(mark);
    const { packetsLost, dropped } = ended.statistics ?? {};
    assert.is(packetsLost, 0);
    // RTCP that is no compound and STUN on the voice port are the peer's own ways; every voice packet is taken.
    const allowed = ["malformed", "stun"];
    // A packet may be on its way when the call is put on hold.
    if (wasHeld) allowed.push("not-expected");
    const others = Object.entries(dropped ?? {}).filter(([why, count]) => count > 0 && !allowed.includes(why));
    assert.equal(others, []);
  }

  /** Every message of the suite so far went the way it should. */
  function isOver(): void {
    const ways = sotto().sip() as unknown as { transport: string; text: string }[];
    assert.equal([...new Set(ways.map((message) => message.transport))], [transport]);
  }

  for (const [weCall, weHangUp] of [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ]) {
    const who = weCall ? "we call" : "they call";
    calls(`${who}, each hears the other, ${weHangUp ? "we" : "they"} hang up`, async () => {
      const [us, other] = [sotto(), peer()];
      other.forget();
      const before = us.heard(theirs).toneMs;
      const id = await connect(weCall);
      await eventually("their tone at our ear", 20_000, () => us.heard(theirs).toneMs > before + HEARD_MS);
      await eventually("our tone at theirs", 20_000, () => other.heard(ours).toneMs > HEARD_MS);
      await hangUp(id, weHangUp);
      const { toneMs, soundMs } = other.heard(ours);
      assert.ok(toneMs > HEARD_MS, `they heard ${toneMs} ms of our tone`);
      // A machine that wakes its sound card late leaves seams, which are not tone.
      assert.ok(toneMs > 0.6 * soundMs, `${soundMs - toneMs} of ${soundMs} ms of what they heard is no tone`);
      isOver();
    });
  }

  calls("hold and resume from either end", async () => {
    const [us, other] = [sotto(), peer()];
    const id = await connect(true);
    await isRunning();

    let from = us.now;
    await us.ask("hold", {});
    await us.call("held", (call) => call.state === "held", { from });
    await eventually("silence from who is held", 20_000, async () => (await rate()).got <= 1);
    from = us.now;
    await us.ask("resume", {});
    await us.call("resumed", (call) => call.state === "active", { from });
    await isRunning();

    from = us.now;
    await other.hold();
    await us.call("held by the peer", (call) => call.heldByPeer, { from });
    await eventually("silence for who holds us", 20_000, async () => (await rate()).sent <= 1);
    from = us.now;
    await other.resume();
    await us.call("taken back", (call) => !call.heldByPeer && call.state === "active", { from });
    await isRunning();
    await hangUp(id, true, true);
  });

  calls("ringing: either end cancels, either end declines", async () => {
    const [us, other] = [sotto(), peer()];

    let mark = other.mark;
    let id = await us.dial(other.uri);
    await us.state(id, "ringing");
    await other.incoming(mark);
    await us.ask("key", { key: "hangup" });
    assert.is((await us.ended(id)).end?.code, "cancelled");
    await other.over(mark);

    mark = other.mark;
    id = await us.dial(other.uri);
    await us.state(id, "ringing");
    await other.incoming(mark);
    await other.hangup();
    const { end } = await us.ended(id);
    assert.is(end?.by, "peer");
    assert.ok([486, 603].includes(end?.status ?? 0), JSON.stringify(end));
    await other.over(mark);

    let from = us.now;
    mark = other.mark;
    await other.dial(reach(us));
    ({ id } = await us.call("ringing", (call) => call.state === "ringing", { from }));
    await other.ringing(mark);
    await other.hangup();
    const missed = (await us.ended(id)).end;
    assert.equal([missed?.by, missed?.code], ["peer", "cancelled"]);
    await other.over(mark);

    from = us.now;
    mark = other.mark;
    await other.dial(reach(us));
    ({ id } = await us.call("ringing", (call) => call.state === "ringing", { from }));
    await us.ask("key", { key: "hangup" });
    assert.is((await us.ended(id)).end?.code, "declined");
    await other.over(mark);
    const codes = us.sip().flatMap(({ text }) => (/^SIP\/2\.0 (\d+)/.exec(text)?.[1] ?? []) as string);
    assert.ok(codes.includes("487") && codes.includes("603"), codes.join(" "));
    isOver();
  });

  calls("busy, either end", async () => {
    const [us, other, somebody] = [sotto(), peer(), third()];
    const busy = await us.dial(reach(somebody));
    await us.state(busy, "active");
    let mark = other.mark;
    const from = us.now;
    await other.dial(reach(us));
    const refusal = await us.refused(from);
    assert.equal([refusal.status, refusal.code], [486, "busy"]);
    await other.over(mark);
    await us.ask("hangup", {});
    await us.ended(busy);
    await eventually("the third to be free", 20_000, async () => (await somebody.status()).calls.length === 0);

    mark = other.mark;
    await other.dial(reach(somebody));
    await other.up(mark);
    const id = await us.dial(other.uri);
    const { end } = await us.ended(id);
    assert.equal([end?.status, end?.code, end?.by], [486, "busy", "peer"]);
    await other.hangup();
    await other.over(mark);
    isOver();
  });
}
