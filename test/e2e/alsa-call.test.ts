// A secured call of two handset processes over ALSA and a PulseAudio server of the test's own: what one says the other hears, sample by
// sample, also with every core busy, and again after the card was gone. SOTTO_LONG=1 makes it the 60 s call:
// SOTTO_LONG=1 scripts/test alsa-call

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readWav, resample } from "../../firmware/audio/index.js";
import { haveAlsa } from "../drivers/audio/virtual-card/virtual-card.js";
import { needTool } from "../interop/tools.js";
import { type Comparison, compare, endRate, SoundEnd } from "../support/alsa-ends.js";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { TestAuthority } from "../support/identities.js";
import { PulseServer } from "../support/pulse.js";
import { endWithUs, Started } from "../support/started.js";
import { watchStolen } from "../support/stolen.js";
import { eventually, pause } from "../support/wait.js";
import { checkout } from "../vectors.js";

const long = process.env["SOTTO_LONG"] !== undefined;
const TALK_S = long ? 60 : 5;
/**
 * Times the jitter buffer may change its delay while somebody speaks (in a pause it loses nothing): it adapts to a machine that has other
 * things to do.
 */
const MOST_SHIFTS = { quiet: 1 + Math.floor(TALK_S / 60), busy: 2 + Math.floor(TALK_S / 20) };
/** Samples that may differ each time it does: a frame of 20 ms said twice, made up or left out, and the pieces it begins and ends in. */
const SHIFT_SAMPLES = 2 * 160;
/** So often it is tried to measure at all. */
const TRIES = 6;

/** The measuring ends were late themselves, so that nothing was measured: no word about the phones. */
class Unmeasured extends Error {}

const call = suite("a call over ALSA");

function speech(name: string): Int16Array {
  const wav = readWav(readFileSync(join(checkout, "scripts", "demo-voices", name)));
  if (!wav.ok) throw new Error(wav.error.text);
  return resample(wav.value.samples, wav.value.rate, endRate);
}

/** Gives every core something else to do, in processes of their own. @returns what ends it. */
function keepBusy(): () => void {
  const children = Array.from({ length: availableParallelism() }, () => {
    const child = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
    endWithUs(child.pid!, new Promise((resolve) => child.once("exit", resolve)));
    return child;
  });
  return () => {
    for (const child of children) child.kill("SIGKILL");
  };
}

