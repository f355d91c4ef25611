// The Debian package, read back by Debian's own tool: what is in it, what it depends on, what it does when it is installed and removed.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../../firmware/config/index.js";
import { ar, complete, fileEntry } from "../../../toolchain/device/archive.js";
import type { DeviceBuild } from "../../../toolchain/device/build.js";
import { withOwnModules } from "../../../toolchain/device/node.js";
import { dependencies, makePackage } from "../../../toolchain/device/package.js";
import { findTarget } from "../../../toolchain/device/targets.js";
import { needPeer } from "../../interop/tools.js";
import { checkout } from "../../vectors.js";

const test = suite("debian package");
const folder = mkdtempSync(join(tmpdir(), "sotto-deb-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A build as toolchain/build leaves it, without what only its size would show. */
function smallBuild(version: string): DeviceBuild {
  const app = join(folder, "app");
  mkdirSync(join(app, "native"), { recursive: true });
  for (const name of ["sotto.js", "package.json", "NOTICE", "LICENSE"])
    writeFileSync(join(app, name), `${name} ${version}\n`);
  writeFileSync(join(app, "native", "koffi.node"), "object");
  return { target: findTarget("armv7"), version, app, maps: folder, natives: ["koffi"], bytes: 1, report: "" };
}

test("an archive has its folders, no entry twice and no path outside", () => {
  assert.equal(
    complete([fileEntry("a/b/c", "x")]).map(({ path }) => path),
    ["a", "a/b", "a/b/c"],
  );
  assert.throws(() => complete([fileEntry("a", "x"), fileEntry("a", "y")]), /twice/);
  assert.throws(() => complete([fileEntry("../a", "x")]), RangeError);
  assert.throws(() => ar([{ name: "a name", content: new Uint8Array() }]), RangeError);
});

test("Node is depended on, with its major version where a part is bound to it, or brought along", () => {
  assert.equal(dependencies(["koffi"], false), ["nodejs (>= 20)"]);
  assert.ok(dependencies(["epoll"], false).includes("nodejs (<< 21)"));
  assert.not.ok(dependencies(["epoll"], true).some((one) => one.startsWith("nodejs")));
  assert.ok(dependencies(["node-alsa"], false).some((one) => one.startsWith("libasound2")));
});

test("a Node that is brought along asks for its modules in a folder of ours; the library keeps its length and everything else", () => {
  const asked = ["acorn/dist/acorn.js", "cjs-module-lexer/lexer.js", "acorn/dist/acorn.js"];
  const before = Buffer.concat([
    Buffer.from([0x7f, 0x45, 0xff, 0x80]),
    ...asked.map((name) => Buffer.from(`\0/usr/share/nodejs/${name}\0`)),
    Buffer.from([0xfe, 0xc3]),
  ]);
  const { library, modules } = withOwnModules(before);
  assert.equal(modules, ["acorn/dist/acorn.js", "cjs-module-lexer/lexer.js"]);
  assert.is(library.length, before.length);
  assert.not.match(library.toString("latin1"), "/usr/share/nodejs/");
  assert.is(library.indexOf("/usr/lib/sotto/js/acorn/dist/acorn.js\0"), before.indexOf("/usr/share/nodejs/acorn"));
  assert.equal([...library.subarray(0, 4), ...library.subarray(-2)], [0x7f, 0x45, 0xff, 0x80, 0xfe, 0xc3]);
});

test("the default configuration is one the telephone takes", () => {
  const text = readFileSync(join(checkout, "toolchain", "debian", "sotto.jsonc"), "utf8");
  const outcome = parseConfig(parse(text));
  assert.not.ok("problems" in outcome, JSON.stringify(outcome));
});

if (needPeer("Debian's package tools", "dpkg-deb", "dpkg", "systemd-sysusers")) {
  test("the package says what it is, and two of one build are the same bytes", async () => {
    const made = await makePackage(smallBuild("1.0.0"));
    assert.equal(made.bytes, (await makePackage(smallBuild("1.0.0"))).bytes);
    assert.is(made.name, "sotto_1.0.0_armhf.deb");
    const file = join(folder, made.name);
    writeFileSync(file, made.bytes);
    const field = (name: string) => execFileSync("dpkg-deb", ["-f", file, name], { encoding: "utf8" }).trim();
    assert.is(field("Architecture"), "armhf");
    assert.is(field("Depends"), "nodejs (>= 20)");
    const list = execFileSync("dpkg-deb", ["-c", file], { encoding: "utf8" });
    for (const path of [
      "./usr/bin/sotto",
      "./usr/lib/sotto/sotto.js",
      "./usr/lib/sotto/native/koffi.node",
      "./usr/lib/systemd/system/sotto.service",
      "./usr/lib/udev/rules.d/70-sotto.rules",
      "./etc/sotto/sotto.json",
      "./usr/share/doc/sotto/copyright",
    ])
      assert.match(list, path);
    assert.match(list, /^-rwxr-xr-x root\/root .* \.\/usr\/bin\/sotto$/m);
    assert.match(list, /^-rw-r----- root\/root .* \.\/etc\/sotto\/sotto\.json$/m);
  });

  test("installed, upgraded over a changed configuration, removed and purged, it leaves what it should", async () => {
    const root = join(folder, "root");
    mkdirSync(join(root, "var", "lib", "dpkg"), { recursive: true });
    for (const name of ["status", "available"]) writeFileSync(join(root, "var", "lib", "dpkg", name), "");
    mkdirSync(join(root, "var", "lib", "dpkg", "info"), { recursive: true });
    mkdirSync(join(root, "var", "lib", "dpkg", "updates"), { recursive: true });
    mkdirSync(join(root, "etc"), { recursive: true });
    const dpkg = (...args: string[]) =>
      execFileSync(
        "dpkg",
        [
          `--root=${root}`,
          "--force-architecture",
          "--force-depends",
          "--force-script-chrootless",
          "--force-confold",
          ...args,
        ],
        { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, DPKG_ROOT: "" } },
      );
    const install = async (version: string) => {
      const { name, bytes } = await makePackage(smallBuild(version));
      writeFileSync(join(folder, name), bytes);
      dpkg("-i", join(folder, name));
    };
    const config = join(root, "etc", "sotto", "sotto.json");
    await install("1.0.0");
    assert.is(statSync(config).mode & 0o777, 0o640);
    assert.ok(existsSync(join(root, "usr", "bin", "sotto")));
    const users = readFileSync(join(root, "etc", "passwd"), "utf8");
    assert.match(users, /^sotto:/m, "a user of its own");
    assert.match(readFileSync(join(root, "etc", "group"), "utf8"), /^audio:.*sotto/m);
    writeFileSync(config, "mine");
    mkdirSync(join(root, "var", "lib", "sotto", "keys"), { recursive: true });
    await install("1.0.1");
    assert.is(readFileSync(config, "utf8"), "mine", "a changed configuration is kept");
    assert.match(readFileSync(join(root, "usr", "lib", "sotto", "sotto.js"), "utf8"), "1.0.1");
    dpkg("-r", "sotto");
    assert.not.ok(existsSync(join(root, "usr", "lib", "sotto")));
    assert.not.ok(existsSync(join(root, "etc", "systemd", "system", "multi-user.target.wants", "sotto.service")));
    assert.is(readFileSync(config, "utf8"), "mine", "removing is not purging");
    dpkg("-P", "sotto");
    assert.not.ok(existsSync(join(root, "etc", "sotto")));
    assert.not.ok(existsSync(join(root, "var", "lib", "sotto")));
  });
}

if (needPeer("systemd-analyze", "systemd-analyze"))
  test("systemd finds nothing wrong with the unit, and little that is exposed", () => {
    const root = join(folder, "unit");
    mkdirSync(join(root, "usr", "lib", "systemd", "system"), { recursive: true });
    mkdirSync(join(root, "usr", "bin"), { recursive: true });
    writeFileSync(join(root, "usr", "bin", "sotto"), "#!/bin/sh\n", { mode: 0o755 });
    const unit = join(root, "usr", "lib", "systemd", "system", "sotto.service");
    writeFileSync(unit, readFileSync(join(checkout, "toolchain", "debian", "sotto.service")));
    const security = execFileSync("systemd-analyze", ["security", "--offline=true", "--no-pager", unit], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(security)?.[1]);
    assert.ok(exposure > 0 && exposure < 4, security.split("\n").slice(-3).join("\n"));
  });

test.run();
