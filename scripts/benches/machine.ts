// What a figure was measured on; without it a figure means little.

import { readFileSync } from "node:fs";
import os from "node:os";

/** The machine and how busy it is. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Frequency governor of the first core; null where the kernel does not tell. */
  readonly governor: string | null;
  /** Processes that ran or wanted to, averaged over 1, 5 and 15 minutes. */
  readonly load: readonly number[];
  readonly memoryMb: number;
  readonly freeMb: number;
  readonly os: string;
  readonly arch: string;
  readonly node: string;
}

function firstLine(path: string): string | null {
  try {
    return readFileSync(path, "utf8").split("\n")[0].replaceAll("\0", "").trim() || null;
  } catch {
    return null;
  }
}

/** Describes this machine as it is now. */
export function describeMachine(): Machine {
  const cpus = os.cpus();
  const model = cpus[0]?.model.trim();
  const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  return {
    // On ARM boards the CPU often has no name; the board has one.
    cpu: (model && model !== "unknown" ? model : firstLine("/proc/device-tree/model")) ?? "unknown",
    cores: cpus.length || os.availableParallelism(),
    governor: firstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    load: os.loadavg().map((value) => Math.round(value * 100) / 100),
    memoryMb: megabytes(os.totalmem()),
    freeMb: megabytes(os.freemem()),
    os: `${os.type()} ${os.release()}`,
    arch: os.arch(),
    node: process.versions.node,
  };
}

/** The same in one line. */
export function machineLine(machine: Machine): string {
  const governor = machine.governor ? `, governor ${machine.governor}` : "";
  return (
    `${machine.cpu}, ${machine.cores} cores${governor}, load ${machine.load.join(" ")}, ` +
    `${machine.memoryMb} MB (${machine.freeMb} free), ${machine.os} ${machine.arch}, Node ${machine.node}`
  );
}
