// Our telephone on a 32-bit ARM processor that qemu-user emulates: built for it, run by its own Node.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { which } from "../../test/interop/tools.js";
import { buildForDevice } from "../../toolchain/device/build.js";
import { runtimePackages } from "../../toolchain/device/runtime-root.js";
import { sysroot } from "../../toolchain/device/sysroot.js";
import { findTarget } from "../../toolchain/device/targets.js";
import type { Launch } from "../demo-call/phone.js";

const target = findTarget("armv7");

/** Why there can be no emulated phone here; undefined: there can. */
export function emulationMissing(): string | undefined {
  const needed = ["mmdebstrap", `${target.triplet}-gcc`, `${target.triplet}-g++`, target.qemu];
  const missing = needed.filter((program) => which(program) === undefined);
  return missing.length === 0 ? undefined : missing.join(", ");
}

/**
 * qemu asks for huge pages for the code it makes. The kernel clears a fresh one in the middle of a call, which takes up to 7 ms and has nothing to do
 * with an ARM processor: PR_SET_THP_DISABLE, which outlives exec. Python is there wherever native code is built; without it all is as it was.
 */
function withoutHugePages(): readonly string[] {
  const python = which("python3");
  if (!python) return [];
  const words = "import ctypes,os,sys; ctypes.CDLL(None).prctl(41,1,0,0,0); os.execv(sys.argv[1],sys.argv[1:])";
  return [python, "-c", words];
}

/** A build and the root it runs in. */
export class Emulation {
  private constructor(
    /** The bundle. */
    readonly program: string,
    readonly launch: Launch,
  ) {}

  /** Builds into `folder`; the root with Debian's packages is made once for all. @throws Error with a tool's own words. */
  static async prepare(folder: string): Promise<Emulation> {
    mkdirSync(folder, { recursive: true });
    const { app } = await buildForDevice(target, { out: folder });
    const root = await sysroot(target, runtimePackages);
    const node = join(root, "usr", "bin", "node");
    return new Emulation(join(app, "sotto.js"), {
      command: [...withoutHugePages(), which(target.qemu)!, "-L", root, node],
      limitMs: 90_000,
    });
  }

  async stop(): Promise<void> {}
}
