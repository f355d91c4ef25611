// Sound cards below ALSA whose time and troubles a test decides (virtual-card.c), and the compiler that makes them and the add-on.

import { spawnSync } from "node:child_process";
import {
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import { requireOrSkip } from "../../../interop/tools.js";
import { checkout } from "../../../vectors.js";

/** Builds the add-on. False, under the policy of `requireOrSkip`, where that cannot be done. */
export async function haveAlsa(): Promise<boolean> {
  if (!requireOrSkip("a C compiler (gcc)", spawnSync("cc", ["--version"]).error === undefined)) return false;
  const headers = "/usr/include/alsa/asoundlib.h";
  if (!requireOrSkip("ALSA's headers (libasound2-dev)", existsSync(headers))) return false;
  const { build } = (await import(join(checkout, "drivers", "node-alsa", "build.mjs"))) as { build(): string };
  build();
  return true;
}

/** One of the plugins, compiled where it is missing or older than its source. */
function plugin(source: "virtual-card" | "virtual-mixer"): string {
  const file = join(checkout, "test", "drivers", "audio", "virtual-card", `${source}.c`);
  const folder = join(checkout, "out", "native");
  const output = join(folder, `libasound_module_${source === "virtual-card" ? "pcm" : "ctl"}_sottovirtual.so`);
  if (existsSync(output) && statSync(output).mtimeMs >= statSync(file).mtimeMs) return output;
  mkdirSync(folder, { recursive: true });
  const made = `${output}.${process.pid}`;
  const { status, stderr } = spawnSync(
    "cc",
    [..."-shared -fPIC -DPIC -O1 -g -std=gnu11 -Wall -Wextra -Werror".split(" "), file, "-o", made, "-lasound"],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
  renameSync(made, output);
  return output;
}

/** Offsets in the card's books; virtual-card.c has the same. */
const offsets = {
  unplugged: 8,
  openError: 12,
  leastRate: 16,
  mostRate: 20,
  leastChannels: 24,
  mostChannels: 28,
  capturePpm: 32,
  playbackPpm: 36,
  mostRead: 40,
  mostWritten: 44,
  suspend: 48,
  broken: 52,
  captureStarts: 64,
  playbackStarts: 68,
} as const;
const PLAYED = 56;
const STARTED = 72;
const SAMPLES = 88;
const RING = 1 << 16;

const MOST_CARDS = 64;
let folder: string | undefined;
let made = 0;

/** Every card's configuration, once a process: ALSA reads it when it is first used. */
function configure(): string {
  if (folder) return folder;
  folder = mkdtempSync(join(tmpdir(), "sotto-cards-"));
  const remove = folder;
  process.on("exit", () => rmSync(remove, { recursive: true, force: true }));
  const lines = [
    "pcm.null { type null }",
    `pcm_type.sottovirtual { lib "${plugin("virtual-card")}" }`,
    `ctl_type.sottovirtual { lib "${plugin("virtual-mixer")}" }`,
    `ctl.virtualmixer { type sottovirtual file "${join(folder, "mixer")}" }`,
  ];
  for (let i = 0; i < MOST_CARDS; i++)
    lines.push(`pcm.virtual${i} { type sottovirtual books "${join(folder, `card${i}`)}" }`);
  const path = join(folder, "asound.conf");
  writeFileSync(path, lines.join("\n") + "\n");
  process.env["ALSA_CONFIG_PATH"] = path;
  return folder;
}

/** One card. Its time stands still but in {@link pass}. */
export class VirtualCard {
  /** ALSA's name of it. */
  readonly name: string;
  /** Time that goes with the card's. */
  readonly time = new VirtualTime();
  private readonly books: number;
  private readonly pokes: number[];
  private nowMs = 0;
  private stalledUntilMs = 0;

  constructor(private readonly others: readonly VirtualCard[] = []) {
    if (made >= MOST_CARDS) throw new Error("there are no more virtual cards");
    const path = join(configure(), `card${made}`);
    this.name = `virtual${made++}`;
    writeFileSync(path, new Uint8Array(SAMPLES + 2 * RING));
    this.books = openSync(path, "r+");
    this.pokes = ["capture", "playback"].map((direction) => {
      spawnSync("mkfifo", [`${path}.${direction}`]);
      return openSync(`${path}.${direction}`, constants.O_RDWR | constants.O_NONBLOCK);
    });
    this.set("leastRate", 8000);
    this.set("mostRate", 48_000);
    this.set("leastChannels", 1);
    this.set("mostChannels", 2);
  }

  set(field: keyof typeof offsets, value: number): void {
    writeSync(this.books, Int32Array.of(value), 0, 4, offsets[field]);
  }
  get(field: keyof typeof offsets): number {
    const value = new Int32Array(1);
    readSync(this.books, value, 0, 4, offsets[field]);
    return value[0];
  }

  /** Frames playback was given since the card was made, silence at each start included. */
  get played(): number {
    return Number(this.long(PLAYED));
  }
  /** When capture and playback were last started, in us of the card's time. */
  get startedUs(): readonly [number, number] {
    return [Number(this.long(STARTED)), Number(this.long(STARTED + 8))];
  }
  /** Frames `from` to `to` of what was played: the first channel. Of the last 65,536 only. */
  samples(from: number, to: number): Int16Array {
    const ring = new Int16Array(RING);
    readSync(this.books, ring, 0, 2 * RING, SAMPLES);
    return Int16Array.from({ length: to - from }, (_, i) => ring[(from + i) % RING]);
  }

  /** Lets `ms` pass, for the card, for {@link time}, and for the event loop. */
  async pass(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    while (this.nowMs < end) {
      const step = Math.min(1, end - this.nowMs);
      this.nowMs = end - this.nowMs <= 1 ? end : this.nowMs + step;
      for (const card of [this, ...this.others]) card.tick(this.nowMs);
      this.time.advance(step);
      if (this.nowMs < this.stalledUntilMs) continue;
      await turn();
    }
  }

  /** Keeps the event loop from being served for the next `ms` that pass. */
  stall(ms: number): void {
    this.stalledUntilMs = this.nowMs + ms;
  }

  private tick(nowMs: number): void {
    this.nowMs = nowMs;
    writeSync(this.books, BigInt64Array.of(BigInt(Math.round(nowMs * 1000))), 0, 8, 0);
    for (const poke of this.pokes)
      try {
        writeSync(poke, "x");
      } catch {
        // Nobody reads; it is full.
      }
  }

  private long(at: number): bigint {
    const value = new BigInt64Array(1);
    readSync(this.books, value, 0, 8, at);
    return value[0];
  }
}

/** A turn of the event loop in which what is ready is served. */
async function turn(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a {@link VirtualMixer} has; virtual-mixer.c has the same order. */
const places = ["masterVolume", "masterSwitch", "captureVolume", "captureSwitch", "route", "unplugged"] as const;

/** The mixer that ALSA calls "virtualmixer": volumes of 0 to 80 in half decibels from -40, switches, and a route. One a process. */
export class VirtualMixer {
  readonly name = "virtualmixer";
  private readonly file: number;

  constructor() {
    const path = join(configure(), "mixer");
    writeFileSync(path, new Uint8Array(4 * places.length));
    this.file = openSync(path, "r+");
  }

  /** As if another program, or a knob, had turned it. */
  set(what: (typeof places)[number], value: number): void {
    writeSync(this.file, Int32Array.of(value), 0, 4, 4 * places.indexOf(what));
  }
  get(what: (typeof places)[number]): number {
    const value = new Int32Array(1);
    readSync(this.file, value, 0, 4, 4 * places.indexOf(what));
    return value[0];
  }
}
