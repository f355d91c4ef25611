// Parts of the laboratory beside its matrix: other telephones, the answerer, a call that goes on.

import { measureAnswerer } from "./answerer.js";
import type { LabProgress } from "./bar.js";
import type { Part } from "./filter.js";
import type { People } from "./people.js";
import { publicKeyTimes } from "./public-key.js";
import type { AnswererResult, LeftOut, VoiceResult, WireResult } from "./result.js";
import { measureVoice } from "./voice.js";
import { measureWire, wireMissing } from "./wire.js";

/** What a part gets. */
export interface PartContext {
  readonly folder: string;
  /** The translated `sotto`. */
  readonly program: string;
  readonly people: People;
  readonly calls: number;
  /** Only to see that it works. */
  readonly isQuick: boolean;
  readonly progress: Pick<LabProgress, "step" | "status">;
  readonly isStopping: () => boolean;
}

/** What the parts found. */
export interface PartResults {
  wire: readonly WireResult[];
  answerer?: AnswererResult;
  voice?: VoiceResult;
  publicKeyMs?: number;
  readonly leftOut: LeftOut[];
}

const names: Readonly<Record<Part, string>> = {
  peers: "calls beside baresip",
  answerer: "calls a second of an automatic answerer",
  voice: "a call that goes on while others are set up",
};
const EXCHANGES = 200;

/** Runs the parts wanted, one after the other; one that cannot be measured is left out with its reason. */
export async function measureParts(wanted: readonly Part[], context: PartContext): Promise<PartResults> {
  const results: PartResults = { wire: [], leftOut: [] };
  for (const part of wanted) {
    if (context.isStopping()) break;
    context.progress.step(names[part]);
    try {
      const missing = part === "peers" ? await wireMissing() : undefined;
      if (missing === undefined) await measurePart(part, context, results);
      else results.leftOut.push({ what: names[part], why: `${missing} is not here` });
    } catch (error) {
      results.leftOut.push({ what: names[part], why: error instanceof Error ? error.message : String(error) });
    }
  }
  return results;
}

async function measurePart(part: Part, context: PartContext, results: PartResults): Promise<void> {
  if (part === "peers") results.wire = await measureWire(context);
  else if (part === "voice") results.voice = await measureVoice(context);
  else {
    const { exchangeMs, answerMs } = await publicKeyTimes(context.people.authority, EXCHANGES);
    results.publicKeyMs = exchangeMs;
    results.answerer = await measureAnswerer(context, answerMs);
  }
}
