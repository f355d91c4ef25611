// The boards there are, by name.

import type { Board } from "../board.js";
import { host } from "./host.js";

/** Every board. */
export const boards: readonly Board[] = [host];

/** @throws Error that lists the boards there are. */
export function findBoard(name: string): Board {
  const board = boards.find((candidate) => candidate.name === name);
  if (board) return board;
  const known = boards.map((one) => `${one.name} (${one.description})`).join(", ");
  throw new Error(`there is no board "${name}"; boards: ${known}`);
}
