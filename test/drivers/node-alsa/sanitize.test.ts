// The C of node-alsa under AddressSanitizer and UndefinedBehaviorSanitizer: the PCM's own suites, run once more in a process that watches.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireOrSkip } from "../../interop/tools.js";
import { checkout } from "../../vectors.js";
import { haveAlsa } from "../audio/virtual-card/virtual-card.js";

const library = (name: string) => spawnSync("cc", [`-print-file-name=${name}`], { encoding: "utf8" }).stdout.trim();

if (await haveAlsa()) {
  const asan = library("libasan.so");
  if (requireOrSkip("AddressSanitizer (part of gcc)", existsSync(asan))) {
    const { build } = (await import(join(checkout, "drivers", "node-alsa", "build.mjs"))) as {
      build(options: { output: string; flags: readonly string[] }): string;
    };
    const binary = build({
      output: join(checkout, "out", "native", "node-alsa-sanitized.node"),
      flags: ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"],
    });
    for (const suite of ["pcm", "mixer", "worker"])
      test(`no fault in ${suite}`, () => {
        const { status, stdout, stderr } = spawnSync(
          process.execPath,
          [join(checkout, "out", "js", "test", "drivers", "node-alsa", `${suite}.test.js`)],
          {
            encoding: "utf8",
            timeout: 60_000,
            env: {
              ...process.env,
              NODE_ALSA_BINARY: binary,
              LD_PRELOAD: asan,
              // What V8 and libasound keep is not ours to judge.
              ASAN_OPTIONS: "detect_leaks=0",
              UBSAN_OPTIONS: "print_stacktrace=1",
            },
          },
        );
        assert.is(status, 0, (stdout + stderr).slice(-3000));
        assert.not.match(stderr, /Sanitizer|runtime error/);
      });
  }
}

test.run();
