// What the telephone may take of a handheld device; `scripts/bench device` reports against it.

import type { Budgets } from "../board.js";

const MIB = 1024 * 1024;

/** Of every device that is a telephone and little else: 256 MB of memory, a small card. */
export const handheld: Budgets = {
  rssBytes: 96 * MIB,
  idleRssBytes: 80 * MIB,
  startRatio: 2.5,
  packageBytes: 3_000_000,
  imageBytes: 120_000_000,
};
