// What a ringer plays: WAV files, and tones of its own where none is given.

import { readFile } from "node:fs/promises";
import { dtmfTones, readWav, type ToneDefinition, type WavSound } from "../../firmware/audio/index.js";

/** Files a ringer plays. */
export interface SoundFiles {
  readonly ringWav?: string;
  readonly messageWav?: string;
  /** By the caller's address (`sip:bob@example.com`). */
  readonly callerWavs?: Readonly<Record<string, string>>;
}

/** What a ringer plays, loaded. */
export interface RingSounds {
  readonly ring: WavSound | ToneDefinition;
  readonly message: WavSound | ToneDefinition;
  /** By address in lower case, without parameters. */
  readonly callers: ReadonlyMap<string, WavSound>;
}

/** Longest file taken, bytes. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

const warble = (hertz: number) => ({ hertz: [hertz], ms: 45 });

/** A warble of two tones that is heard through noise and by ageing ears: 1 s, pause of 2 s. */
export const ringTone: ToneDefinition = {
  steps: [...Array.from({ length: 11 }, () => [warble(820), warble(1030)]).flat(), { hertz: [], ms: 2000 }],
  repeat: true,
  levelDb: -6,
};

/** Two short notes. */
export const messageTone: ToneDefinition = {
  steps: [
    { hertz: dtmfTones["5"].steps[0].hertz, ms: 120 },
    { hertz: [], ms: 60 },
    { hertz: dtmfTones["9"].steps[0].hertz, ms: 200 },
  ],
  repeat: false,
  levelDb: -10,
};

/** An address as ring tones are found by. */
export function callerKey(uri: string): string {
  return uri
    .replace(/[;?].*$/, "")
    .replace(/:\d+$/, "")
    .toLowerCase();
}

/** @throws Error that names the file and what is wrong. */
export async function loadSounds({ ringWav, messageWav, callerWavs = {} }: SoundFiles): Promise<RingSounds> {
  const callers = new Map<string, WavSound>();
  for (const [caller, file] of Object.entries(callerWavs)) callers.set(callerKey(caller), await load(file));
  return {
    ring: ringWav === undefined ? ringTone : await load(ringWav),
    message: messageWav === undefined ? messageTone : await load(messageWav),
    callers,
  };
}

async function load(file: string): Promise<WavSound> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new Error(`the ring tone ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (bytes.length > MAX_FILE_BYTES) throw new Error(`the ring tone ${file} has more than ${MAX_FILE_BYTES} bytes`);
  const sound = readWav(bytes);
  if (sound.ok && sound.value.samples.length > 0) return sound.value;
  throw new Error(`the ring tone ${file} is not a usable WAV file: ${sound.ok ? "it is empty" : sound.error.text}`);
}
