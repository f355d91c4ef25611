// What goes onto a device: the same bytes twice, small enough, with every licence; native parts for the right processor, or a clear refusal.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BUNDLE_LIMIT } from "../../../toolchain/device/build.js";
import { bundle } from "../../../toolchain/device/bundle.js";
import { noticeFile, notices } from "../../../toolchain/device/licences.js";
import { checkElf, compileNative, nativeParts } from "../../../toolchain/device/natives.js";
import { sizes } from "../../../toolchain/device/size.js";
import { findTarget, targets } from "../../../toolchain/device/targets.js";

const folder = mkdtempSync(join(tmpdir(), "sotto-build-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const contents = (path: string) =>
  readdirSync(path)
    .sort()
    .map((name) => [name, readFileSync(join(path, name)).toString("base64")]);

test("two builds are the same bytes, maps included; nothing in them says where they were made; the report adds up", async () => {
  const first = await bundle(join(folder, "a", "app"), join(folder, "a", "maps"), "1.2.3");
  await bundle(join(folder, "elsewhere", "app"), join(folder, "elsewhere", "maps"), "1.2.3");
  for (const part of ["app", "maps"])
    assert.equal(contents(join(folder, "a", part)), contents(join(folder, "elsewhere", part)), part);
  const files = readdirSync(join(folder, "a", "app"));
  assert.not.ok(
    files.some((name) => name.endsWith(".map")),
    "source maps are kept aside",
  );
  assert.not.match(readFileSync(join(folder, "a", "app", "sotto.js"), "latin1"), folder);

  const { bytes, modules } = sizes(first.meta);
  const onDisk = files
    .filter((name) => /\.c?js$/.test(name))
    .map((name) => statSync(join(folder, "a", "app", name)).size);
  assert.is(
    bytes,
    onDisk.reduce((sum, size) => sum + size, 0),
  );
  assert.is(
    bytes,
    modules.reduce((sum, module) => sum + module.bytes, 0),
  );
  assert.ok(bytes < BUNDLE_LIMIT, `${bytes} bytes`);

  // What drivers take from CommonJS packages must be there under its name.
  const code = readFileSync(join(folder, "a", "app", "handset.cjs"), "latin1");
  for (const name of ["Gpio", "SerialPort", "Poller"])
    assert.match(code, new RegExp(`\\{[^{}]*\\b${name}:\\(\\)=>`), name);
  // V8 keeps one byte a character, and the loader reads it so.
  assert.not.match(code, /[^\x00-\x7f]/);
  assert.equal(first.natives, ["epoll", "koffi", "node-alsa", "serialport"]);

  const inputs = Object.values(first.meta.outputs).flatMap((output) => Object.keys(output.inputs));
  const packages = notices(inputs);
  const names = packages.map(({ name }) => name);
  for (const name of ["pkijs", "commander", "valibot"]) assert.ok(names.includes(name), name);
  assert.not.ok(names.includes("esbuild"), "tools are not shipped");
  for (const { name, text } of packages) assert.ok(text.length > 200, `${name}: ${text}`);
  assert.match(noticeFile(packages), /pkijs \d+\.\d+\.\d+: BSD-3-Clause/);
});

test("a package without a licence text stops the build", () => {
  assert.throws(() => notices(["test/../node_modules/.bin/x"]), Error);
});

test("a native part that is missing is named: its sources, its compiler, its processor", async () => {
  const target = findTarget("armv7");
  const nowhere = { ...nativeParts[0], name: "ghost", folder: "node_modules/ghost", sources: () => ["src/ghost.c"] };
  const refused = async (work: Promise<void>) =>
    work.then(
      () => "not refused",
      (error: Error) => error.message,
    );
  assert.match(
    await refused(compileNative(nowhere, target, join(folder, "ghost.node"), { root: folder })),
    /native part ghost cannot be built: node_modules\/ghost\/src\/ghost\.c is missing/,
  );
  const part = nativeParts.find(({ name }) => name === "serialport")!;
  assert.match(
    await refused(
      compileNative(part, { ...target, triplet: "vax-dec-ultrix" }, join(folder, "x.node"), { root: folder }),
    ),
    /native part serialport cannot be built: vax-dec-ultrix-g\+\+ is not installed/,
  );
});

test("an ELF file for another processor, a program, and no ELF file at all are refused", () => {
  const elf = readFileSync(process.execPath).subarray(0, 64);
  const own = targets.find(({ node }) => node === process.arch)!;
  assert.throws(() => checkElf(elf, targets.find(({ node }) => node !== process.arch)!, "x"), /another processor/);
  const object = Buffer.from(elf);
  object.writeUInt16LE(3, 16);
  checkElf(object, own, "x");
  object.writeUInt16LE(2, 16);
  assert.throws(() => checkElf(object, own, "x"), /no shared object/);
  assert.throws(() => checkElf(Buffer.from("text"), own, "x"), /not an ELF file/);
});

test("an unknown target is told which there are", () => {
  assert.throws(() => findTarget("armv5"), /no target "armv5"; targets: armv7, arm64, x64/);
});

test.run();
