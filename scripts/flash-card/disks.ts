// What is known of a disk before it is overwritten: size, name, what is mounted from it, whether the system lives on it.

import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** A disk, or a file that stands for one. */
export interface Disk {
  readonly path: string;
  readonly kind: "disk" | "file";
  readonly bytes: number;
  /** Vendor and model, where the kernel knows them. */
  readonly name: string;
  readonly removable: boolean;
  /** Partitions by name, with their sizes. */
  readonly partitions: readonly { readonly name: string; readonly bytes: number }[];
  /** Where it, a partition of it or something built on one is mounted or swapped to. */
  readonly mounts: readonly string[];
}

/** Where the kernel tells of disks; tests have their own. */
export interface DiskRoots {
  readonly sys: string;
  readonly mounts: string;
  readonly swaps: string;
}

const systemRoots: DiskRoots = { sys: "/sys/class/block", mounts: "/proc/self/mounts", swaps: "/proc/swaps" };

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
};

/**
 * Looks at a device or file.
 * @throws Error when it is neither, when it is a partition instead of a disk, or cannot be looked at.
 */
export function lookAt(path: string, roots: DiskRoots = systemRoots): Disk {
  let found: ReturnType<typeof statSync>;
  try {
    found = statSync(path);
  } catch (error) {
    throw new Error(`${path} cannot be looked at (${(error as NodeJS.ErrnoException).code})`);
  }
  if (found.isFile())
    return {
      path,
      kind: "file",
      bytes: found.size,
      name: "a file",
      removable: true,
      partitions: partitionsOf(path),
      mounts: [],
    };
  if (!found.isBlockDevice()) throw new Error(`${path} is neither a disk nor a file`);
  const device = basename(realpathSync(path));
  const at = join(roots.sys, device);
  if (read(join(at, "partition"))) {
    const whole = basename(join(realpathSync(at), ".."));
    throw new Error(`${path} is a partition; the whole disk is /dev/${whole}`);
  }
  const inUse = users(device, roots);
  return {
    path,
    kind: "disk",
    bytes: 512 * Number(read(join(at, "size"))),
    name:
      [read(join(at, "device", "vendor")), read(join(at, "device", "model")) || read(join(at, "device", "name"))]
        .filter(Boolean)
        .join(" ") || device,
    removable: read(join(at, "removable")) === "1" || /^mmcblk/.test(device),
    partitions: partitionsOf(path),
    mounts: inUse,
  };
}

/** Mount points and swaps of a device, its partitions and what is built on them (RAID, LUKS, LVM). */
function users(device: string, roots: DiskRoots): string[] {
  const names = new Set<string>();
  const take = (name: string) => {
    if (names.has(name)) return;
    names.add(name);
    for (const inner of list(join(roots.sys, name))) if (inner.startsWith(name)) take(inner);
    for (const holder of list(join(roots.sys, name, "holders"))) take(holder);
  };
  take(device);
  const found: string[] = [];
  for (const line of [
    ...read(roots.mounts).split("\n"),
    ...read(roots.swaps)
      .split("\n")
      .slice(1)
      .map((one) => one.replace(/\s+/, " swap ")),
  ]) {
    const [source = "", where = ""] = line.split(/\s+/);
    if (source.startsWith("/dev/") && names.has(basename(resolved(source)))) found.push(where.replace(/\\040/g, " "));
  }
  return found;
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Names and sizes of a GPT's partitions; a disk without one has none that we name. */
export function partitionsOf(path: string): { readonly name: string; readonly bytes: number }[] {
  let disk: number;
  try {
    disk = openSync(path, "r");
  } catch {
    return [];
  }
  try {
    const header = Buffer.alloc(512);
    if (readSync(disk, header, 0, 512, 512) < 512 || header.toString("latin1", 0, 8) !== "EFI PART") return [];
    const [first, count, size] = [Number(header.readBigUInt64LE(72)), header.readUInt32LE(80), header.readUInt32LE(84)];
    if (count > 256 || size < 128 || size > 4096) return [];
    const table = Buffer.alloc(count * size);
    readSync(disk, table, 0, table.length, 512 * first);
    const found: { name: string; bytes: number }[] = [];
    for (let i = 0; i < count; i++) {
      const entry = table.subarray(i * size, (i + 1) * size);
      if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
      const sectors = entry.readBigUInt64LE(40) - entry.readBigUInt64LE(32) + 1n;
      const name = entry.toString("utf16le", 56, 128).replace(/\0.*$/s, "");
      found.push({ name: name || `partition ${i + 1}`, bytes: Number(sectors) * 512 });
    }
    return found;
  } finally {
    closeSync(disk);
  }
}

/**
 * Why a disk must not be overwritten; undefined: it may be.
 * @param imageBytes what is to be written.
 */
export function refusal(disk: Disk, imageBytes: number): string | undefined {
  const system = disk.mounts.filter((where) =>
    ["/", "/boot", "/boot/efi", "/usr", "/home", "/var", "swap"].includes(where),
  );
  if (system.length > 0) return `${disk.path} holds this system (${system.join(", ")})`;
  if (disk.mounts.length > 0) return `${disk.path} is in use: ${disk.mounts.join(", ")} (umount first)`;
  if (disk.bytes < imageBytes && disk.kind === "disk")
    return `${disk.path} is too small: it has ${megabytes(disk.bytes)}, the image needs ${megabytes(imageBytes)}`;
  if (disk.kind === "file" && disk.bytes > 0 && disk.bytes < imageBytes)
    return `${disk.path} is too small: it has ${megabytes(disk.bytes)}, the image needs ${megabytes(imageBytes)}`;
  return undefined;
}

/** Bytes for people. */
export const megabytes = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
