// Names of what is measured, in words.

import type { LabCase, Method } from "../cases.js";

/** A method as a row is called. */
export const methodWords: Readonly<Record<Method, string>> = {
  none: "open",
  psk: "MIKEY shared key",
  dh: "MIKEY signed Diffie-Hellman",
  dhhmac: "MIKEY DH, shared key",
  pke: "MIKEY RSA",
  "rsa-r": "MIKEY RSA-R",
};

/** Where two phones stand, e.g. `UDP, through two domains`. */
export function siteWords(one: Omit<LabCase, "method">): string {
  const words = [one.transport.toUpperCase(), one.path === "direct" ? "phone to phone" : "through two domains"];
  if (one.network === "delay") words.push("20 ms each way");
  if (one.network === "loss") words.push("20 ms each way, 2 % lost");
  if (one.processor === "armv7") words.push("emulated ARMv7");
  if (one.precomputation === "off") words.push("nothing made ahead");
  if (one.warmth === "cold") words.push("first call after start");
  return words.join(", ");
}

/** A ratio, e.g. `1.04 ×`. */
export function times(value: number | null | undefined): string {
  return value === null || value === undefined ? "—" : `${value.toFixed(2)}\u00a0×`;
}
