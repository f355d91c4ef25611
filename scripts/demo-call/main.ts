// The demo: two handset processes place a call that carries a voice each way, and a report says what came of it.

import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, release, tmpdir, type } from "node:os";
import { basename, join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { CallSnapshot } from "../../firmware/call/types.js";
import { proofWords } from "../../firmware/handset/view.js";
import { makeFolder, systemClock, type TraceEntry } from "../../firmware/runtime/index.js";
import { analyse, type TimedAudio } from "../demo-report/analyse.js";
import { delaysOf } from "../demo-report/delays.js";
import { buildLadder, readTaps, type Side } from "../demo-report/ladder.js";
import { Progress } from "../demo-report/progress.js";
import { type DemoRecord, type HeardRecord, type RingRecord, waveformOf } from "../demo-report/record.js";
import { reportData, writeReport } from "../demo-report/report.js";
import { verdictOf } from "../demo-report/verdict.js";
import { ensureIdentities } from "./identities.js";
import { freePort, Phone, type PhoneFiles, phoneFiles, readLines, untilRehearsed } from "./phone.js";
import { readSamples, recordingTimes, saidAudio } from "./recordings.js";

const uris = { alice: "sip:alice@127.0.0.1", bob: "sip:bob@127.0.0.1" } as const;
const names = { alice: "Alice", bob: "Bob" } as const;
/** How long a person takes from hearing the ring to pressing the key, ms. */
const PICK_UP_MS = 1300;
/** Silence after the last word, so that it is heard out before somebody hangs up, ms. */
const TAIL_MS = 600;

interface DemoOptions {
  readonly keying: "dh" | "psk" | "none";
  readonly seconds: number;
  readonly out: string;
  readonly json: boolean;
}

function readOptions(argv: readonly string[]): DemoOptions {
  const program = new Command("scripts/demo")
    .description(
      "Places a call between two handset processes on this machine, with a spoken recording each way, and reports on it.",
    )
    .addOption(new Option("--keying <method>", "how keys are agreed on").choices(["dh", "psk", "none"]).default("dh"))
    .option(
      "--seconds <n>",
      "how long each side speaks, 2 to 600",
      (text) => {
        const seconds = Number(text);
        if (!(seconds >= 2 && seconds <= 600)) throw new InvalidArgumentError("a number from 2 to 600");
        return seconds;
      },
      9,
    )
    .option("--out <dir>", "where recordings and report go", "out/demo")
    .option("--json", "print the report as JSON and nothing else", false)
    .allowExcessArguments(false)
    .showHelpAfterError();
  return program.parse([...argv]).opts<DemoOptions>();
}

/** The checkout's top folder, given by the launcher. */
function top(): string {
  const folder = process.env["SOTTO_TOP"];
  if (!folder) throw new Error("start the demo with scripts/demo");
  return folder;
}

function voiceOf(side: Side): string {
  return join(top(), "scripts", "demo-voices", `${side}.wav`);
}

function configOf(
  side: Side,
  options: DemoOptions,
  files: PhoneFiles,
  port: number,
  identities: Awaited<ReturnType<typeof ensureIdentities>>["identities"],
): object {
  const other: Side = side === "alice" ? "bob" : "alice";
  return {
    board: "host",
    sip: { address: "127.0.0.1", port, tapFile: files.tap },
    control: files.socket,
    log: { level: "info", file: files.log },
    traceFile: files.trace,
    devices: {
      audio: { captureWav: voiceOf(side), captureLoop: true, captureStart: "trigger", playbackWav: files.heard },
    },
    accounts: [
      {
        uri: uris[side],
        displayName: names[side],
        security: options.keying === "none" ? "off" : "required",
        keying: {
          offer: options.keying === "psk" ? "psk" : "dh",
          certificate: identities.certificateFile(side),
          privateKey: identities.privateKeyFile(side),
          trustAnchors: [identities.authorityFile],
          sharedKeys: [{ peer: uris[other], file: identities.pskFile }],
        },
      },
    ],
  };
}

/** Follows a phone's ringer and vibrator. */
class Rings {
  readonly records: RingRecord[] = [];
  constructor(
    private readonly side: Side,
    private readonly tell: (words: string) => void,
  ) {}
  device(device: string, text: string, atMs: number): void {
    if (device !== "ringer" && device !== "vibrator") return;
    const open = this.records.findIndex((ring) => ring.device === device && ring.offMs === null);
    const on = text.startsWith("on");
    if (on && open < 0) {
      if (!this.records.some((ring) => ring.device === device)) this.tell(`${names[this.side]}'s ${device} is on`);
      this.records.push({ side: this.side, device, onMs: atMs, offMs: null });
    } else if (!on && open >= 0) this.records[open] = { ...this.records[open], offMs: atMs };
  }
  /** True while anything still runs. */
  get running(): boolean {
    return this.records.some((ring) => ring.offMs === null);
  }
}

/** How long a phone may take to get ready, ms. */
const READY_LIMIT_MS = 60_000;

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Runs the call. Returns what the phones said last; throws when there was no call. */
async function converse(
  alice: Phone,
  bob: Phone,
  bobUri: string,
  options: DemoOptions,
  progress: Progress,
  bobRings: Rings,
): Promise<void> {
  const say = (words: string) => progress.event(systemClock.now(), words);
  say(`Alice dials ${bobUri}`);
  await alice.control.ask("dial", { uri: bobUri });
  await bob.until("ring", 10_000, (call) => call.state === "ringing");
  await alice.until("ringback", 5000, (call) => call.state === "ringing");
  say("Bob's phone rings; Alice hears the ringback tone");
  await pause(PICK_UP_MS);
  say("Bob presses the call key");
  await bob.control.ask("simulate", { action: "press", key: "call" });
  const [there, here] = await Promise.all([
    alice.until("answer", 10_000, (call) => call.state === "active"),
    bob.until("answer", 10_000, (call) => call.state === "active"),
  ]);
  if (bobRings.running) await pause(100);
  if (bobRings.running) throw new Error("Bob's phone still rings after it was answered");
  if (bobRings.records.length > 0) say("Bob's phone has stopped ringing");
  for (const [name, call] of [
    ["Alice", there],
    ["Bob", here],
  ] as const)
    say(`${name}'s screen: ${securityWords(call)}`);
  await Promise.all([
    alice.control.ask("simulate", { action: "speak" }),
    bob.control.ask("simulate", { action: "speak" }),
  ]);
  const total = options.seconds * 1000;
  const begun = systemClock.now();
  progress.startSpeech(total);
  for (let spoken = 0; spoken < total; spoken = systemClock.now() - begun) {
    progress.spoken(spoken);
    await pause(Math.min(100, total - spoken));
  }
  progress.spoken(total);
  progress.endSpeech();
  await pause(TAIL_MS);
  say("Alice presses the hang-up key");
  await alice.control.ask("simulate", { action: "press", key: "hangup" });
  await Promise.all([
    alice.until("end", 5000, (call) => call.state === "ended"),
    bob.until("end", 5000, (call) => call.state === "ended"),
  ]);
  say("Both phones are idle again");
}

function securityWords(call: CallSnapshot): string {
  const { security } = call;
  if (security.state !== "secure") return "NOT PRIVATE: anyone on the way can listen";
  const by = proofWords(security.peer.proof);
  return `private (${security.peer.method}, ${security.suite}) with ${security.peer.identity}, ${by}`;
}

/** Compares what one side said with what the other heard. */
function compare(speaker: Side, listener: Side, files: Record<Side, PhoneFiles>, seconds: number): HeardRecord | null {
  const spoke = recordingTimes(files[speaker].heard).spokeAtMs;
  const startedAtMs = recordingTimes(files[listener].heard).startedAtMs;
  if (spoke === null || startedAtMs === null || !existsSync(files[listener].heard)) return null;
  const said = saidAudio(voiceOf(speaker), seconds, spoke);
  const heard: TimedAudio = { ...readSamples(files[listener].heard), startedAtMs };
  return {
    said: waveformOf(basename(voiceOf(speaker)), said),
    heard: waveformOf(basename(files[listener].heard), heard),
    analysis: analyse(said, heard),
  };
}

function last(phone: Phone | undefined): CallSnapshot | undefined {
  return phone && [...phone.calls.values()].at(-1);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv);
  const folder = resolve(options.out);
  await makeFolder(folder);
  accessSync(folder, constants.W_OK);
  const sockets = mkdtempSync(join(tmpdir(), "sotto-demo-"));
  const files = { alice: phoneFiles(folder, sockets, "alice"), bob: phoneFiles(folder, sockets, "bob") };
  const progress = new Progress({ silent: options.json });
  const say = (words: string) => progress.event(systemClock.now(), words);
  const phones: Partial<Record<Side, Phone>> = {};
  const rings = {
    alice: new Rings("alice", say),
    bob: new Rings("bob", say),
  };
  let problem: string | undefined;
  const stop = async () => {
    for (const side of ["alice", "bob"] as const) {
      const code = await phones[side]?.stop();
      if (phones[side] && code !== 0) problem ??= `${names[side]}'s handset ended with code ${code}`;
    }
  };
  const interrupted = () => {
    void stop().then(() => process.exit(130));
  };
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  try {
    const { identities, made } = await ensureIdentities(join(folder, "identities"), uris);
    if (made) say("Made the demo's certificate authority, certificates and shared key");
    const ports = { alice: await freePort(), bob: await freePort() };
    const program = join(top(), "dist", "sotto.js");
    for (const side of ["alice", "bob"] as const) {
      const phone = await Phone.start(
        names[side],
        program,
        files[side],
        configOf(side, options, files[side], ports[side], identities),
      );
      phones[side] = phone;
      phone.onEvent((event) => {
        if (event.type === "device")
          rings[side].device(event.device, event.text, event.monotonicMs ?? systemClock.now());
      });
    }
    say(`Two handsets are up: Alice on port ${ports.alice}, Bob on port ${ports.bob}`);
    // Somebody takes the phones into the hand first.
    await Promise.all(Object.values(files).map((each) => untilRehearsed(each, READY_LIMIT_MS)));
    await converse(phones.alice!, phones.bob!, `sip:bob@127.0.0.1:${ports.bob}`, options, progress, rings.bob);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  } finally {
    await stop();
    rmSync(sockets, { recursive: true, force: true });
  }

  const calls = { alice: last(phones.alice), bob: last(phones.bob) };
  const record = recordOf(options, calls, files, rings, problem);
  const verdict = verdictOf(record);
  await writeReport(record, folder);
  if (options.json) console.log(JSON.stringify(reportData(record), null, 2));
  else {
    progress.note("");
    progress.note(verdict.headline);
    for (const trouble of verdict.problems) progress.note(`  ${trouble}`);
    progress.note(`Look at ${join(folder, "report.html")}; listen to alice-heard.wav and bob-heard.wav beside it.`);
  }
  process.exitCode = verdict.passed ? 0 : 1;
}

