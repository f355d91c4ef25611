// What a benchmark is, and how several ways of doing something are measured side by side.

/** One way of doing something. */
export interface Variant {
  readonly name: string;
  /** Measures once and returns the figure, in the group's unit. */
  sample(round: number): number | Promise<number>;
}

/** How {@link interleave} measures. */
export interface InterleaveOptions {
  /** Measured rounds; each measures every variant once. */
  readonly rounds: number;
  /** Rounds before them that are thrown away (compilation, caches). Default 3. */
  readonly warmup?: number;
  /** Called after each round with the number of finished ones, warm-up included, and how many there are. */
  readonly onRound?: (done: number, all: number) => void;
}

/** One row of measurements. */
export interface Series {
  readonly name: string;
  /** In the order in which they were taken. */
  readonly samples: readonly number[];
}

/** Rows that are compared with each other; the first is what the others are held against. */
export interface Group {
  readonly title: string;
  /** E.g. `"ms"`, `"ns"`, `"MB"`. */
  readonly unit: string;
  readonly series: readonly Series[];
  /** Rows were taken side by side, so that they may be compared round by round. */
  readonly paired: boolean;
}

/** What a benchmark gets. */
export interface BenchContext {
  /** `--rounds`, where it was given; else the benchmark's own number. */
  readonly rounds: number | undefined;
  /** One line about how it goes, for the person waiting; never part of the result. */
  status(text: string): void;
  /** Adds a group of rows to the result. */
  report(group: Group): void;
  /** Adds a remark to the result. */
  note(text: string): void;
}

/** A benchmark: what `scripts/bench NAME` runs. */
export interface Benchmark {
  /** One word. */
  readonly name: string;
  /** One line. */
  readonly description: string;
  run(context: BenchContext): Promise<void>;
}

/**
 * Measures variants side by side, A B C A B C …, so that what changes with time (temperature, load) meets them all alike.
 * @throws RangeError when there is no variant or no round.
 */
export async function interleave(variants: readonly Variant[], options: InterleaveOptions): Promise<Series[]> {
  const { rounds, warmup = 3, onRound } = options;
  if (variants.length === 0) throw new RangeError("no variants");
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError(`rounds must be a positive integer, got ${rounds}`);
  if (!Number.isInteger(warmup) || warmup < 0)
    throw new RangeError(`warmup must be an integer from 0 up, got ${warmup}`);
  const rows = variants.map((): number[] => []);
  for (let round = -warmup; round < rounds; round++) {
    for (let i = 0; i < variants.length; i++) {
      const value = await variants[i].sample(round);
      if (round >= 0) rows[i].push(value);
    }
    onRound?.(round + warmup + 1, rounds + warmup);
  }
  return variants.map((variant, i) => ({ name: variant.name, samples: rows[i] }));
}

/** Nanoseconds one call of `work` takes, averaged over `times` calls. */
export function nanosecondsPer(times: number, work: (i: number) => void): number {
  const before = process.hrtime.bigint();
  for (let i = 0; i < times; i++) work(i);
  return Number(process.hrtime.bigint() - before) / times;
}
