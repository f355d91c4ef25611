// Compiles the add-on with the C compiler alone: Node-API's headers come from the package node-api-headers, nothing is downloaded.
// Usage: node build.mjs [--output FILE] [--force] [FLAG ...]   (CC names the compiler; FLAGs go to it: --sysroot=…, -fsanitize=…)
// JavaScript because it runs before anything is built.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));

/** Strict: a warning is an error. Node-API 8 is in every Node from 18 on. */
const flags = [
  ..."-std=gnu11 -O2 -g -fPIC -shared -fvisibility=hidden -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror".split(
    " ",
  ),
  "-DNAPI_VERSION=8",
];

/**
 * @param {{ output?: string, force?: boolean, flags?: readonly string[] }} options
 * @returns {string} the file, which is built where it is missing or older than its sources.
 */
export function build(options = {}) {
  const output = options.output ?? join(folder, "build", "node-alsa.node");
  const sources = readdirSync(join(folder, "src")).map((name) => join(folder, "src", name));
  const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs));
  if (!options.force && existsSync(output) && statSync(output).mtimeMs >= newest) return output;
  const { include_dir: include } = createRequire(import.meta.url)("node-api-headers");
  mkdirSync(dirname(output), { recursive: true });
  // Several may build at once: each its own file, the last one wins whole.
  const made = `${output}.${process.pid}`;
  // CC may have arguments: "ccache gcc".
  const [compiler, ...first] = (process.env["CC"] || "cc").trim().split(/\s+/);
  const { status, stderr, error } = spawnSync(
    compiler,
    [
      ...first,
      ...flags,
      "-I",
      include,
      ...sources.filter((path) => path.endsWith(".c")),
      "-o",
      made,
      ...(options.flags ?? []),
      "-lasound",
    ],
    { encoding: "utf8" },
  );
  if (error)
    throw new Error(
      `the C compiler ${compiler} cannot be run (${error.message}); Debian: apt-get install gcc libc6-dev`,
    );
  if (status !== 0)
    throw new Error(
      /asoundlib\.h/.test(stderr)
        ? "ALSA's headers are missing; Debian: apt-get install libasound2-dev"
        : `the compiler says:\n${stderr}`,
    );
  renameSync(made, output);
  return output;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rest = process.argv.slice(2);
  const at = rest.indexOf("--output");
  const output = at < 0 ? undefined : rest.splice(at, 2)[1];
  const force = rest.includes("--force");
  try {
    console.log(build({ output, force, flags: rest.filter((flag) => flag !== "--force") }));
  } catch (error) {
    console.error(`node-alsa: ${error.message}`);
    process.exitCode = 1;
  }
}
