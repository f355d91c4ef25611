// A folder with another processor's Debian: headers and libraries to compile against, Node to run under emulation.
// Made by mmdebstrap from Debian's own signed packages without running any of them, and kept under out/cache.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { top } from "../top.js";
import type { Target } from "./targets.js";
import { needTool, runTool } from "./tools.js";

/** The Debian release devices run: the first whose Node is 20 for armhf and arm64 alike. */
export const SUITE = "trixie";
/** Where packages come from; SOTTO_DEBIAN_MIRROR names another mirror. */
export const MIRROR = process.env["SOTTO_DEBIAN_MIRROR"] ?? "http://deb.debian.org/debian";

/** Downloads and what is made of them. */
export const cacheFolder = join(top, "out", "cache");

/** Libraries, their headers and Node: for compiling, and for running a bundle under qemu-user. */
export const buildPackages = [
  "nodejs",
  "libnode-dev",
  "libasound2t64",
  "libasound2-dev",
  "libasound2-plugins",
  "libc6-dev",
  "libstdc++-14-dev",
] as const;

/**
 * A folder with `packages` (and all they need) of the target's Debian, extracted, with `bin`, `lib` and `sbin` linked into `usr`.
 * Made once for each list; a few seconds and about 200 MB.
 * @throws Error when mmdebstrap is missing or a package cannot be had.
 */
export async function sysroot(target: Target, packages: readonly string[] = buildPackages): Promise<string> {
  const list = [...packages].sort();
  const key = createHash("sha256")
    .update(`1 ${SUITE} ${list.join(" ")}`)
    .digest("hex")
    .slice(0, 10);
  const folder = join(cacheFolder, `root-${target.debian}-${key}`);
  if (existsSync(join(folder, "packages.txt"))) return folder;
  const mmdebstrap = needTool("mmdebstrap", "mmdebstrap");
  const making = `${folder}.${process.pid}`;
  mkdirSync(cacheFolder, { recursive: true });
  rmSync(making, { recursive: true, force: true });
  try {
    await runTool(mmdebstrap, [
      "--variant=extract",
      `--architectures=${target.debian}`,
      `--include=${list.join(",")}`,
      "--quiet",
      `--extract-hook=cd "$1/var/cache/apt/archives" && ls *.deb | sed 's/%3a/:/;s/\\.deb$//' | sort > "$1/packages.txt"`,
      SUITE,
      making,
      MIRROR,
    ]);
    for (const name of ["bin", "lib", "sbin", ...(target.elf.class === 2 ? ["lib64"] : [])])
      if (!existsSync(join(making, name)) && existsSync(join(making, "usr", name)))
        symlinkSync(`usr/${name}`, join(making, name));
    try {
      renameSync(making, folder);
    } catch (error) {
      // Somebody else was quicker.
      if (!existsSync(join(folder, "packages.txt"))) throw error;
    }
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}

/** Debian packages of a folder {@link sysroot} made, `name_version_architecture`, sorted: what a build was made against. */
export function packageVersions(root: string): string[] {
  return readFileSync(join(root, "packages.txt"), "utf8").trim().split("\n");
}
