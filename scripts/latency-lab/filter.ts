// Which cases are measured: `--only dh,none/udp/direct`.

import { type LabCase, methods, networks, paths, precomputations, processors, transports, warmths } from "./cases.js";

/** Parts of the laboratory beside its matrix of cases. */
export const parts = ["peers", "answerer", "voice"] as const;
export type Part = (typeof parts)[number];

const dimensions: Readonly<Record<keyof LabCase, readonly string[]>> = {
  method: methods,
  transport: transports,
  path: paths,
  warmth: warmths,
  precomputation: precomputations,
  processor: processors,
  network: networks,
};

/** All words a filter may hold. */
export const filterWords: readonly string[] = [...Object.values(dimensions).flat(), ...parts];

/** A chosen part of what can be measured. */
export interface Filter {
  /** `named`: its words ask for this very case, `yes`: they do not exclude it. */
  takes(one: LabCase): "no" | "yes" | "named";
  takesPart(part: Part): boolean;
}

/** Without a filter everything is taken. */
export const everything: Filter = { takes: () => "yes", takesPart: () => true };

/**
 * Reads filters. Each is words joined by `/`: one word, or several joined by commas, of any dimension in any order; what is not
 * mentioned may be anything. A part's name takes that part alone. A case is taken when one filter takes it.
 * @throws RangeError naming a word that is none.
 */
export function parseFilters(texts: readonly string[]): Filter {
  if (texts.length === 0) return everything;
  const filters = texts.map(parseFilter);
  return {
    takes(one) {
      const verdicts = filters.map((filter) => filter.takes(one));
      return verdicts.includes("named") ? "named" : verdicts.includes("yes") ? "yes" : "no";
    },
    takesPart: (part) => filters.some((filter) => filter.takesPart(part)),
  };
}

function parseFilter(text: string): Filter {
  const wanted = new Map<keyof LabCase, Set<string>>();
  const chosen = new Set<Part>();
  for (const word of text.split(/[/,]/)) {
    const part = parts.find((one) => one === word);
    const found = Object.entries(dimensions).find(([, words]) => words.includes(word));
    if (part) chosen.add(part);
    else if (found) {
      const name = found[0] as keyof LabCase;
      wanted.set(name, (wanted.get(name) ?? new Set()).add(word));
    } else throw new RangeError(`"${word}" is no word of a filter; there are: ${filterWords.join(" ")}`);
  }
  const isPartOnly = chosen.size > 0 && wanted.size === 0;
  return {
    takes(one) {
      if (isPartOnly) return "no";
      for (const [name, words] of wanted) if (!words.has(one[name])) return "no";
      // Cases that are left out by default are named by at least four of their seven words.
      return wanted.size >= 4 ? "named" : "yes";
    },
    takesPart: (part) => chosen.has(part),
  };
}
