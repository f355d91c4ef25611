// Writes firmware/crypto/sha1-lanes-code.ts: SHA-1 four times at once as WebAssembly with 128-bit vectors, made by toolchain/kernel/.
// Usage: node toolchain/generate-sha1-lanes.mjs   (a test sees to it that the file is this program's output)

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { codeFile } from "./kernel/code-file.mjs";
import { sha1Lanes } from "./kernel/sha1-lanes.mjs";

/** The text of sha1-lanes-code.ts. */
export const generate = () => codeFile("SHA-1 in four lanes", "generate-sha1-lanes.mjs", "sha1LanesCode", sha1Lanes());

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(
    join(dirname(dirname(fileURLToPath(import.meta.url))), "firmware", "crypto", "sha1-lanes-code.ts"),
    generate(),
  );