if ((await haveAlsa()) && needTool("pulseaudio")) {
  const folder = suiteFolder("alsa");
  const pulse = new PulseServer(
    join(folder, "pulse"),
    ["mouth-a", "ear-a", "mouth-b", "ear-b", "wire"].map((name) => ({ name, rate: endRate })),
    [
      { name: "alice", capture: "mouth-a", playback: "ear-a" },
      { name: "bob", capture: "mouth-b", playback: "ear-b" },
      { name: "fromalice", playback: "mouth-a", capture: "ear-b" },
      { name: "frombob", playback: "mouth-b", capture: "ear-a" },
      { name: "wire", playback: "wire", capture: "wire" },
    ],
  );
  Object.assign(process.env, pulse.environment);
  const started = new Started();
  const said = { alice: speech("alice.wav"), bob: speech("bob.wav") };
  let alice: HandsetProcess;
  let bob: HandsetProcess;
  async function begin(): Promise<void> {
    await pulse.start();
    const authority = await TestAuthority.create(folder, "ca");
    const handset = async (user: string) =>
      started.keep(
        HandsetProcess.start({
          folder: join(folder, user),
          user,
          security: "required",
          keying: await authority.keyingFor(`sip:${user}@127.0.0.1`),
          // Collecting garbage with the help of threads of ordinary priority lets a real-time thread wait for them.
          node: ["--single-threaded-gc"],
          autoAnswerMs: user === "bob" ? 0 : undefined,
          more: { devices: { audio: { driver: "alsa", device: user, periods: 3, reopenMs: 100 } } },
        }),
      );
    alice = await handset("alice");
    bob = await handset("bob");
  }
  async function finish(): Promise<void> {
    await started.stop();
    await pulse.stop();
  }

  const end = (device: string, says: Int16Array): SoundEnd => {
    const one = new SoundEnd(folder, device, says);
    void started.keep(Promise.resolve(one));
    return one;
  };
  const bothEnds = () => [end("fromalice", said.alice), end("frombob", said.bob)] as const;

  /** What a wire in place of the call delays: the ends' own part of it, ms. */
  async function endsDelayMs(): Promise<number> {
    const wire = end("wire", said.alice);
    await pause(3000);
    const { heard } = await wire.finish();
    const { delayMs, exact, compared } = compare(said.alice, heard.subarray(endRate), endRate, false);
    if (exact !== compared) throw new Unmeasured("the wire itself is not exact");
    return delayMs;
  }

  async function establish(): Promise<void> {
    const id = await alice.dial(bob.uri);
    await alice.state(id, "active");
    const [{ security }] = (await bob.status()).calls;
    assert.is(security.state, "secure");
    // Full volume: nothing but G.711 lies between what is said and what is heard.
    for (const phone of [alice, bob]) for (let i = 0; i < 4; i++) await phone.ask("key", { key: "volumeUp" });
  }

  /** Lets both speak for a while, and says what the other heard in that while. Ends the ends. */
  async function talk(ends: readonly [SoundEnd, SoundEnd], seconds: number) {
    const from = await Promise.all(ends.map((one) => one.frames()));
    await pause(seconds * 1000);
    const to = await Promise.all(ends.map((one) => one.frames()));
    const finished = await Promise.all(ends.map((one) => one.finish()));
    return {
      xruns: finished.map((one) => one.xruns),
      compared: finished.map(({ heard }, i) =>
        compare(i === 0 ? said.alice : said.bob, heard.subarray(from[i], to[i]), from[i]),
      ),
    };
  }

  const xruns = async () => [(await alice.status()).sound.xruns, (await bob.status()).sound.xruns];
  const tell = (what: string, compared: readonly Comparison[], wireMs: number) => {
    for (const [i, { delayMs, exact, compared: all, correlation, shifts }] of compared.entries())
      console.log(
        `${what}, ${i === 0 ? "Alice to Bob" : "Bob to Alice"}: mouth to ear ${(delayMs - wireMs).toFixed(1)} ms, ` +
          `${exact} of ${all} samples exact, ${shifts} shifts, correlation ${correlation.toFixed(4)}`,
      );
  };

  /**
   * Tries until a machine that is busy with other things lets it be measured.
   * @param judge throws {@link Unmeasured} when it was not, and anything else when something was not as it should be: that fails at once, unless
   * the machine itself was held up.
   */
  async function tries(judge: () => Promise<void>): Promise<void> {
    for (let left = TRIES; ; left--) {
      const stolen = watchStolen();
      try {
        await begin();
        return await judge();
      } catch (error) {
        const why = error instanceof Unmeasured ? error.message : stolen();
        if (left <= 1 || why === undefined) throw error;
        console.log(`once more: ${why}`);
      } finally {
        await finish();
      }
    }
  }

  /** Nothing may differ but what a change of the jitter buffer's delay explains. */
  function judge(compared: readonly Comparison[], most: number): void {
    for (const { exact, compared: all, shifts } of compared) {
      const words = `${exact} of ${all} samples exact, ${shifts} shifts`;
      assert.ok(all - exact <= Math.min(shifts, most) * SHIFT_SAMPLES, words);
    }
  }

  async function talkAndCompare(what: keyof typeof MOST_SHIFTS, load: () => () => void): Promise<void> {
    const wireMs = await endsDelayMs();
    const ends = bothEnds();
    await establish();
    const unload = load();
    await pause(1500);
    const before = await xruns();
    const { compared, xruns: endXruns } = await talk(ends, TALK_S);
    const after = await xruns();
    unload();
    tell(`${TALK_S} s, the machine ${what}`, compared, wireMs);
    if (endXruns.some((count) => count > 0)) throw new Unmeasured(`the ends over- or under-ran: ${endXruns}`);
    assert.equal(after, before, "xruns of the phones");
    judge(compared, MOST_SHIFTS[what]);
  }

  call("both hear each other, sample by sample", () =>
    tries(async () => {
      await talkAndCompare("quiet", () => () => {});
      assert.equal(await xruns(), [0, 0]);
    }),
  );

  call("the same with every core busy", () => tries(() => talkAndCompare("busy", keepBusy)));

  call("the card goes and comes back in the middle of the call: the call lives, and both hear each other again", () =>
    tries(async () => {
      let ends = bothEnds();
      await establish();
      await pause(1500);
      for (const one of ends) await one.stop();
      await pulse.stop();
      await eventually("both to miss their cards", 20_000, async () => {
        const states = await Promise.all([alice.status(), bob.status()]);
        return states.every(({ sound }) => sound.state === "lost") || undefined;
      });
      await pause(1000);
      assert.is((await alice.status()).calls[0]?.state, "active");
      await pulse.start();
      await eventually("both to have their cards back", 20_000, async () => {
        const states = await Promise.all([alice.status(), bob.status()]);
        return states.every(({ sound }) => sound.state === "ok") || undefined;
      });
      ends = bothEnds();
      await pause(1500);
      const { compared, xruns: endXruns } = await talk(ends, 3);
      tell("3 s after the card came back", compared, 0);
      if (endXruns.some((count) => count > 0)) throw new Unmeasured(`the ends over- or under-ran: ${endXruns}`);
      assert.is((await alice.status()).calls[0]?.state, "active");
      judge(compared, MOST_SHIFTS.quiet);
    }),
  );
}

call.run();
