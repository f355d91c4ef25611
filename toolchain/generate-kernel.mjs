// Writes firmware/crypto/kernel-code.ts: AES, SHA-1 and GCM over packets as WebAssembly with 128-bit vectors, made by toolchain/kernel/.
// At build time, never at run time. Usage: node toolchain/generate-kernel.mjs   (a test sees to it that the file is this program's output)

import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addAes } from "./kernel/aes.mjs";
import { Module } from "./kernel/assembler.mjs";
import { codeFile } from "./kernel/code-file.mjs";
import { addGhash } from "./kernel/ghash.mjs";
import { addPackets } from "./kernel/packets.mjs";
import { addSha1 } from "./kernel/sha1.mjs";

/** The module's bytes. */
export function kernel() {
  const module = new Module();
  const aes = addAes(module);
  const sha1 = addSha1(module);
  const gcm = addGhash(module, aes);
  addPackets(module, aes, sha1, gcm);
  return module.bytes(1);
}

/** The text of kernel-code.ts. */
export const generate = () => codeFile("The packet kernel", "generate-kernel.mjs", "kernelCode", kernel());

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(
    join(dirname(dirname(fileURLToPath(import.meta.url))), "firmware", "crypto", "kernel-code.ts"),
    generate(),
  );
