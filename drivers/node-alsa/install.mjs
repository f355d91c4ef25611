// Runs when the package is installed: a prebuilt binary is taken; else the add-on is compiled here, by the C compiler or by node-gyp.
// JavaScript because it runs before anything is built.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const prebuilt = join(folder, "prebuilds", `linux-${process.arch}`, "node-alsa.node");

function compile() {
  try {
    build();
    return "";
  } catch (error) {
    const gyp = process.env["npm_config_node_gyp"];
    const [program, ...args] = gyp ? [process.execPath, gyp, "rebuild"] : ["node-gyp", "rebuild"];
    const { status } = spawnSync(program, args, { cwd: folder, stdio: "inherit" });
    return status === 0 ? "" : error.message;
  }
}

if (!existsSync(prebuilt)) {
  const problem = compile();
  if (problem) {
    console.error(
      `node-alsa: there is no prebuilt binary for linux-${process.arch}, and it cannot be compiled here: ${problem}\n` +
        "node-alsa: install a C compiler and ALSA's headers (Debian: apt-get install gcc libc6-dev libasound2-dev), then: npm rebuild node-alsa",
    );
    process.exitCode = 1;
  }
}
