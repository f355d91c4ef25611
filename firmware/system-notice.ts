// What the system around the telephone has to tell its owner, e.g. why there is no network: shown on the telephone's screen. Part of the
// composition root.

import { type FSWatcher, readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** Longer words do not fit on a screen. */
const MAX_TEXT = 200;

/**
 * Watches a file of one line, `error WORDS` or `done WORDS`, which is replaced as a whole whenever there is something new.
 * @param tell told the words, at once where there are some already.
 * @returns what ends it. A file or folder that cannot be read says nothing.
 */
export function watchNotice(file: string, tell: (text: string, error: boolean) => void): { close(): void } {
  let last = "";
  const look = () => {
    let line = "";
    try {
      line = readFileSync(file, "utf8").split("\n", 1)[0];
    } catch {
      // There is nothing to say.
    }
    if (line === last) return;
    last = line;
    const found = /^(error|done) (.+)$/.exec(line);
    if (found) tell(found[2].slice(0, MAX_TEXT), found[1] === "error");
  };
  let watcher: FSWatcher | undefined;
  try {
    // The folder, because the file is another one each time.
    watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(file)) look();
    });
    watcher.on("error", () => watcher?.close());
  } catch {
    // Not watched: what is there now is told.
  }
  look();
  return { close: () => watcher?.close() };
}
