// Starts a program of a device's bundle with V8's compiled code of an earlier start: reading that is several times faster than compiling anew.
// Node 20 has no compile cache of its own (module.enableCompileCache is Node 22's).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";
import type { CodeCache } from "../runtime/code-cache.js";

/** A program: one file that is a function expression with CommonJS' parameters and `SOTTO_CODE_CACHE`. */
export interface Program {
  /** Full path; ASCII only, so that the engine keeps one byte a character. */
  readonly file: string;
  /** Its name in the cache folder. */
  readonly name: string;
  /** Digest of its text: V8 itself compares no more than lengths. */
  readonly digest: string;
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/**
 * Runs a program in this thread.
 * @param folder where code is kept; undefined: nowhere. What lies there is run as it is, so it must be writable by the telephone's user alone.
 *   V8 refuses what another version of it, or one with other flags, has made.
 * @throws what the program throws, and where it cannot be read or is none.
 */
export function load({ file, name, digest }: Program, folder: string | undefined): void {
  const prefix = `${name}-`;
  const cacheFile = folder && join(folder, `${prefix}${digest}-${process.version}-${process.arch}.code`);
  const cachedData = cacheFile ? read(cacheFile) : undefined;
  const script = new Script(readFileSync(file, "latin1"), { filename: file, ...(cachedData ? { cachedData } : {}) });
  const cache: CodeCache | undefined = cacheFile
    ? {
        ...{ file: cacheFile, prefix },
        wasTaken: cachedData !== undefined && script.cachedDataRejected === false,
        make: () => script.createCachedData(),
      }
    : undefined;
  const module = { exports: {} };
  const program = script.runInThisContext() as (...parameters: unknown[]) => void;
  program(module.exports, createRequire(file), module, file, dirname(file), cache);
}
