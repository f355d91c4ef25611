// What every board is held to: the project's own aims for call establishment, as ratios, so that they mean the same on a slow processor.

import type { LatencyBudgets } from "../board.js";

/** A secured call sets up as fast as an open one, the first one after a start nearly so. */
export const latencyAims: LatencyBudgets = { callingRatio: 1.1, answeringRatio: 1.1, firstCallRatio: 1.5 };
