// Where the checkout is, for the toolchain's translated programs: they run from out/js.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's top folder: the nearest one above this file that holds a package.json. */
export const top = (() => {
  if (process.env["SOTTO_TOP"]) return process.env["SOTTO_TOP"];
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error("no package.json above the toolchain");
    folder = above;
  }
  return folder;
})();
