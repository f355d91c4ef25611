// A bootable disk image of a board: EFI loader, Debian's kernel, a read-only root in two slots, a data partition. Nothing is emulated, mounted
// or run as another processor while it is made.

import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeParts, loaderEntry, ownerKey, type Release, slotCommandLine } from "../../firmware/update/index.js";
import { type BoardImage, findImage } from "../../platform/images.js";
import { top } from "../top.js";
import { type ArchiveEntry, fileEntry } from "./archive.js";
import { buildForDevice } from "./build.js";
import { initramfs } from "./cpio.js";
import { writeDisk } from "./disk.js";
import { debianKernel, type Kernel, moduleClosure, unpackModules } from "./kernel.js";
import { packageFiles } from "./package.js";
import { runtimePackages } from "./runtime-root.js";
import { sysroot } from "./sysroot.js";
import { findTarget } from "./targets.js";
import { needTool, runTool } from "./tools.js";
import { together } from "./turns.js";

const MIB = 1024 * 1024;
/** Sizes of the partitions; a slot holds one release's root, the boot partition two kernels. */
export const layout = { boot: 128 * MIB, root: 192 * MIB, data: 128 * MIB } as const;

/** How an image is made. */
export interface ImageOptions {
  readonly out?: string;
  /** A configuration to start from instead of the board's own. */
  readonly config?: string;
  /** A /data/network.conf to start from. */
  readonly network?: string;
  /** The owner's public key (Ed25519, PEM): who has the private one may update the device. Default: nobody may. */
  readonly updateKey?: string;
  /** A folder of firmware files that the hardware's drivers ask for, e.g. of Wi-Fi chips. */
  readonly firmware?: string;
  readonly onStatus?: (text: string) => void;
}

/** An image's parts: what `scripts/update` sends and `scripts/emulate` may boot without firmware. */
export interface MadeImage {
  readonly board: BoardImage;
  readonly folder: string;
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly root: string;
  /** The kernel's command line for slot a. */
  readonly commandLine: string;
  readonly release: Release;
}

/** Name of the file beside an image's parts that describes them. */
export const RELEASE_FILE = "release.json";

/**
 * Makes the image.
 * @throws Error that names the tool, package or module that is missing.
 */