function recordOf(
  options: DemoOptions,
  calls: Record<Side, CallSnapshot | undefined>,
  files: Record<Side, PhoneFiles>,
  rings: Record<Side, Rings>,
  problem: string | undefined,
): DemoRecord {
  const trace = (side: Side): TraceEntry[] =>
    readLines<{ entries: TraceEntry[] }>(files[side].trace).at(-1)?.entries ?? [];
  const taps = (side: Side) => readTaps(existsSync(files[side].tap) ? readFileSync(files[side].tap, "utf8") : "").taps;
  const peer = (side: Side) => {
    const security = calls[side]?.security;
    return security?.state === "secure" ? security.peer : null;
  };
  const security = calls.alice?.security;
  const secured = security?.state === "secure";
  const traces = { alice: trace("alice"), bob: trace("bob") };
  const audio = (listener: Side) =>
    problem ? null : compare(listener === "alice" ? "bob" : "alice", listener, files, options.seconds);
  return {
    generatedAt: new Date().toISOString(),
    machine: {
      cpu: `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`,
      node: process.version,
      os: `${type()} ${release()}`,
    },
    options: { keying: options.keying, seconds: options.seconds },
    names: { alice: { uri: uris.alice, displayName: names.alice }, bob: { uri: uris.bob, displayName: names.bob } },
    call: {
      keying: options.keying,
      suite: secured ? security.suite : null,
      codec: calls.alice?.codec ?? null,
      policy: {
        alice: options.keying === "none" ? "off" : "required",
        bob: options.keying === "none" ? "off" : "required",
      },
      peerIdentity: { alice: peer("alice"), bob: peer("bob") },
      ...(problem ? { error: problem } : {}),
    },
    ladder: buildLadder({ alice: taps("alice"), bob: taps("bob") }),
    trace: traces,
    delays: delaysOf(traces, secured),
    rings: [...rings.alice.records, ...rings.bob.records],
    audio: { alice: audio("alice"), bob: audio("bob") },
    streams: { alice: calls.alice?.statistics ?? null, bob: calls.bob?.statistics ?? null },
  };
}

await main().catch((error: unknown) => {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
