// Data that lies beside the checkout and is never copied into it: read when it is there, said aloud when it is not.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "./vectors.js";

const folder = process.env.SOTTO_SHARED ?? join(checkout, "..", "shared");

/** True when `path` below the shared folder is there; otherwise prints the line that counts as a skip. */
export function haveShared(path: string): boolean {
  if (existsSync(join(folder, path))) return true;
  console.log(`skipped: shared data ${path} is not here`);
  return false;
}

/** Parsed JSON of a shared file. */
export function sharedJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(folder, path), "utf8")) as T;
}

/** Names of the files in a shared folder, sorted. */
export function sharedFiles(path: string): string[] {
  return readdirSync(join(folder, path)).sort();
}
