// Writing cards: what is refused, what is told, that what was written is read back, and that a card which lies is found out.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Disk, lookAt, partitionsOf, refusal } from "../../../scripts/flash-card/disks.js";
import { writeImage } from "../../../scripts/flash-card/write.js";
import { writeDisk } from "../../../toolchain/device/disk.js";
import { needPeer } from "../../interop/tools.js";
import { eventually } from "../../support/wait.js";
import { checkout } from "../../vectors.js";

const test = suite("flash");
const folder = mkdtempSync(join(tmpdir(), "sotto-flash-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const program = join(checkout, "out", "js", "scripts", "flash-card", "main.js");
const flash = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: "utf8", input: "" });
const MIB = 1024 * 1024;

const disk = (more: Partial<Disk> = {}): Disk => ({
  ...{ path: "/dev/sdx", kind: "disk", bytes: 100 * MIB, name: "Card", removable: true, partitions: [], mounts: [] },
  ...more,
});

test("a system disk, a mounted disk and one that is too small are refused, and said why", () => {
  assert.is(refusal(disk(), 50 * MIB), undefined);
  assert.match(refusal(disk({ mounts: ["/", "/boot"] }), MIB)!, /holds this system \(\/, \/boot\)/);
  assert.match(refusal(disk({ mounts: ["swap"] }), MIB)!, /holds this system/);
  assert.match(refusal(disk({ mounts: ["/media/card"] }), MIB)!, /in use: \/media\/card/);
  assert.match(refusal(disk(), 200 * MIB)!, /too small: it has 104\.9 MB, the image needs 209\.7 MB/);
});

test("the disk this system runs on is known as such; a partition is not a disk, a folder is none either", () => {
  const root = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .find(([source, where]) => where === "/" && source.startsWith("/dev/"));
  if (root) {
    let path = root[0];
    let message = "";
    try {
      message = refusal(lookAt(path), 1) ?? "";
    } catch (error) {
      // The root is on a partition: we are told the disk.
      message = (error as Error).message;
      path = /whole disk is (\S+)/.exec(message)?.[1] ?? "";
      message = refusal(lookAt(path), 1) ?? "";
    }
    assert.match(message, /holds this system/);
    assert.is(flash(writeImageFile("any.img", 4096), path, "--yes").status, 1);
  } else console.log("skipped: the root of this system is on no disk that can be seen");
  assert.throws(() => lookAt("/tmp"), /neither a disk nor a file/);
  assert.throws(() => lookAt("/dev/null"), /neither a disk nor a file/);
  assert.throws(() => lookAt(join(folder, "nothing")), /ENOENT/);
});

function writeRandom(name: string, bytes: number, change: (content: Buffer) => void = () => {}): string {
  const file = join(folder, name);
  const content = randomBytes(bytes);
  change(content);
  writeFileSync(file, content);
  return file;
}

/** Random, but for what tells a disk image: a GPT header at its second sector and one at its end. */
const writeImageFile = (name: string, bytes: number) =>
  writeRandom(name, bytes, (content) => {
    const last = Math.floor(bytes / 512) - 1;
    for (const at of [512, 512 * last]) {
      content.fill(0, at, at + 512);
      content.write("EFI PART", at, "latin1");
      content.writeBigUInt64LE(BigInt(last), at + 32);
    }
  });

test("what is mounted from something built on a partition (LUKS, LVM) counts", () => {
  const sys = join(folder, "sys");
  for (const path of ["null/nullp1/holders/dm-0", "nullp1/holders/dm-0", "dm-0"])
    mkdirSync(join(sys, path), { recursive: true });
  const mounts = join(folder, "mounts");
  writeFileSync(mounts, "/dev/dm-0 /media/my\\040card ext4 rw 0 0\n");
  // /dev/loop0 and the like may be absent: any block device would do, none is opened.
  const device = ["/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0"].find((path) => {
    try {
      return lookAt(path).kind === "disk";
    } catch {
      return false;
    }
  });
  if (!device) return console.log("skipped: no block device here to look at");
  const name = device.slice(5);
  mkdirSync(join(sys, name, `${name}p1`), { recursive: true });
  mkdirSync(join(sys, `${name}p1`, "holders", "dm-0"), { recursive: true });
  const found = lookAt(device, { sys, mounts, swaps: join(folder, "none") });
  assert.equal(found.mounts, ["/media/my card"]);
});

test("an image is written and verified; a second run without --yes asks somebody, and nobody is here", () => {
  const image = writeImageFile("image.img", 9 * MIB + 77);
  const card = join(folder, "card");
  writeFileSync(card, Buffer.alloc(12 * MIB));
  const asked = flash(image, card);
  assert.is(asked.status, 1);
  assert.match(asked.stderr, /nobody to ask/);
  assert.ok(
    readFileSync(card).every((byte) => byte === 0),
    "nothing was written",
  );
  const done = flash(image, card, "--yes");
  assert.is(done.status, 0, done.stderr);
  assert.match(done.stdout, /may be pulled out/);
  const bytes = readFileSync(image);
  assert.ok(readFileSync(card).subarray(0, bytes.length).equals(bytes));
  assert.is(flash(writeImageFile("big.img", 13 * MIB), card, "--yes").status, 1, "too small");
  assert.is(flash(join(folder, "no.img"), card, "--yes").status, 1);
});

