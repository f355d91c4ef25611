// Where a bundle's bytes come from: by room of the firmware and by package.

import type { Metafile } from "esbuild";
import { packageFolder } from "./licences.js";

/** One line of the report. */
export interface SizeEntry {
  readonly name: string;
  readonly bytes: number;
}

/** Bytes in the outputs (JavaScript only) by room (`firmware/sip`) or package, largest first; `bytes` of all of them sum up to the bundle. */
export function sizes(meta: Metafile): { readonly bytes: number; readonly modules: readonly SizeEntry[] } {
  const sums = new Map<string, number>();
  const add = (name: string, bytes: number) => sums.set(name, (sums.get(name) ?? 0) + bytes);
  let all = 0;
  for (const [path, output] of Object.entries(meta.outputs)) {
    if (!/\.c?js$/.test(path)) continue;
    all += output.bytes;
    let known = 0;
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      add(moduleOf(input), bytesInOutput);
      known += bytesInOutput;
    }
    add("(joining)", output.bytes - known);
  }
  const modules = [...sums]
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => ({ name, bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  return { bytes: all, modules };
}

function moduleOf(input: string): string {
  const folder = packageFolder(input);
  if (folder) return folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
  if (input.startsWith("native:")) return "(native parts)";
  return input.split("/").slice(0, -1).slice(0, 2).join("/") || input;
}

/** The report as a table for people. */
export function sizeTable(title: string, bytes: number, modules: readonly SizeEntry[]): string {
  const line = (name: string, count: number) => `${String(count).padStart(10)}  ${name}`;
  return [title, ...modules.map((entry) => line(entry.name, entry.bytes)), line("in all", bytes), ""].join("\n");
}