export async function makeImage(name: string, options: ImageOptions = {}): Promise<MadeImage> {
  const image = findImage(name);
  const status = options.onStatus ?? (() => {});
  const folder = options.out ?? join(top, "out", "image", name);
  mkdirSync(folder, { recursive: true });
  const target = findTarget(image.target);
  status("getting Debian's packages and kernel");
  const [build, base, kernel] = await together([
    buildForDevice(target, { onStatus: status }),
    sysroot(target, [...runtimePackages, ...image.packages]),
    debianKernel(),
  ]);
  const work = mkdtempSync(join(tmpdir(), "sotto-image-"));
  try {
    status("making the root");
    const root = join(work, "root");
    await runTool("cp", ["-a", base, root]);
    const builtS = Math.floor(Date.now() / 1000);
    await fillRoot(root, image, kernel, await packageFiles(build), builtS, options);
    const rootFile = join(folder, "root.squashfs");
    rmSync(rootFile, { force: true });
    await runTool(needTool("mksquashfs", "squashfs-tools"), [
      ...[
        root,
        rootFile,
        "-noappend",
        "-all-root",
        "-comp",
        "zstd",
        "-Xcompression-level",
        "12",
        "-b",
        "128K",
        "-no-progress",
        "-quiet",
        "-processors",
        "2",
      ],
      ...["-p", "/dev d 755 0 0", "-p", "/dev/console c 600 0 0 5 1", "-p", "/dev/null c 666 0 0 1 3"],
    ]);
    status("making the first root and the disk");
    const initrd = join(folder, "initrd");
    writeFileSync(initrd, await firstRoot(image, kernel, base, work));
    const kernelFile = join(folder, "linux");
    cpSync(kernel.file, kernelFile);
    const release: Release = {
      board: image.board,
      version: build.version,
      builtS,
      commandLine: image.commandLine,
      parts: await describeParts({ root: rootFile, linux: kernelFile, initrd }),
    };
    writeFileSync(join(folder, RELEASE_FILE), `${JSON.stringify(release, null, 2)}\n`);
    const boot = join(work, "boot.vfat");
    await bootPartition(boot, release, kernel, initrd);
    const data = join(work, "data.ext4");
    await dataPartition(data, work, options);
    const disk = join(folder, `sotto-${name}.img`);
    await writeDisk(disk, "7F6F5C1C-5A6E-4C0A-9D1B-50770F0E5077", [
      { name: "sotto-boot", type: "efi", bytes: layout.boot, content: boot },
      { name: "sotto-root-a", type: "linux", bytes: layout.root, content: rootFile },
      { name: "sotto-root-b", type: "linux", bytes: layout.root },
      { name: "sotto-data", type: "linux", bytes: layout.data, content: data },
    ]);
    return {
      board: image,
      folder,
      disk,
      kernel: kernelFile,
      initrd,
      root: rootFile,
      commandLine: slotCommandLine(image.commandLine, "a"),
      release,
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const own = (name: string) => join(top, "toolchain", "image-root", name);

async function fillRoot(
  root: string,
  image: BoardImage,
  kernel: Kernel,
  files: readonly ArchiveEntry[],
  builtS: number,
  options: ImageOptions,
) {
  // Licences stay; what nobody reads on a telephone goes.
  for (const path of [
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/bash-completion",
    "usr/share/lintian",
  ])
    rmSync(join(root, path), { recursive: true, force: true });
  for (const path of [
    "packages.txt",
    "var/lib/apt",
    "var/lib/dpkg",
    "var/cache",
    "var/log",
    "etc/systemd",
    "usr/share/perl5",
  ])
    rmSync(join(root, path), { recursive: true, force: true });
  for (const { path, type, mode, content } of files) {
    // The image has its own init and its own configuration.
    if (/^usr\/lib\/(systemd|udev|sysusers\.d)\//.test(path) || path.startsWith("etc/sotto")) continue;
    if (type === "directory") mkdirSync(join(root, path), { recursive: true });
    else if (type === "file") writeFileSync(join(root, path), content!, { mode });
  }
  // BusyBox is everything that Debian's packages here are not.
  const applets = (await import("./applets.js")).applets;
  for (const applet of applets) {
    const path = join(root, "usr", "bin", applet);
    if (!existsSync(path) && !existsSync(join(root, "usr", "sbin", applet))) symlinkSync("busybox", path);
  }
  symlinkSync("../bin/busybox", join(root, "usr", "sbin", "init"));
  // The kernel calls this path for modules.
  symlinkSync("../bin/busybox", join(root, "usr", "sbin", "modprobe"));
  for (const folder of ["data", "dev", "proc", "sys", "run", "tmp", "mnt", "usr/lib/sotto-device", "usr/share/sotto"])
    mkdirSync(join(root, folder), { recursive: true });
  for (const script of [
    "rc",
    "lib.sh",
    "network",
    "dhcp",
    "supervise",
    "trial",
    "bless",
    "update-service",
    "update-session",
    "down",
  ])
    cpSync(own(script), join(root, "usr/lib/sotto-device", script));
  const shell = image.shell ? `${image.shell}::respawn:-/bin/sh\n` : "";
  writeFileSync(join(root, "etc/inittab"), readFileSync(own("inittab"), "utf8") + shell);
  // Whom programs run as.
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/tmp:/bin/sh\nsotto:x:990:990:Sotto telephone:/var/lib/sotto:/usr/sbin/nologin\n",
  );
  const groups = { root: 0, tty: 5, dialout: 20, audio: 29, video: 44, input: 989, gpio: 988, sotto: 990 };
  const members = (name: string) =>
    ["audio", "input", "gpio", "dialout", "video", "tty"].includes(name) ? "sotto" : "";
  writeFileSync(
    join(root, "etc/group"),
    Object.entries(groups)
      .map(([name, id]) => `${name}:x:${id}:${members(name)}\n`)
      .join(""),
  );
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost sotto\n::1 localhost\n");
  writeFileSync(join(root, "etc/sotto-modules"), image.load.map((module) => `${module}\n`).join(""));
  if (image.asound) writeFileSync(join(root, "etc/asound.conf"), image.asound);
  rmSync(join(root, "etc/resolv.conf"), { force: true });
  symlinkSync("/run/resolv.conf", join(root, "etc/resolv.conf"));
  // What changes lies on the data partition, under the names the package has for it.
  symlinkSync("/data/sotto", join(root, "etc/sotto"));
  rmSync(join(root, "var/lib/sotto"), { recursive: true, force: true });
  mkdirSync(join(root, "var/lib"), { recursive: true });
  symlinkSync("/data/state", join(root, "var/lib/sotto"));
  const config = options.config
    ? readFileSync(options.config, "utf8")
    : readFileSync(join(top, "toolchain/debian/sotto.jsonc"), "utf8").replace(
        '"board": "host"',
        `"board": "${image.board}"`,
      );
  writeFileSync(join(root, "usr/share/sotto/sotto.json"), config);
  cpSync(options.network ?? own("network.conf"), join(root, "usr/share/sotto/network.conf"));
  writeFileSync(join(root, "usr/share/sotto/built"), `${builtS}\n`);
  writeFileSync(join(root, "usr/share/sotto/board"), `${image.board}\n`);
  // Which of the two lists of what radios may do where (the one signed by Debian) is for a program to say that has not run.
  for (const name of ["regulatory.db", "regulatory.db.p7s"])
    if (existsSync(join(root, "usr/lib/firmware", `${name}-debian`)))
      symlinkSync(`${name}-debian`, join(root, "usr/lib/firmware", name));
  if (options.firmware) cpSync(options.firmware, join(root, "usr/lib/firmware"), { recursive: true });
  // Modules, unpacked: the root is compressed as a whole.
  const modules = join(root, "usr/lib/modules", kernel.release);
  mkdirSync(modules, { recursive: true });
  const paths = moduleClosure(
    kernel,
    [...image.diskModules, ...image.modules],
    image.moduleFolders,
    image.board === "qemu-virt",
  );
  await unpackModules(kernel, paths, modules);
  for (const file of ["modules.builtin", "modules.builtin.modinfo", "modules.order"])
    cpSync(join(kernel.modules, file), join(modules, file));
  await runTool(needTool("depmod", "kmod"), ["-b", root, kernel.release]);
  appendFileSync(join(root, "etc/profile"), "export PATH=/usr/sbin:/usr/bin\n");
}

async function firstRoot(image: BoardImage, kernel: Kernel, base: string, work: string): Promise<Buffer> {
  const folder = join(work, "first-modules");
  const paths = moduleClosure(kernel, image.diskModules, [], image.board === "qemu-virt");
  const names = await unpackModules(kernel, paths, folder, true);
  return initramfs([
    fileEntry("init", readFileSync(own("init")), 0o755),
    fileEntry("bin/busybox", readFileSync(join(base, "usr/bin/busybox")), 0o755),
    ...names.map((name) => fileEntry(`modules/${name}`, readFileSync(join(folder, name)))),
    fileEntry("modules/order", names.map((name) => `${name}\n`).join("")),
    ...["dev", "proc", "sys", "root"].map((path): ArchiveEntry => ({ path, type: "directory", mode: 0o755 })),
  ]);
}

async function bootPartition(file: string, release: Release, kernel: Kernel, initrd: string) {
  writeFileSync(file, "");
  const work = mkdtempSync(join(tmpdir(), "sotto-boot-"));
  const entry = join(work, "entry.conf");
  const loader = join(work, "loader.conf");
  const described = join(work, RELEASE_FILE);
  writeFileSync(entry, loaderEntry(release, "a", 1));
  writeFileSync(described, `${JSON.stringify(release)}\n`);
  writeFileSync(loader, "timeout 0\neditor no\n");
  const tool = (name: string, ...args: string[]) => runTool(needTool(name, "mtools"), ["-i", file, ...args]);
  try {
    await runTool(needTool("mformat", "mtools"), [
      "-i",
      file,
      "-C",
      "-F",
      "-T",
      String(layout.boot / 512),
      "-N",
      "50770507",
      "-v",
      "SOTTO",
      "::",
    ]);
    await tool("mmd", "::/EFI", "::/EFI/BOOT", "::/loader", "::/loader/entries", "::/slot-a", "::/slot-b");
    await tool("mcopy", kernel.loader, "::/EFI/BOOT/BOOTAA64.EFI");
    await tool("mcopy", kernel.file, "::/slot-a/linux");
    await tool("mcopy", initrd, "::/slot-a/initrd");
    await tool("mcopy", described, `::/slot-a/${RELEASE_FILE}`);
    await tool("mcopy", entry, "::/loader/entries/sotto-a.conf");
    await tool("mcopy", loader, "::/loader/loader.conf");
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Where the data partition begins in an image, bytes. */
export const dataStart = MIB + layout.boot + 2 * layout.root;

/** Makes a data partition's file system in `file` from the files in `content`. */
export async function makeData(file: string, content: string): Promise<void> {
  rmSync(file, { force: true });
  await runTool(needTool("mke2fs", "e2fsprogs"), [
    ...["-q", "-t", "ext4", "-L", "sotto-data", "-U", "50770f0e-5077-4d61-8d61-7461646174a1", "-E", "root_owner=0:0"],
    ...["-d", content],
    ...[file, `${layout.data / 1024}k`],
  ]);
}

async function dataPartition(file: string, work: string, options: ImageOptions) {
  const content = join(work, "data");
  mkdirSync(content);
  if (options.network) cpSync(options.network, join(content, "network.conf"));
  if (options.updateKey) {
    const pem = readFileSync(options.updateKey, "utf8");
    ownerKey(pem);
    writeFileSync(join(content, "update.pub"), pem);
  }
  await makeData(file, content);
}
