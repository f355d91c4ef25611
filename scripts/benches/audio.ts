// Benchmark: from mouth to ear through ALSA, and what it costs: our calls and baresip's, on one PulseAudio server, turn by turn.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readWav, resample } from "../../firmware/audio/index.js";
import { haveAlsa } from "../../test/drivers/audio/virtual-card/virtual-card.js";
import { Baresip, baresipMissing } from "../../test/interop/baresip.js";
import { which } from "../../test/interop/tools.js";
import { compare, endRate, SoundEnd } from "../../test/support/alsa-ends.js";
import { HandsetProcess } from "../../test/support/handset-process.js";
import { TestAuthority } from "../../test/support/identities.js";
import { PulseServer } from "../../test/support/pulse.js";
import { Started } from "../../test/support/started.js";
import { pause } from "../../test/support/wait.js";
import { checkout } from "../../test/vectors.js";
import type { Benchmark } from "./benchmark.js";

const ROUNDS = 3;
const SETTLE_MS = 3000;
const TALK_MS = 6000;
/** Clock ticks of /proc/PID/stat a second. */
const TICKS = 100;

/** Processor time a process has taken, ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
}

function speech(): Int16Array {
  const wav = readWav(readFileSync(join(checkout, "scripts", "demo-voices", "alice.wav")));
  if (!wav.ok) throw new Error(wav.error.text);
  return resample(wav.value.samples, wav.value.rate, endRate);
}

/** The benchmark. */
export const audio: Benchmark = {
  name: "audio",
  description:
    "mouth-to-ear latency and processor time of a call over ALSA, beside baresip on the same PulseAudio (--rounds: how many)",
  async run(context) {
    if (!(await haveAlsa()) || !which("pulseaudio")) throw new Error("it needs gcc, libasound2-dev and pulseaudio");
    const folder = mkdtempSync(join(tmpdir(), "sotto-bench-audio-"));
    const says = speech();
    const pulse = new PulseServer(
      join(folder, "pulse"),
      ["mouth-a", "ear-a", "mouth-b", "ear-b", "wire"].map((name) => ({ name, rate: endRate })),
      [
        { name: "alice", capture: "mouth-a", playback: "ear-a" },
        { name: "bob", capture: "mouth-b", playback: "ear-b" },
        { name: "fromalice", playback: "mouth-a", capture: "ear-b" },
        { name: "wire", playback: "wire", capture: "wire" },
      ],
    );
    Object.assign(process.env, pulse.environment);
    const authority = await TestAuthority.create(folder, "ca");
    const started = new Started();
    let made = 0;

    const handsets = (secured: boolean, periodFrames: number, periods: number) => async () => {
      const make = async (user: string) =>
        started.keep(
          HandsetProcess.start({
            folder: join(folder, `${user}-${++made}`),
            user,
            security: secured ? "required" : "off",
            keying: secured ? await authority.keyingFor(`sip:${user}@127.0.0.1`) : undefined,
            node: ["--single-threaded-gc"],
            autoAnswerMs: user === "bob" ? 0 : undefined,
            more: { devices: { audio: { driver: "alsa", device: user, periodFrames, periods } } },
          }),
        );
      const [alice, bob] = [await make("alice"), await make("bob")];
      await alice.state(await alice.dial(bob.uri), "active");
      return [alice.pid, bob.pid];
    };
    /** Its packets are as long as its periods; it gets the priority ours have. */
    const baresips = (packetMs: number) => async () => {
      const make = (user: string) =>
        started.keep(
          Baresip.start({
            ...{ folder: join(folder, `${user}-${++made}`), user, codecs: ["PCMU"], says: "", alsa: user },
            ...{ packetMs, realtime: 10 },
          }),
        );
      const [alice, bob] = [await make("alice"), await make("bob")];
      await alice.command("dial", bob.uri);
      return [alice.pid, bob.pid];
    };

    const lacking = baresipMissing();
    if (lacking) context.note(`not beside ${lacking}: it is not here`);
    const variants = [
      { name: "Sotto, secured, 3 x 10 ms", call: handsets(true, 80, 3) },
      { name: "Sotto, open, 3 x 10 ms", call: handsets(false, 80, 3) },
      { name: "Sotto, secured, 2 x 20 ms", call: handsets(true, 160, 2) },
      ...(lacking
        ? []
        : [
            { name: "baresip, open, 10 ms", call: baresips(10) },
            { name: "baresip, open, 20 ms", call: baresips(20) },
          ]),
    ];
    const latency: number[][] = variants.map(() => []);
    const cpu: number[][] = variants.map(() => []);
    const likeness: number[][] = variants.map(() => []);

    /** Speaks for a while, and says how much later it was heard. */
    async function heard(device: string, ms: number, coded: boolean, meanwhile: () => void = () => {}) {
      const end = new SoundEnd(folder, device, says);
      void started.keep(Promise.resolve(end));
      await pause(SETTLE_MS);
      const from = await end.frames();
      meanwhile();
      await pause(ms);
      const to = await end.frames();
      meanwhile();
      const { heard: all, xruns } = await end.finish();
      return { ...compare(says, all.subarray(from, to), from, coded), xruns };
    }

    try {
      const rounds = context.rounds ?? ROUNDS;
      for (let round = 0; round < rounds; round++)
        for (const [i, { name, call }] of variants.entries()) {
          context.status(`round ${round + 1} of ${rounds}: ${name}`);
          await pulse.start();
          try {
            const wire = await heard("wire", 1500, false);
            const pids = await call();
            const spent: number[] = [];
            const result = await heard("fromalice", TALK_MS, true, () =>
              spent.push(pids.reduce((sum, pid) => sum + cpuMs(pid), 0)),
            );
            if (result.correlation < 0.5 || result.xruns || wire.xruns)
              context.note(`round ${round + 1}, ${name}: left out, the machine was too busy to measure`);
            else {
              latency[i].push(result.delayMs - wire.delayMs);
              cpu[i].push(((spent[1] - spent[0]) / pids.length / TALK_MS) * 100);
              likeness[i].push(result.correlation);
            }
          } finally {
            await started.stop();
            await pulse.stop();
          }
        }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const series = (samples: number[][]) =>
      variants.map(({ name }, i) => ({ name, samples: samples[i] })).filter((one) => one.samples.length > 0);
    context.report({ title: "mouth to ear", unit: "ms", series: series(latency), paired: false });
    context.report({
      title: "processor time of one phone in the call",
      unit: "% of a core",
      series: series(cpu),
      paired: false,
    });
    context.note(
      "Packets: ours of 20 ms; baresip's as long as its periods, with the least buffer that its audio_buffer takes.",
    );
    context.report({ title: "correlation of said and heard", unit: "", series: series(likeness), paired: false });
    context.note(
      "Mouth to ear is what the call adds to a wire in its place: both ends measure on one clock, to the sample. The jitter buffer is a part of it.",
    );
  },
};
