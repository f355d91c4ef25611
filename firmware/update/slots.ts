// The disk of a device with two slots: a root partition for each, their kernels and the loader's entries on the boot partition.

import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as v from "valibot";
import type { DeviceStatus } from "./protocol.js";
import type { UpdatedDevice } from "./receive.js";
import {
  loaderEntry,
  type PartName,
  parseEntryName,
  partNames,
  type Release,
  releaseSchema,
  type Slot,
  slots,
  TRIES,
  type Trial,
} from "./release.js";

/** Where a device's slots are. */
export interface SlotsOptions {
  readonly board: string;
  /** The running slot. */
  readonly slot: Slot;
  /** Where the boot partition is mounted. */
  readonly boot: string;
  /** Device (or file) of each slot's root. */
  readonly roots: Readonly<Record<Slot, string>>;
  /** File that says why the last update went back. */
  readonly failed: string;
  /** Makes the boot partition writable; default: it is remounted. */
  readonly unlock?: () => Promise<void>;
  /** The telephone, as far as it can be asked. */
  readonly phone: Pick<UpdatedDevice, "isBusy" | "isRegistered">;
}

/** Writes what was written to the disk itself. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** {@link UpdatedDevice} on a disk. */
export class DiskSlots implements UpdatedDevice {
  private readonly other: Slot;
  private readonly entries: string;

  constructor(private readonly options: SlotsOptions) {
    this.other = slots.find((slot) => slot !== options.slot)!;
    this.entries = join(options.boot, "loader", "entries");
  }

  isBusy(): Promise<boolean> {
    return this.options.phone.isBusy();
  }

  isRegistered(): Promise<boolean> {
    return this.options.phone.isRegistered();
  }

  async status(): Promise<DeviceStatus> {
    const { board, slot, failed } = this.options;
    const entries = (await readdir(this.entries)).map(parseEntryName);
    const own = entries.find((entry) => entry?.slot === slot);
    const isGivenUp = entries.some((entry) => entry?.slot === this.other && entry.left === 0);
    const why =
      (await readFile(failed, "utf8").catch(() => "")) ||
      (isGivenUp ? `slot ${this.other} was tried and did not come up` : "");
    return {
      board,
      slot,
      state: own?.left === undefined ? "good" : "on-trial",
      release: await this.releaseOf(slot),
      failed: why === "" ? undefined : why.split("\n")[0].slice(0, 300),
    };
  }

  async clear(): Promise<Slot> {
    const { boot, failed } = this.options;
    await (this.options.unlock ?? (() => promisify(execFile)("mount", ["-o", "remount,rw", boot]).then(() => {})))();
    for (const name of await readdir(this.entries))
      if (parseEntryName(name)?.slot === this.other) await rm(join(this.entries, name));
    // Nothing of the slot is touched before the disk says that nobody can start it.
    await syncFolder(this.entries);
    await rm(this.folder(this.other), { recursive: true, force: true });
    await mkdir(this.folder(this.other));
    await rm(failed, { force: true });
    return this.other;
  }

  async write(part: PartName, bytes: number, content: AsyncIterable<Uint8Array>): Promise<void> {
    // A partition is written in place, a file made.
    const isRoot = part === "root";
    const path = isRoot ? this.options.roots[this.other] : join(this.folder(this.other), part);
    const file = await open(path, isRoot ? "r+" : "w");
    try {
      let at = 0;
      for await (const piece of content)
        for (let done = 0; done < piece.length; ) {
          const { bytesWritten } = await file.write(piece, done, piece.length - done, at);
          if (bytesWritten === 0) throw new Error(`no room for ${part}`);
          done += bytesWritten;
          at += bytesWritten;
        }
      await file.sync();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw code === "ENOSPC" ? new Error(`no room for ${part}: it has ${bytes} bytes`) : error;
    } finally {
      await file.close();
    }
  }

  read(part: PartName, bytes: number): AsyncIterable<Uint8Array> {
    const { slot, roots } = this.options;
    return createReadStream(part === "root" ? roots[slot] : join(this.folder(slot), part), { end: bytes - 1 });
  }

  async activate(release: Release, trial: Trial): Promise<void> {
    await this.writeFile(join(this.folder(this.other), "release.json"), `${JSON.stringify(release)}\n`);
    await syncFolder(this.folder(this.other));
    const name = join(this.entries, `sotto-${this.other}`);
    await this.writeFile(`${name}.new`, loaderEntry(release, this.other, (await this.latest()) + 1, trial));
    await rename(`${name}.new`, `${name}+${TRIES}.conf`);
    await syncFolder(this.entries);
  }

  private folder(slot: Slot): string {
    return join(this.options.boot, `slot-${slot}`);
  }

  private async writeFile(path: string, text: string): Promise<void> {
    const file = await open(path, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Highest sequence of the entries there are. */
  private async latest(): Promise<number> {
    let latest = 0;
    for (const name of await readdir(this.entries)) {
      if (!parseEntryName(name)) continue;
      const text = await readFile(join(this.entries, name), "utf8");
      latest = Math.max(latest, Number(/^version (\d{1,9})$/m.exec(text)?.[1] ?? 0));
    }
    return latest;
  }

  private async releaseOf(slot: Slot): Promise<Release | undefined> {
    try {
      const read = v.safeParse(
        releaseSchema,
        JSON.parse(await readFile(join(this.folder(slot), "release.json"), "utf8")),
      );
      return read.success ? read.output : undefined;
    } catch {
      return undefined;
    }
  }
}

/** What a release's description says of files. */
export async function describeParts(files: Readonly<Record<PartName, string>>): Promise<Release["parts"]> {
  const { createHash } = await import("node:crypto");
  const entries = await Promise.all(
    partNames.map(async (name) => {
      const hash = createHash("sha256");
      let bytes = 0;
      for await (const chunk of createReadStream(files[name])) {
        hash.update(chunk);
        bytes += chunk.length;
      }
      return [name, { bytes, sha256: hash.digest("hex") }] as const;
    }),
  );
  return Object.fromEntries(entries) as Release["parts"];
}
