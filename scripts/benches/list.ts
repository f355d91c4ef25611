// Every benchmark there is; a new one is a file beside this and a word here.

import { audio } from "./audio.js";
import type { Benchmark } from "./benchmark.js";
import { calls } from "./calls.js";
import { device } from "./device.js";
import { mikey } from "./mikey.js";
import { setup } from "./setup.js";
import { sipParse } from "./sip-parse.js";
import { sipUas } from "./sip-uas.js";
import { srtp } from "./srtp.js";
import { tls } from "./tls.js";
import { trace } from "./trace.js";

/** In the order in which `scripts/bench --list` shows them. */
export const benchmarks: readonly Benchmark[] = [
  setup,
  calls,
  device,
  audio,
  mikey,
  sipParse,
  sipUas,
  srtp,
  tls,
  trace,
];
