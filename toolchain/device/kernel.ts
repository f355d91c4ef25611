// Debian's kernel for an image: the kernel itself and those of its modules a board needs, with what they depend on.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { sysroot } from "./sysroot.js";
import { findTarget } from "./targets.js";
import { needTool, runTool } from "./tools.js";

/** A kernel out of Debian's packages. */
export interface Kernel {
  readonly release: string;
  /** Kernel with its EFI stub. */
  readonly file: string;
  /** The EFI boot loader that counts tries. */
  readonly loader: string;
  /** Folder that holds `kernel/` and `modules.dep`. */
  readonly modules: string;
}

/** The current kernel of Debian's release for arm64, with its loader. */
export async function debianKernel(): Promise<Kernel> {
  const root = await sysroot(findTarget("arm64"), ["linux-image-arm64", "systemd-boot-efi"]);
  const release = readdirSync(join(root, "usr", "lib", "modules"))
    .sort()
    .pop();
  if (release === undefined) throw new Error("Debian's kernel package has no modules");
  const modules = join(root, "usr", "lib", "modules", release);
  if (!existsSync(join(modules, "modules.dep"))) await runTool(needTool("depmod", "kmod"), ["-b", root, release]);
  return {
    release,
    modules,
    file: join(root, "boot", `vmlinuz-${release}`),
    loader: join(root, "usr", "lib", "systemd", "boot", "efi", "systemd-bootaa64.efi"),
  };
}

const plainName = (path: string): string =>
  basename(path)
    .replace(/\.ko(\.xz)?$/, "")
    .replace(/-/g, "_");

/**
 * Paths below the modules' folder of the named modules and all they depend on, each after what it needs; built-in ones need nothing.
 * @throws Error naming a module that the kernel neither has nor contains, when `strict`.
 */
export function moduleClosure(
  kernel: Kernel,
  names: readonly string[],
  folders: readonly string[] = [],
  strict = true,
): string[] {
  const needs = new Map<string, string[]>();
  const byName = new Map<string, string>();
  for (const line of readFileSync(join(kernel.modules, "modules.dep"), "utf8").split("\n")) {
    const [path, rest] = line.split(":");
    if (!path || rest === undefined) continue;
    needs.set(path, rest.trim().split(" ").filter(Boolean));
    byName.set(plainName(path), path);
  }
  const builtIn = new Set(readFileSync(join(kernel.modules, "modules.builtin"), "utf8").split("\n").map(plainName));
  const order: string[] = [];
  const seen = new Set<string>();
  const take = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const other of needs.get(path) ?? []) take(other);
    order.push(path);
  };
  for (const name of names) {
    const path = byName.get(name.replace(/-/g, "_"));
    if (path) take(path);
    else if (strict && !builtIn.has(name.replace(/-/g, "_")))
      throw new Error(`the kernel ${kernel.release} has no module ${name}`);
  }
  for (const folder of folders) for (const path of needs.keys()) if (path.startsWith(`kernel/${folder}/`)) take(path);
  return order;
}

/** Unpacks modules into `folder`, flat when `flat`. @returns their paths below it, without `.xz`. */
export async function unpackModules(
  kernel: Kernel,
  paths: readonly string[],
  folder: string,
  flat = false,
): Promise<string[]> {
  const xz = needTool("xz", "xz-utils");
  const out: string[] = [];
  for (const path of paths) {
    const plain = path.replace(/\.xz$/, "");
    const name = flat ? basename(plain) : plain;
    const packed = readFileSync(join(kernel.modules, path));
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), path.endsWith(".xz") ? await runTool(xz, ["-dc"], { input: packed }) : packed);
    out.push(name);
  }
  return out;
}
