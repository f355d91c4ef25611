// Running a target's Debian Node here, by emulation of its processor (qemu-user).

import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { top } from "../top.js";
import type { DeviceBuild } from "./build.js";
import { neededLibraries } from "./node.js";
import { sysroot } from "./sysroot.js";
import type { Target } from "./targets.js";
import { needTool, runTool } from "./tools.js";

/** A command line that Node's arguments are put behind. */
export interface TargetNode {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * Node of a folder that {@link sysroot} made, always by qemu-user: Debian's Node reads modules by absolute paths, which only that turns to the folder.
 * @throws Error that names the Debian package of a missing emulator.
 */
export function targetNode(target: Target, root: string): TargetNode {
  const node = realpathSync(join(root, "usr", "bin", "node"));
  return { program: needTool(target.qemu, "qemu-user-static"), args: ["-L", root, node] };
}

/** Options of Node that the package's launcher starts the telephone with. @throws Error when it has changed beyond recognition. */
export function launcherFlags(launcher = readFileSync(join(top, "toolchain", "debian", "sotto.sh"), "utf8")): string[] {
  const found = /exec "\$node" ([^"]*) "\$lib\/sotto\.js"/.exec(launcher);
  if (!found) throw new Error("the launcher does not start Node as it used to");
  // The command may go on in another line.
  return found[1].split(/[\s\\]+/);
}

/** What was found of a native part. */
export interface TriedNative {
  readonly name: string;
  /** Libraries it asks for. */
  readonly needs: readonly string[];
  /** The newest version of the C library it asks for, e.g. `2.34`. */
  readonly libc: string;
  /** How many things it exports. */
  readonly exports: number;
}

/**
 * Loads every native part of a build with the target's Node; koffi calls into the C library as well, since a part for another mode of the
 * processor loads all the same.
 * @throws Error with the words of what does not load.
 */
export async function tryNatives({ app, natives, target }: DeviceBuild): Promise<TriedNative[]> {
  const { program, args } = targetNode(target, await sysroot(target));
  const folder = join(app, "native");
  const said = await runTool(program, [
    ...args,
    "-e",
    `const part = (name) => require(${JSON.stringify(folder)} + "/" + name + ".node");
     const found = Object.fromEntries(${JSON.stringify(natives)}.map((name) => [name, Object.keys(part(name)).length]));
     if (found.koffi && part("koffi").load(null).func("int getpid()")() !== process.pid) throw new Error("koffi cannot call");
     if (process.arch !== "${target.node}") throw new Error("this is Node for " + process.arch);
     console.log(JSON.stringify(found));`,
  ]);
  const exported = JSON.parse(said.toString()) as Record<string, number>;
  return Promise.all(
    natives.map(async (name) => {
      const file = join(folder, `${name}.node`);
      if (exported[name] === 0) throw new Error(`${name} exports nothing`);
      return { name, needs: await neededLibraries(file), libc: libcOf(readFileSync(file)), exports: exported[name] };
    }),
  );
}

/** The newest GLIBC version named in an ELF file; "none" where none is. */
export function libcOf(file: Buffer): string {
  const versions = [...file.toString("latin1").matchAll(/GLIBC_(\d+)\.(\d+)/g)].map((found) => [+found[1], +found[2]]);
  const [newest] = versions.sort((a, b) => b[0] - a[0] || b[1] - a[1]);
  return newest ? newest.join(".") : "none";
}
