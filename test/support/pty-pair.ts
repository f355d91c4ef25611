// Two ends of a serial line, made by socat: what is written to one comes out of the other.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./fake-sysfs.js";
import { eventually } from "./wait.js";

/** A line whose plug can be pulled. */
export class PtyPair {
  readonly phone: string;
  readonly headset: string;
  private socat: ChildProcess | undefined;

  constructor(folder = temporaryFolder("pty")) {
    this.phone = join(folder, "rfcomm0");
    this.headset = join(folder, "headset");
  }

  /** Lays the line. */
  async plug(): Promise<void> {
    this.socat = spawn("socat", [`pty,raw,echo=0,link=${this.phone}`, `pty,raw,echo=0,link=${this.headset}`], {
      stdio: "ignore",
    });
    await eventually("the line is there", 20_000, () => existsSync(this.phone) && existsSync(this.headset));
  }

  /** Pulls it out: both ends hang up and their files are gone. */
  async unplug(): Promise<void> {
    const { socat } = this;
    this.socat = undefined;
    if (!socat) return;
    // It ends by itself too, when nobody has either end open any more.
    if (socat.exitCode === null && socat.signalCode === null)
      await new Promise<void>((resolve) => {
        socat.once("exit", () => resolve());
        socat.kill("SIGKILL");
      });
    rmSync(this.phone, { force: true });
    rmSync(this.headset, { force: true });
  }
}
