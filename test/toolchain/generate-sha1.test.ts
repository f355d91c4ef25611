// The generated file in the tree is what its generator writes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkout } from "../vectors.js";

test("firmware/crypto/sha1-compress.ts is the output of toolchain/generate-sha1.mjs", async () => {
  const generator = (await import(pathToFileURL(join(checkout, "toolchain", "generate-sha1.mjs")).href)) as {
    generate(): string;
  };
  assert.fixture(
    readFileSync(join(checkout, "firmware", "crypto", "sha1-compress.ts"), "utf8"),
    generator.generate(),
    "run node toolchain/generate-sha1.mjs",
  );
});

test.run();
