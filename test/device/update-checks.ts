// Updates of an emulated device by scripts/update: who may, one that is good, ones that go back by themselves, and one that a power cut ends.

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type DeviceStatus, describeParts } from "../../firmware/update/index.js";
import { deviceStatus, type ReleaseFiles, updateDevice } from "../../scripts/update-device/update.js";
import { runTool } from "../../toolchain/device/tools.js";
import type { EmulatedDevice } from "./emulated-device.js";

/** A key pair of an owner. */
export interface Owner {
  readonly publicPem: string;
  readonly privateKey: KeyObject;
}

export function makeOwner(): Owner {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { publicPem: publicKey.export({ type: "spki", format: "pem" }) as string, privateKey };
}

async function rejects(what: Promise<unknown>, pattern: RegExp): Promise<void> {
  const error = await what.then(
    () => assert.unreachable(`expected ${pattern}`),
    (reason: Error) => reason,
  );
  assert.match((error as Error).message, pattern, (error as Error).stack);
}

/** The owner's computer. `folder` holds releases it makes. */
export class UpdateChecks {
  constructor(
    private readonly device: EmulatedDevice,
    private readonly folder: string,
    private readonly owner: Owner,
  ) {}

  private get place() {
    return { kind: "network", host: this.device.network.guest, port: 5099 } as const;
  }

  status(): Promise<DeviceStatus> {
    return deviceStatus(this.place, this.owner.privateKey);
  }

  /** The image's own release. */
  private made(): ReleaseFiles {
    const { release, root, kernel, initrd } = this.device.image;
    return { release, files: { root, linux: kernel, initrd } };
  }

  /** The image's release with another part and version. */
  private async changed(version: string, part: "root" | "initrd", file: string, more = ""): Promise<ReleaseFiles> {
    const { release, files: own } = this.made();
    const files = { ...own, [part]: file };
    const commandLine = release.commandLine + more;
    return { release: { ...release, version, commandLine, parts: await describeParts(files) }, files };
  }

  /** Strangers get nothing, whatever they ask; the owner is told what runs, over network and serial line. */
  async strangers(): Promise<void> {
    const stranger = makeOwner().privateKey;
    const refused = /not signed by this telephone's owner/;
    await rejects(updateDevice(this.place, stranger, this.made(), { trialSeconds: 60 }), refused);
    const found = await this.status();
    assert.equal(found, { board: "qemu-virt", slot: "a", state: "good", release: this.device.image.release });
    const line = { kind: "serial", path: this.device.machine.serialLine, speed: 115_200 } as const;
    assert.equal(await deviceStatus(line, this.owner.privateKey), found, "over a serial line it is told the same");
  }

  /**
   * The power goes when some of a root has been written.
   * @returns a promise that the owner is told, once the device is back and does not know the connection (or after minutes without).
   */
  async powerCut(): Promise<{ readonly told: Promise<void> }> {
    const root = join(this.folder, "root.other");
    cpSync(this.device.image.root, root);
    appendFileSync(root, Buffer.alloc(4096, 1));
    const release = await this.changed("9.0.0", "root", root);
    return new Promise((resolve, reject) => {
      let isCut = false;
      const updating = updateDevice(this.place, this.owner.privateKey, release, {
        trialSeconds: 60,
        sent: (bytes) => {
          if (isCut || bytes <= 15e6) return;
          isCut = true;
          this.device.machine.powerCut().then(() => resolve({ told }), reject);
        },
      });
      const told = rejects(updating, /connection|from the other side/);
      told.then(() => isCut || reject(new Error("it ended before the power went")), reject);
    });
  }

  /** Another first root: only that is sent; it becomes the running release when it is registered. */
  async good(): Promise<void> {
    const initrd = join(this.folder, "initrd.other");
    cpSync(this.device.image.initrd, initrd);
    // The kernel takes zeros behind an archive.
    appendFileSync(initrd, Buffer.alloc(4096));
    const needs: unknown[] = [];
    const next = await this.changed("9.1.0", "initrd", initrd);
    const result = await updateDevice(this.place, this.owner.privateKey, next, {
      trialSeconds: 300,
      needs: (parts) => needs.push(...parts),
    });
    assert.equal(needs, ["initrd"]);
    assert.ok(result.state === "good", JSON.stringify(result));
    assert.is(result.status.slot, "b");
    assert.is(result.status.release?.version, "9.1.0");
    const { machine } = this.device;
    assert.match(await machine.shell("cat /proc/cmdline"), /sotto\.slot=b .*sotto\.expect=registered/);
    assert.match(machine.console, /slot b is on trial[\s\S]*slot b is good/);
  }

  /** A release that has no time to become healthy: the device itself goes back. */
  async tooSlow(): Promise<void> {
    const result = await updateDevice(this.place, this.owner.privateKey, this.made(), { trialSeconds: 10 });
    assert.ok(result.state === "rolled-back", JSON.stringify(result));
    assert.is(result.status.slot, "b");
    assert.match(result.status.failed!, /^slot a was not (ready|registered) within 10 s$/);
  }

  /** A release whose kernel panics: the loader goes back. */
  async panics(): Promise<void> {
    const empty = join(this.folder, "empty");
    mkdirSync(empty);
    writeFileSync(join(empty, "nothing"), "");
    const root = join(this.folder, "root.empty");
    await runTool("mksquashfs", [empty, root, "-quiet", "-no-progress"]);
    const next = await this.changed("9.2.0", "root", root, " panic=1");
    const result = await updateDevice(this.place, this.owner.privateKey, next, { trialSeconds: 60 });
    assert.ok(result.state === "rolled-back", JSON.stringify(result));
    assert.is(result.status.slot, "b");
    assert.match(result.status.failed!, /slot a was tried and did not come up/);
  }
}
