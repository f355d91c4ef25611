// The Debian package of a build: files, control data, maintainer scripts. Written without Debian's tools, the same bytes on every host.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { top } from "../top.js";
import { type ArchiveEntry, ar, complete, fileEntry, folderEntries, tarball } from "./archive.js";
import type { DeviceBuild } from "./build.js";
import { bundledNode } from "./node.js";

/** How a package is made. */
export interface PackageOptions {
  /** Put Debian's Node into the package instead of depending on it. */
  readonly withNode?: boolean;
}

/** A package: its file name and bytes. */
export interface DebianPackage {
  readonly name: string;
  readonly bytes: Buffer;
  /** Bytes it takes when installed. */
  readonly installedBytes: number;
}

const debian = (name: string) => readFileSync(join(top, "toolchain", "debian", name));

/** What the package depends on: Node or what Node needs, and the libraries of the native parts. */
export function dependencies(natives: readonly string[], withNode: boolean): string[] {
  const needs = withNode ? ["libc6 (>= 2.41)", "libstdc++6", "libatomic1"] : ["nodejs (>= 20)"];
  // epoll is compiled for one major version of Node.
  if (!withNode && natives.includes("epoll")) needs.push("nodejs (<< 21)");
  if (natives.includes("node-alsa")) needs.push("libasound2t64 (>= 1.2) | libasound2 (>= 1.2)");
  return needs;
}

/** The files of the package. */
export async function packageFiles(build: DeviceBuild, options: PackageOptions = {}): Promise<ArchiveEntry[]> {
  const docs = "usr/share/doc/sotto";
  return complete([
    ...folderEntries(build.app, "usr/lib/sotto").filter(({ path }) => !/\/(NOTICE|LICENSE)$/.test(path)),
    ...(options.withNode ? await bundledNode(build.target) : []),
    fileEntry("usr/bin/sotto", debian("sotto.sh"), 0o755),
    fileEntry("usr/lib/systemd/system/sotto.service", debian("sotto.service")),
    fileEntry("usr/lib/udev/rules.d/70-sotto.rules", debian("70-sotto.rules")),
    fileEntry("usr/lib/sysusers.d/sotto.conf", debian("sotto.sysusers")),
    fileEntry("etc/sotto/sotto.json", debian("sotto.jsonc"), 0o640),
    fileEntry(`${docs}/copyright`, readFileSync(join(build.app, "NOTICE"))),
    fileEntry(`${docs}/README.md`, readFileSync(join(top, "README.md"))),
    fileEntry(`${docs}/configuration.md`, readFileSync(join(top, "docs", "configuration.md"))),
  ]);
}

/**
 * Makes the package.
 * @throws Error when the build lacks a file, or Debian's Node cannot be had (`withNode`).
 */
export async function makePackage(build: DeviceBuild, options: PackageOptions = {}): Promise<DebianPackage> {
  const files = await packageFiles(build, options);
  const installedBytes = files.reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
  const control = [
    "Package: sotto",
    `Version: ${build.version}`,
    `Architecture: ${build.target.debian}`,
    "Maintainer: Sotto <sotto@sotto.invalid>",
    `Installed-Size: ${Math.ceil(installedBytes / 1024)}`,
    `Depends: ${dependencies(build.natives, options.withNode ?? false).join(", ")}`,
    "Recommends: udev, systemd",
    "Section: comm",
    "Priority: optional",
    "Description: secure SIP telephone for ARM Linux handhelds",
    " Calls are private end to end: SIP signalling, MIKEY key agreement inside the",
    " SDP offer/answer, SRTP voice, with ringer, vibrator and keys.",
    "",
  ].join("\n");
  const sums = files
    .filter(({ type, path }) => type === "file" && path !== "etc/sotto/sotto.json")
    .map(({ path, content }) => `${createHash("md5").update(content!).digest("hex")}  ${path}\n`);
  const controlEntries = [
    fileEntry("control", control),
    fileEntry("conffiles", "/etc/sotto/sotto.json\n"),
    fileEntry("md5sums", sums.join("")),
    ...["postinst", "prerm", "postrm"].map((name) => fileEntry(name, debian(name), 0o755)),
  ];
  const bytes = ar([
    { name: "debian-binary", content: Buffer.from("2.0\n") },
    { name: "control.tar.gz", content: await tarball(controlEntries) },
    { name: "data.tar.gz", content: await tarball(files) },
  ]);
  const suffix = options.withNode ? "-with-node" : "";
  return { name: `sotto${suffix}_${build.version}_${build.target.debian}.deb`, bytes, installedBytes };
}
