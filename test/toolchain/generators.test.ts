// Files that a program writes are what that program writes today.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkout } from "../vectors.js";

for (const [file, program] of [
  ["sha1-compress.ts", "generate-sha1.mjs"],
  ["kernel-code.ts", "generate-kernel.mjs"],
  ["sha1-lanes-code.ts", "generate-sha1-lanes.mjs"],
])
  test(`firmware/crypto/${file} is the output of toolchain/${program}`, async () => {
    const { generate } = (await import(pathToFileURL(join(checkout, "toolchain", program)).href)) as {
      generate(): string;
    };
    assert.fixture(
      readFileSync(join(checkout, "firmware", "crypto", file), "utf8"),
      generate(),
      `run node toolchain/${program}`,
    );
  });

test.run();
