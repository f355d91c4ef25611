// Two builds of one commit in different folders, native parts compiled anew: the same bytes, down to the Debian package.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildForDevice } from "../../toolchain/device/build.js";
import { makePackage } from "../../toolchain/device/package.js";
import { cacheFolder, sysroot } from "../../toolchain/device/sysroot.js";
import { findTarget } from "../../toolchain/device/targets.js";
import { runTool } from "../../toolchain/device/tools.js";
import { needPeer } from "../interop/tools.js";
import { suiteFolder } from "../support/handset-process.js";
import { checkout } from "../vectors.js";

const test = suite("two builds");
const target = findTarget("armv7");
/** What a build reads of a checkout. */
const parts = [
  "firmware",
  "drivers",
  "platform",
  "toolchain",
  "docs",
  "README.md",
  "LICENSE",
  "package.json",
  "tsconfig.json",
];

/** Every file below a folder with its content. */
function contents(folder: string): Map<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return new Map(
    files
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [name, readFileSync(join(folder, name))]),
  );
}

if (needPeer("a toolchain for armhf", "mmdebstrap", `${target.triplet}-gcc`, `${target.triplet}-g++`))
  test("one in this checkout, one in a copy of it elsewhere", async () => {
    const folder = suiteFolder("same");
    const here = await buildForDevice(target, { out: join(folder, "here") });
    const { name, bytes } = await makePackage(here);

    const copy = join(folder, "another place", "copy");
    mkdirSync(copy, { recursive: true });
    for (const part of parts) cpSync(join(checkout, part), join(copy, part), { recursive: true });
    // Packages are copied, not linked: a link would lead the compiler back here. What only checks or tests is left out.
    const idle = new Set(["@biomejs", "@typescript", "typescript", "@types", ".bin", ".cache"]);
    for (const entry of readdirSync(join(checkout, "node_modules")))
      if (!idle.has(entry))
        cpSync(join(checkout, "node_modules", entry), join(copy, "node_modules", entry), {
          recursive: true,
          dereference: true,
        });
    // Another path to the same Debian files; links where the file system has them.
    const root = await sysroot(target);
    const otherRoot = join(copy, "out", "cache", basename(root));
    mkdirSync(dirname(otherRoot), { recursive: true });
    await runTool("cp", ["-al", root, otherRoot]).catch(() => runTool("cp", ["-a", root, otherRoot]));
    assert.not.ok(existsSync(join(copy, "out", "cache", "natives")), "nothing compiled is brought along");
    assert.is(dirname(root), cacheFolder);
    execFileSync(
      process.execPath,
      [join(checkout, "out", "js", "toolchain", "device", "package-main.js"), "--target", target.name],
      { cwd: copy, env: { ...process.env, SOTTO_TOP: copy }, stdio: ["ignore", "ignore", "pipe"] },
    );

    const there = join(copy, "out", "device", target.name);
    for (const part of ["app", "maps"]) {
      const [ours, theirs] = [contents(join(folder, "here", part)), contents(join(there, part))];
      assert.equal([...theirs.keys()], [...ours.keys()], part);
      for (const [file, content] of ours) assert.ok(content.equals(theirs.get(file)!), `${part}/${file} differs`);
    }
    assert.ok(contents(join(there, "app")).has("native/koffi.node"));
    assert.ok(bytes.equals(readFileSync(join(there, name))), `${name} differs`);
  });

test.run();
