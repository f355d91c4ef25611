// Which calls are rehearsed when the phone is up, and when. Part of the composition root.

import { isIPv6 } from "node:net";
import { availableParallelism } from "node:os";
import type { Calls } from "./call/index.js";
import type { Config } from "./config/index.js";
import type { Voice } from "./media/voice.js";
import { MemoryReplayCache } from "./mikey/index.js";
import { type KeyingShared, openRehearsedKeying } from "./open-keying.js";
import { type Alike, type RehearsalReport, rehearse } from "./rehearsal.js";
import { RehearsedKeyPairs } from "./rehearsed-key-pairs.js";
import {
  Log,
  optimiseSooner,
  type Shutdown,
  silentLog,
  systemClock,
  systemTimers,
  watchClosely,
} from "./runtime/index.js";
import { loopbackTransports } from "./signalling.js";
import { isWildcard } from "./sip/index.js";

/**
 * Calls played when the phone is up. On a slow device as many as it takes until V8 has optimised most of what they run, which it does between the
 * fiftieth and the hundredth: a real call between those waits for some of it. A quick one has that later, when more is known of what calls consist of.
 */
const FIRST_CALLS = 40;
const FIRST_CALLS_SLOW = 130;
/** So long at most, ms: a slow device is not kept busy, one with a single processor least. */
const FIRST_LIMIT_MS = availableParallelism() > 1 ? 14_000 : 6000;
/**
 * Calls played in a quiet phone's spare time after the first: code is compiled better the more often it has run. The first of them come quickly, a
 * phone that was just switched on has nothing else to do.
 */
const FURTHER_CALLS = 260;
const FURTHER_LIMIT_MS = 120_000;
const SOON = 60;
/** A device on which a rehearsed call takes longer is slow, ms. */
const QUICK_MS = 20;

/** A tenth of the phone's time or less: a real call that meets a rehearsed one waits for it. Seldom on a slow device, where it would wait long. */
function pauseMs(played: number, lastMs: number): number {
  if (lastMs >= QUICK_MS) return Math.max(3000, 30 * lastMs);
  return played < SOON ? Math.max(80, 10 * lastMs) : Math.max(250, 10 * lastMs);
}

/** What rehearsed calls are made of. */
export interface RehearsalParts {
  readonly shared: KeyingShared;
  readonly voice: Voice;
  /** The real ones: where there are any, rehearsing waits. */
  readonly calls: Calls;
  /** What the real ones meet. */
  readonly alike: Omit<Alike, "log">;
  readonly shutdown: Shutdown;
}

/** Plays calls inside the process, so that the first real one is as fast as the hundredth. Resolves when the first have been played; never rejects. */
export function rehearseCalls(config: Config, parts: RehearsalParts): Promise<void> {
  return new Promise((resolve) => {
    void playCalls(config, parts, resolve).finally(resolve);
  });
}

async function playCalls(config: Config, parts: RehearsalParts, begun: () => void): Promise<void> {
  const { shared, voice, calls, shutdown } = parts;
  const { log } = shared;
  const keyPairs = new RehearsedKeyPairs(shared.random);
  const apart = { ...shared, replay: new MemoryReplayCache(), keyPairs, log: silentLog };
  // As many calls as V8 usually waits for before it optimises are never rehearsed, and rarely made in a phone's life: it is to do so sooner.
  watchClosely();
  let isQuick = true;
  let asUsual: (() => void) | undefined;
  try {
    const accounts = config.accounts.map((account) => {
      const { uri, security, codecs } = account;
      return { uri, security, codecs, keying: openRehearsedKeying(account, apart) };
    });
    const able = accounts.filter(({ security, keying }) => security !== "required" || keying.length > 0);
    await rehearseVoice(voice, config.sip.address, shared.random);
    const ending = new AbortController();
    shutdown.add("rehearsal", () => ending.abort());
    const further = {
      ...{ calls: FURTHER_CALLS, limitMs: FURTHER_LIMIT_MS, signal: ending.signal },
      pauseMs: (played: number, lastMs: number) => {
        // Not while the first real call is likely, whose time it would take.
        if (played >= SOON && isQuick) asUsual ??= optimiseSooner();
        return pauseMs(played, lastMs);
      },
      begins: (report: RehearsalReport) => {
        log.info("rehearsed", { ...report });
        // The only processor of a slow device has no time for it at all.
        isQuick = report.lastMs < QUICK_MS || availableParallelism() > 1;
        begun();
      },
    };
    const isQuiet = () => calls.list().length === 0 && !calls.isLikely;
    const alike = { ...parts.alike, log: new Log("rehearsal", () => {}, config.log.level) };
    const { random } = shared;
    const slow = { fromMs: QUICK_MS, calls: FIRST_CALLS_SLOW };
    const first = { calls: FIRST_CALLS, slow, budgetMs: FIRST_LIMIT_MS };
    const common = { clock: systemClock, timers: systemTimers, random, ...first, isQuiet, alike, further };
    const transports = await loopbackTransports(config.sip.transports);
    const report = await rehearse(able, transports ? { ...common, transports } : common);
    log.info("rehearsed-further", { ...report });
  } catch (error) {
    log.warn("rehearsal-failed", { error: error instanceof Error ? error.message : String(error) });
  } finally {
    asUsual?.();
    keyPairs.close();
  }
}

/** Longest that two streams are given to hear each other, ms. */
const VOICE_MS = 500;

/** Two secured streams say nothing to each other for a moment: what carries a voice is then compiled, and the card has been opened once. */
async function rehearseVoice(voice: Voice, address: string, random: (length: number) => Uint8Array): Promise<void> {
  const heard: Promise<void>[] = [];
  const open = (ssrc: number) => {
    let hears = () => {};
    heard.push(
      new Promise((resolve) => {
        hears = resolve;
      }),
    );
    const firstPacket = (direction: "sent" | "received") => direction === "received" && hears();
    return voice.open({ call: 0, ssrc, cname: "rehearsal" }, { firstPacket, digit() {}, silent() {} });
  };
  const streams = [await open(1), await open(2)];
  try {
    const [tx, rx] = [0, 1].map(() => ({
      ...{ suite: "AES_CM_128_HMAC_SHA1_80" as const, masterKey: random(16), masterSalt: random(14), roc: 0 },
    }));
    const codec = { payloadType: 0, name: "PCMU", clockRate: 8000 };
    const remoteAddress = isWildcard(address) ? (isIPv6(address) ? "::1" : "127.0.0.1") : address;
    for (const [i, stream] of streams.entries()) {
      const { rtpPort: remotePort, rtcpPort: remoteRtcpPort } = streams[1 - i];
      stream.keys(i === 0 ? tx : rx, i === 0 ? rx : tx);
      stream.mute(true);
      const to = { remoteAddress, remotePort, remoteRtcpPort, codec, ptimeMs: 20 };
      stream.start({ ...to, direction: "sendrecv", security: "srtp" });
    }
    for (const { masterKey, masterSalt } of [tx, rx]) {
      masterKey.fill(0);
      masterSalt.fill(0);
    }
    await Promise.race([Promise.all(heard), new Promise((resolve) => systemTimers.after(VOICE_MS, () => resolve(0)))]);
  } finally {
    await Promise.all(streams.map((stream) => stream.close()));
  }
}
