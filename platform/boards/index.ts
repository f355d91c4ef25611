// The boards there are, by name.

import type { Board } from "../board.js";
import { genericEfiArm64 } from "./generic-efi-arm64.js";
import { host } from "./host.js";
import { nokiaN900 } from "./nokia-n900.js";
import { pinephone } from "./pinephone.js";
import { qemuVirt } from "./qemu-virt.js";
import { raspberryPi } from "./raspberry-pi.js";

/** Every board. */
export const boards: readonly Board[] = [host, qemuVirt, genericEfiArm64, raspberryPi, pinephone, nokiaN900];

/** @throws Error that lists the boards there are. */
export function findBoard(name: string): Board {
  const board = boards.find((candidate) => candidate.name === name);
  if (board) return board;
  const known = boards.map((one) => `${one.name} (${one.description})`).join(", ");
  throw new Error(`there is no board "${name}"; boards: ${known}`);
}
