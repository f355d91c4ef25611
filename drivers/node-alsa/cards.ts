// What sound there is on this machine.

import type { Card, Direction, Offer, PcmName } from "./binding.js";
import { explain } from "./errors.js";
import { binding } from "./load.js";

/** The kernel's cards and their PCMs. */
export function listCards(): Card[] {
  return binding().cards();
}

/** The names of ALSA's configuration that can be opened. */
export function listPcms(): PcmName[] {
  return binding().pcms();
}

/**
 * What a PCM offers by itself.
 * @throws AlsaError when it cannot be opened.
 */
export function probe(device: string, direction: Direction): Offer {
  try {
    return binding().probe(device, direction === "capture");
  } catch (error) {
    throw explain(error, listCards);
  }
}
