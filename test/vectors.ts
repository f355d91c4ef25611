// Reads the data files under test/vectors, and turns their hexadecimal into bytes.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's top folder: the nearest one above this file that holds a package.json. */
export const checkout = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error("no package.json above the tests");
    folder = above;
  }
  return folder;
})();

/** Parsed content of test/vectors/`name`.json. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(join(checkout, "test", "vectors", `${name}.json`), "utf8")) as T;
}

/** Bytes of a hexadecimal string. */
export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** Hexadecimal of some bytes. */
export function hex(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.length).toString("hex");
}