test("what is no whole disk image is not written, and said why", () => {
  const card = join(folder, "spared");
  writeFileSync(card, Buffer.alloc(3 * MIB));
  const whole = readFileSync(writeImageFile("whole.img", 2 * MIB));
  const refused = (name: string, content: Buffer, why: RegExp) => {
    const file = join(folder, name);
    writeFileSync(file, content);
    const done = flash(file, card, "--yes");
    assert.is(done.status, 1, name);
    assert.match(done.stderr, why);
  };
  refused("empty.img", Buffer.alloc(0), /no disk image/);
  refused("random.img", randomBytes(2 * MIB), /no disk image/);
  refused("short.img", whole.subarray(0, MIB), /cut short: it has 1\.0 MB of 2\.1 MB/);
  refused("holes.img", Buffer.concat([whole.subarray(0, MIB), Buffer.alloc(MIB)]), /damaged/);
  refused("packed.img.xz", Buffer.from("fd377a585a000004", "hex"), /is compressed; first: xz -dk /);
  assert.match(flash(folder, card, "--yes").stderr, /is not a file/);
  assert.ok(
    readFileSync(card).every((byte) => byte === 0),
    "nothing was written",
  );
});

test("stopped in the middle it says that the card holds half an image, and gives the terminal its cursor back", async () => {
  // Large, so that it takes long; mostly holes, so that it takes no room.
  const image = writeImageFile("long.img", MIB);
  const content = readFileSync(image);
  content.writeBigUInt64LE(BigInt((1024 * MIB) / 512 - 1), 512 + 32);
  writeFileSync(image, content);
  truncateSync(image, 1024 * MIB - 512);
  appendFileSync(image, content.subarray(512, 1024));
  const card = join(folder, "half");
  writeFileSync(card, "");
  const child = spawn(process.execPath, [program, image, card, "--yes"], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await eventually("it writes", 30_000, () => statSync(card).size > 0);
  child.kill("SIGINT");
  const code = await new Promise((resolve) => child.once("close", resolve));
  assert.is(code, 130);
  assert.match(said, /stopped\. .*(holds part of the image only|was not verified): write it again/);
});

test("a card that keeps something else than what was written is found out", async () => {
  const image = writeRandom("good.img", 5 * MIB);
  const card = join(folder, "liar");
  writeFileSync(card, Buffer.alloc(5 * MIB));
  try {
    await writeImage(image, card, (what, done, all) => {
      if (what !== "writing" || done < all) return;
      const bytes = readFileSync(card);
      bytes[4 * MIB + 5] ^= 1;
      writeFileSync(card, bytes);
    });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /does not hold what was written, between bytes 4194304/);
  }
});

/** A file as a disk of the kernel's; undefined where one may not have one. */
function loopDevice(file: string): string | undefined {
  const made = spawnSync("losetup", ["--find", "--show", file], { encoding: "utf8" });
  return made.status === 0 ? made.stdout.trim() : undefined;
}

test("a disk of the kernel's: mounted it is refused, too small it is refused, else it is written, read back and told of", () => {
  const file = join(folder, "loop.img");
  writeFileSync(file, Buffer.alloc(16 * MIB));
  const device = loopDevice(file);
  if (device === undefined) return console.log("skipped: no loop devices for us here");
  try {
    const image = writeImageFile("loop-image.img", 5 * MIB + 512);
    const done = flash(image, device, "--yes");
    assert.is(done.status, 0, done.stderr);
    assert.match(done.stdout, /NOT removable/);
    assert.ok(
      readFileSync(file)
        .subarray(0, 5 * MIB + 512)
        .equals(readFileSync(image)),
    );
    assert.match(flash(writeImageFile("loop-big.img", 17 * MIB), device, "--yes").stderr, /too small/);
    execFileSync("mke2fs", ["-q", "-t", "ext4", device]);
    const where = join(folder, "mounted");
    mkdirSync(where);
    if (spawnSync("mount", [device, where]).status !== 0) return console.log("skipped: we may not mount here");
    try {
      assert.match(flash(image, device, "--yes").stderr, /is in use: .*mounted \(umount first\)/);
    } finally {
      execFileSync("umount", [where]);
    }
  } finally {
    execFileSync("losetup", ["--detach", device]);
  }
});

if (needPeer("sfdisk", "sfdisk"))
  test("the partition table we write is one sfdisk reads, and what it names is what we name", async () => {
    const image = join(folder, "table.img");
    await writeDisk(image, "7F6F5C1C-5A6E-4C0A-9D1B-50770F0E5077", [
      { name: "sotto-boot", type: "efi", bytes: 4 * MIB },
      { name: "sotto-data", type: "linux", bytes: 3 * MIB, content: writeRandom("content", 1000) },
    ]);
    assert.equal(partitionsOf(image), [
      { name: "sotto-boot", bytes: 4 * MIB },
      { name: "sotto-data", bytes: 3 * MIB },
    ]);
    const table = JSON.parse(execFileSync("sfdisk", ["--json", image], { encoding: "utf8" })).partitiontable;
    assert.is(table.label, "gpt");
    assert.is(table.partitions[1].start * 512, 5 * MIB);
    assert.ok(
      readFileSync(image)
        .subarray(5 * MIB, 5 * MIB + 1000)
        .equals(readFileSync(join(folder, "content"))),
    );
  });

test.run();
