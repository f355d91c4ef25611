// Finds and loads the compiled add-on: built on this machine, or prebuilt for its processor.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Binding } from "./binding.js";

const FILE = "node-alsa.node";

/** Where the add-on may lie in a folder, and in a checkout of which the folder is a part. */
function placesIn(folder: string): string[] {
  const prebuilt = join("prebuilds", `linux-${process.arch}`, FILE);
  // What was built here fits here, and is newer than what came along.
  return [join("build", FILE), join("build", "Release", FILE), prebuilt].flatMap((place) => [
    join(folder, place),
    join(folder, "drivers", "node-alsa", place),
  ]);
}

/** Every place looked at, the likeliest first. NODE_ALSA_BINARY names a file and is then the only one. */
function candidates(): string[] {
  const named = process.env["NODE_ALSA_BINARY"];
  if (named) return [named];
  const found: string[] = [];
  // Compiled or bundled, this module may lie some folders below the package's.
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    found.push(...placesIn(folder));
    if (dirname(folder) === folder) return found;
  }
}

let loaded: Binding | undefined;

/** Whether the add-on is there; loading it may still fail. */
export function isBuilt(): boolean {
  return candidates().some((path) => existsSync(path));
}

/**
 * The add-on.
 * @throws Error that says how to get it where it is missing, or which library it lacks.
 */
export function binding(): Binding {
  if (loaded) return loaded;
  const there = candidates().filter((path) => existsSync(path));
  let problem: Error | undefined;
  for (const path of there) {
    try {
      loaded = createRequire(import.meta.url)(path) as Binding;
      return loaded;
    } catch (error) {
      problem ??= cannotLoad(path, (error as Error).message);
    }
  }
  throw (
    problem ??
    new Error(
      `node-alsa has no binary for ${process.platform} ${process.arch}; build it with "node drivers/node-alsa/build.mjs" ` +
        '(or "npm rebuild node-alsa"): that needs a C compiler and ALSA\'s headers (Debian: gcc, libasound2-dev)',
    )
  );
}

function cannotLoad(path: string, message: string): Error {
  const lacks = message.includes("libasound") ? "; it needs ALSA's library (Debian: libasound2)" : "";
  return new Error(`node-alsa cannot load ${path}: ${message}${lacks}`);
}
