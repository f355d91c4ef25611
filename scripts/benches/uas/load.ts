// sipp as a caller: so many calls a second, for a while, and what became of them.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../demo-call/phone.js";
import type { Answerer } from "./answerers.js";

/** What became of one load. */
export interface LoadResult {
  /** Every call was set up and ended as it should, at the rate asked for. */
  readonly held: boolean;
  /** Calls that failed. */
  readonly failed: number;
  /** Calls a second that sipp managed to place. */
  readonly rate: number;
  /** CPU the answerer used for one call, ms, and in all, % of one processor. */
  readonly cpuMsPerCall: number;
  readonly cpuPercent: number;
}

/** A rate is held when sipp needs no longer than this times what it should. */
const SLOWEST = 1.1;

/** Places `rate` calls a second for `seconds`, each hung up as soon as it is answered. @throws Error when sipp is not here. */
export async function load(answerer: Answerer, rate: number, seconds: number): Promise<LoadResult> {
  const calls = rate * seconds;
  const folder = mkdtempSync(join(tmpdir(), "sotto-sipp-"));
  const args = [
    "-sn",
    "uac",
    `127.0.0.1:${answerer.port}`,
    "-s",
    "service",
    "-i",
    "127.0.0.1",
    "-p",
    `${await freePort()}`,
  ];
  const more = ["-r", `${rate}`, "-m", `${calls}`, "-d", "0", "-l", "3000", "-nostdin", "-timeout", `${seconds + 40}`];
  const cpuBefore = answerer.cpuSeconds();
  const started = performance.now();
  const child = spawn("sipp", [...args, ...more], { cwd: folder, env: { ...process.env, TERM: "dumb" } });
  let text = "";
  let lastCallMs = 0;
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => {
      text = (text + data).slice(-20_000);
    });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`sipp (Debian: sip-tester): ${error.message}`)));
    child.once("close", resolve);
  });
  lastCallMs = performance.now() - started;
  rmSync(folder, { recursive: true, force: true });
  const cpu = answerer.cpuSeconds() - cpuBefore;
  const figure = (name: string): number =>
    Number(new RegExp(`${name}\\s*\\|\\s*\\d+\\s*\\|\\s*(\\d+)`).exec(lastScreen(text))?.[1] ?? NaN);
  const [ok, failed] = [figure("Successful call"), figure("Failed call")];
  if (Number.isNaN(ok)) throw new Error(`sipp ended with ${code}:\n${text.slice(-1000)}`);
  // It starts and winds up in about half a second.
  const tookS = Math.max(0.001, lastCallMs / 1000 - 0.5);
  return {
    held: code === 0 && failed === 0 && ok === calls && tookS <= SLOWEST * seconds + 0.5,
    failed,
    rate: calls / tookS,
    cpuMsPerCall: (1000 * cpu) / calls,
    cpuPercent: (100 * cpu) / tookS,
  };
}

/** The statistics screen it leaves at its end. */
function lastScreen(text: string): string {
  const at = text.lastIndexOf("Statistics Screen");
  return at < 0 ? "" : text.slice(at);
}
