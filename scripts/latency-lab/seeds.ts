// What others have published, to stand beside our figures.

import type { Method } from "./cases.js";

/** A row of a published table: a cell for each step, and the total; ms in the words of the paper. */
export interface PublishedRow {
  readonly method: Method;
  readonly name: string;
  readonly cells: readonly string[];
  readonly total: number;
}

/** J. Bilien, E. Eliasson, J.-O. Vatn: the paper's table 1. 700 MHz Pentium III calls 1.4 GHz Pentium 4, two SER proxies, 2003. */
export const publishedCalling: readonly PublishedRow[] = [
  { method: "none", name: "No security", cells: ["4", "3", "12", "11", "< 1", "< 1", "7"], total: 48 },
  { method: "psk", name: "MIKEY, shared key", cells: ["28", "4", "12", "19", "< 1", "< 1", "7"], total: 90 },
  { method: "dh", name: "MIKEY, Diffie-Hellman", cells: ["110", "4", "12", "19", "< 1", "< 1", "7"], total: 175 },
];

/** The paper's table 2. The keys of a Diffie-Hellman call take 200 ms at the callee and 100 ms at the caller beside steps 9a and 12a. */
export const publishedAnswering: readonly PublishedRow[] = [
  { method: "none", name: "No security", cells: ["1", "4", "< 1", "5", "3", "< 1", "-"], total: 20 },
  { method: "psk", name: "MIKEY, shared key", cells: ["4", "< 1", "< 1", "9", "3", "< 1", "-"], total: 25 },
  { method: "dh", name: "MIKEY, Diffie-Hellman", cells: ["110", "< 1", "< 1", "35", "3", "3", "200 ∥"], total: 310 },
];

/** The same authors a year later, "Call establishment delay for secure VoIP" (WiOpt'04): totals, ms. */
export const publishedLater: Readonly<
  Partial<Record<Method, { readonly calling: number; readonly answering: number }>>
> = {
  none: { calling: 19.5, answering: 9.5 },
  psk: { calling: 20.9, answering: 10.5 },
  dh: { calling: 52.5, answering: 47.6 },
};
