// V8's compiled code of this program, kept for the next start. A device's loader (firmware/loader) gives a program its own; elsewhere there is none.

import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeFileAtomic } from "./atomic-file.js";
import { withUsualOptions } from "./tier-up.js";

/** What a loader gives the program it starts. */
export interface CodeCache {
  /** Where the loader looks for the code at the next start. */
  readonly file: string;
  /** The code was there, and this engine took it. */
  readonly wasTaken: boolean;
  /** Beginning of the names of this program's cache files: those of other versions are taken away. */
  readonly prefix: string;
  /** Puts out what has been compiled until now; some ten milliseconds of this thread. */
  make(): Uint8Array;
}

/** A parameter of the function that a device's bundle is; see firmware/loader. */
declare const SOTTO_CODE_CACHE: CodeCache | undefined;

/** The running program's own; undefined where no loader started it, or where it has no folder for it. */
export const codeCache: CodeCache | undefined = typeof SOTTO_CODE_CACHE === "undefined" ? undefined : SOTTO_CODE_CACHE;

/**
 * Keeps what has been compiled until now, unless this start had taken kept code already, and removes what other versions have left.
 * @returns bytes written; 0 when there was nothing to do.
 * @throws the file system's error.
 */
export async function keepCode(cache: CodeCache | undefined = codeCache): Promise<number> {
  if (!cache || cache.wasTaken) return 0;
  const code = withUsualOptions(() => cache.make());
  await writeFileAtomic(cache.file, code);
  const folder = dirname(cache.file);
  for (const name of await readdir(folder))
    if (name.startsWith(cache.prefix) && name !== basename(cache.file)) await rm(join(folder, name), { force: true });
  return code.length;
}
