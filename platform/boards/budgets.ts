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

/** The same of 64-bit devices, which have 1 GB and more: 94.5 MiB idle were seen of the emulated one (30 November 2026), 97 in a call of x64. */
export const handheld64: Budgets = { ...handheld, rssBytes: 128 * MIB, idleRssBytes: 112 * MIB };
