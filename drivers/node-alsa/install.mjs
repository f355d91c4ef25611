// Runs when the package is installed: a prebuilt binary that can be loaded is taken; else the add-on is compiled here, by the C compiler or by
// node-gyp. `npm install --build-from-source` compiles in any case. JavaScript because it runs before anything is built.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
/** `npm install --cpu=arm` installs for another processor. */
const arch = process.env["npm_config_cpu"] || process.arch;
const prebuilt = join(folder, "prebuilds", `linux-${arch}`, "node-alsa.node");

/** Why a file cannot be loaded; nothing: it can. Tried by another process: a damaged one may end it. */
function problemOf(file) {
  const script = "try { require(process.argv[1]) } catch (error) { console.log(error.message.split('\\n')[0]) }";
  const { stdout, signal } = spawnSync(process.execPath, ["-e", script, file], { encoding: "utf8" });
  return signal ? `loading it ends in ${signal}` : stdout.trim();
}

/** @returns whether the prebuilt binary will do. */
function takePrebuilt() {
  if (process.env["npm_config_build_from_source"] === "true" || !existsSync(prebuilt)) return false;
  if (arch !== process.arch) return true;
  const problem = problemOf(prebuilt);
  // Compiling would not help where the library is missing.
  if (problem.includes("libasound"))
    console.error(`node-alsa: ${problem}: it needs ALSA's library (Debian: apt-get install libasound2)`);
  else if (problem) console.error(`node-alsa: the prebuilt binary does not fit (${problem}); compiling`);
  return problem === "" || problem.includes("libasound");
}

/** By node-gyp: npm's own where npm runs us, with Node's headers from where Node is installed. @returns whether it is there now. */
function buildWithGyp() {
  const gyp = process.env["npm_config_node_gyp"];
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, "include", "node", "common.gypi")) ? [`--nodedir=${prefix}`] : [];
  const [program, ...first] = gyp ? [process.execPath, gyp] : ["node-gyp"];
  const { status, stdout, stderr } = spawnSync(program, [...first, "rebuild", ...headers], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status === 0) return true;
  // Its words are many; whoever wants them all sets this.
  if (process.env["npm_config_loglevel"] === "verbose") console.error(`${stdout ?? ""}${stderr ?? ""}`);
  return false;
}

/** @returns why the add-on could not be compiled; nothing: it is. */
function compile() {
  if (arch !== process.arch)
    return "this is another processor (CC=… node build.mjs --output prebuilds/… compiles for it)";
  try {
    build({ force: true });
    return "";
  } catch (error) {
    return buildWithGyp() ? "" : error.message;
  }
}

if (!takePrebuilt()) {
  const problem = compile();
  if (problem) {
    console.error(
      `node-alsa: there is no prebuilt binary for linux-${arch} that fits, and it cannot be compiled here: ${problem}\n` +
        "node-alsa: install a C compiler and ALSA's headers (Debian: apt-get install gcc libc6-dev libasound2-dev), then: npm rebuild node-alsa",
    );
    process.exitCode = 1;
  }
}
