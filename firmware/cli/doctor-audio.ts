// `sotto doctor audio`: uses the sound card and says what was found, in words or as JSON.

import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import {
  type AudioFindings,
  examineAudio,
  findBoard,
  listSound,
  openAudio,
  soundCardOf,
} from "../../platform/index.js";
import { loadConfig } from "../config/index.js";

interface Options {
  readonly config: string;
  readonly board?: string;
  readonly json?: boolean;
  readonly device?: string;
  readonly capture?: string;
  readonly playback?: string;
  readonly rate?: number;
  readonly period?: number;
  readonly periods?: number;
  readonly seconds: number;
  readonly list?: boolean;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("a whole number from 1 up");
  return value;
}

/** Adds `audio` to the doctor's commands, which have `--config` and `--board` in common. */
export function addDoctorAudio(doctor: Command): void {
  doctor
    .command("audio")
    .description("play a short noise, record, and report round-trip latency, xruns and levels")
    .option("--device <name>", "look at this ALSA device instead")
    .option("--capture <name>", "another ALSA device to record from")
    .option("--playback <name>", "another ALSA device to play on")
    .option("--rate <hz>", "wanted sample rate", whole)
    .option("--period <frames>", "wanted period", whole)
    .option("--periods <n>", "periods playback holds ahead", whole)
    .option("--seconds <n>", "how long to look, 2 to 60", whole, 3)
    .option("--list", "only list ALSA's sound cards and devices")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { json } = options;
      if (options.list) {
        const sound = await listSound();
        console.log(json ? JSON.stringify(sound) : soundWords(sound));
        return;
      }
      const card = await chosen(options);
      const findings = await examineAudio(openAudio(card.driver, card.options), card.wanted, options.seconds);
      console.log(json ? JSON.stringify({ ...card, findings }) : findingWords(card, findings));
      if (findings.periods === 0 || findings.xruns.capture + findings.xruns.playback > 0) process.exitCode = 1;
    });
}

/** The configured card, or the one named on the command line. */
async function chosen({ config, board, device, capture, playback, rate, period, periods }: Options) {
  const named = device !== undefined || capture !== undefined || playback !== undefined;
  const configured = !named && existsSync(config) ? loadConfig(config) : undefined;
  const given = {
    ...(configured?.devices["audio"] ?? (board === undefined ? { driver: "alsa" } : {})),
    ...(named ? { driver: "alsa", device, capture, playback } : {}),
    ...(rate ? { rate } : {}),
    ...(period ? { periodFrames: period } : {}),
    ...(periods ? { periods } : {}),
  };
  const found = findBoard(board ?? configured?.board ?? "host");
  return soundCardOf(found, Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
}

type Sound = Awaited<ReturnType<typeof listSound>>;

function soundWords({ cards, pcms }: Sound): string {
  const ways = (one: { capture: boolean; playback: boolean }) =>
    [one.capture && "records", one.playback && "plays"].filter(Boolean).join(" and ");
  return [
    cards.length ? "cards:" : "no sound card in this machine",
    ...cards.flatMap((card) => [
      `  ${card.name} (hw:${card.id}, ${card.driver})`,
      ...card.pcms.map((pcm) => `    ${pcm.device}  ${pcm.name ?? ""} ${ways(pcm)}`),
    ]),
    "names:",
    ...pcms.map((pcm) => `  ${pcm.device}  ${pcm.description.split("\n")[0]} (${ways(pcm)})`),
  ].join("\n");
}

/** What was found, and what to do about what is wrong. */
export function findingWords(
  card: { readonly driver: string; readonly options: Readonly<Record<string, unknown>> },
  found: AudioFindings,
): string {
  const db = (level: number) => `${level.toFixed(0)} dB`;
  const { xruns, delayMs } = found;
  const periodMs = (found.periodFrames * 1000) / found.rate;
  const lines = [
    `sound card: driver ${card.driver}, ${found.rate} Hz, periods of ${found.periodFrames} frames (${periodMs.toFixed(1)} ms)` +
      (found.linked ? ", both directions start at the same sample" : ""),
    `ran ${found.seconds.toFixed(1)} s: ${found.periods} periods, ${xruns.capture} capture and ${xruns.playback} playback xruns` +
      (xruns.framesLost ? ` (${xruns.framesLost} frames lost)` : "") +
      `, longest wait for a period ${found.longestGapMs.toFixed(1)} ms`,
    `the card says: ${delayMs.playback.toFixed(1)} ms wait to be played, ${delayMs.capture.toFixed(1)} ms to be read`,
    `played at ${db(found.played.peakDb)} peak; recorded ${db(found.recorded.rmsDb)} mean, ${db(found.recorded.peakDb)} peak`,
    found.roundTripMs === undefined
      ? "round trip: what was played was not heard by the microphone (no acoustic way, or a volume at zero)"
      : `round trip: ${found.roundTripMs.toFixed(1)} ms from handing over to having back (likeness ${found.likeness.toFixed(2)})`,
    ...found.told,
  ];
  if (found.periods === 0) lines.push("the card gave no periods: is it a device with a clock?");
  if (xruns.capture + xruns.playback > 0)
    lines.push(
      "xruns: raise devices.audio.periods or periodFrames, or let the user have real-time priority (LimitRTPRIO=)",
    );
  if (found.recorded.peakDb < -80)
    lines.push("the microphone is silent: look at the capture switch and volume (alsamixer)");
  if (found.recorded.peakDb > -0.1) lines.push("the microphone clips: lower the capture volume");
  return lines.join("\n");
}
