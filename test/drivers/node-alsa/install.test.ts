// node-alsa as a stranger gets it: packed, installed into a fresh folder without a network, with a prebuilt binary, by the C compiler, by
// node-gyp, and where nothing can compile it.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { needPeer, which } from "../../interop/tools.js";
import { suiteFolder } from "../../support/handset-process.js";
import { checkout } from "../../vectors.js";
import { haveAlsa } from "../audio/virtual-card/virtual-card.js";

const install = suite("node-alsa, installed");
const LIMIT_MS = 120_000;

if ((await haveAlsa()) && needPeer("npm", "npm", "make", "python3", "g++")) {
  const folder = suiteFolder("install");
  const home = join(folder, "home");
  mkdirSync(home);
  const npm = (cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    spawnSync("npm", [...args, "--offline", "--no-audit", "--no-fund", "--foreground-scripts"], {
      cwd,
      encoding: "utf8",
      timeout: LIMIT_MS,
      env: { PATH: process.env["PATH"], HOME: home, npm_config_cache: join(folder, "cache"), ...env },
    });
  const pack = (source: string): string => {
    const { status, stdout, stderr } = npm(source, ["pack", "--silent", "--pack-destination", folder]);
    assert.is(status, 0, stderr);
    return join(folder, stdout.trim().split("\n").at(-1)!);
  };

  /** The package's folder, copied out of the checkout with what it is built with. */
  const source = join(folder, "source", "drivers", "node-alsa");
  const prebuilt = join(source, "prebuilds", `linux-${process.arch}`, "node-alsa.node");
  let headers = "";
  /** The package as it was packed last; empty: something in it has changed since. */
  let tarball = "";

  let made = 0;
  /** Installs the package into a folder of its own, as `npm install node-alsa` would. */
  function fresh(options: { readonly args?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {}) {
    const user = join(folder, `user-${++made}`);
    mkdirSync(user);
    writeFileSync(join(user, "package.json"), '{ "name": "user", "private": true, "type": "module" }');
    tarball ||= pack(source);
    const result = npm(user, ["install", tarball, headers, ...(options.args ?? [])], options.env);
    const own = join(user, "node_modules", "node-alsa");
    return { ...result, user, own, words: result.stdout + result.stderr };
  }
  /** What a program of the user's says that lists cards, and which binary it has loaded. */
  function use(user: string) {
    const program =
      'import { listPcms, Pcm } from "node-alsa"; import { readFileSync } from "node:fs"; ' +
      "console.log(Array.isArray(listPcms()), typeof Pcm.open); " +
      'console.log(readFileSync("/proc/self/maps", "utf8").match(/\\S+node-alsa\\.node/)[0]);';
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: user,
      encoding: "utf8",
      env: { PATH: process.env["PATH"] },
    });
    const [works, file] = stdout.trim().split("\n");
    assert.is(works, "true function", stderr);
    return file;
  }

  install.before(() => {
    mkdirSync(dirname(source), { recursive: true });
    cpSync(join(checkout, "drivers", "node-alsa"), source, {
      recursive: true,
      filter: (path) => !/\/(build|prebuilds|dist)$/.test(path),
    });
    cpSync(join(checkout, "tsconfig.json"), join(folder, "source", "tsconfig.json"));
    symlinkSync(join(checkout, "node_modules"), join(folder, "source", "node_modules"));
    headers = pack(join(checkout, "node_modules", "node-api-headers"));
  });

  install("without a prebuilt binary the C compiler makes one, without a download", () => {
    const { status, words, user, own } = fresh();
    assert.is(status, 0, words);
    assert.is(use(user), join(own, "build", "node-alsa.node"));
    assert.ok(existsSync(join(own, "dist", "index.d.ts")), "types");
    assert.not(existsSync(join(own, "prebuilds")));
  });

  install("where the C compiler alone does not do, npm's node-gyp compiles it with Node's own headers", () => {
    if (!existsSync(join(dirname(dirname(process.execPath)), "include", "node", "common.gypi"))) {
      // Other installations keep them elsewhere or not at all; node-gyp would download them.
      console.log("skipped: this Node has no headers beside it");
      return;
    }
    const { status, words, user, own } = fresh({ args: ["--ignore-scripts"] });
    assert.is(status, 0, words);
    rmSync(join(user, "node_modules", "node-api-headers"), { recursive: true });
    const rebuilt = npm(user, ["rebuild", "node-alsa"]);
    assert.is(rebuilt.status, 0, rebuilt.stdout + rebuilt.stderr);
    assert.not(existsSync(join(own, "build", "node-alsa.node")));
    assert.is(use(user), join(own, "build", "Release", "node-alsa.node"));
  });

  /** A PATH on which there is Node, npm and a shell, and nothing that compiles. */
  function bare(): NodeJS.ProcessEnv {
    const path = join(folder, "bare");
    if (!existsSync(path)) {
      mkdirSync(path);
      for (const program of ["node", "npm", "sh", "env"]) symlinkSync(which(program)!, join(path, program));
    }
    return { PATH: path };
  }

  install("without a compiler it says what to install", () => {
    const { status, words, own } = fresh({ env: bare() });
    assert.is.not(status, 0);
    assert.match(words, /there is no prebuilt binary for linux-\w+ that fits, and it cannot be compiled here/);
    assert.match(words, /apt-get install gcc libc6-dev libasound2-dev\), then: npm rebuild node-alsa/);
    assert.not(existsSync(own));
  });

  install("a prebuilt binary is taken where nothing could compile one; --build-from-source compiles", async () => {
    const { build } = (await import(join(source, "build.mjs"))) as { build(options: { output: string }): string };
    build({ output: prebuilt });
    tarball = "";
    const { status, words, user, own } = fresh({ env: bare() });
    assert.is(status, 0, words);
    assert.is(use(user), join(own, "prebuilds", `linux-${process.arch}`, "node-alsa.node"));
    assert.not(existsSync(join(own, "build")));
    const wanted = fresh({ args: ["--build-from-source"] });
    assert.is(use(wanted.user), join(wanted.own, "build", "node-alsa.node"));
  });

  install("a prebuilt binary that cannot be loaded here is said to, and one is compiled", () => {
    writeFileSync(prebuilt, readFileSync(prebuilt).subarray(0, 4096));
    tarball = "";
    const { status, words, user, own } = fresh();
    assert.is(status, 0, words);
    assert.match(words, /the prebuilt binary does not fit \(.*\); compiling/);
    assert.is(use(user), join(own, "build", "node-alsa.node"));
  });
}

install.run();
