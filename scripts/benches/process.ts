// What the kernel says of a process: processor time and memory.

import { readFileSync } from "node:fs";

/** Ticks of /proc's CPU times in a second: the same on every Linux that Node runs on. */
const TICKS = 100;

/** CPU time a process has used so far, s. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in brackets may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The most memory a process has had resident, bytes (VmHWM). */
export function peakBytes(pid: number): number {
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN);
}

/** Resident memory of a process in a range of its addresses, bytes. */
export function residentBytes(pid: number, from: number, to: number): number {
  let bytes = 0;
  let isInside = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    const mapping = /^([0-9a-f]+)-[0-9a-f]+ /.exec(line);
    if (mapping) isInside = Number.parseInt(mapping[1], 16) >= from && Number.parseInt(mapping[1], 16) < to;
    const kilobytes = isInside ? /^Rss:\s+(\d+) kB$/.exec(line) : null;
    if (kilobytes) bytes += 1024 * Number(kilobytes[1]);
  }
  return bytes;
}
