// What a row of measurements says: order statistics, which one slow sample cannot bend.

/** Summary of one row of measurements, in their unit. */
export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly p25: number;
  readonly median: number;
  readonly p75: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
  /** Interquartile range: p75 - p25. */
  readonly iqr: number;
}

/**
 * The value below which a share of the measurements lies, interpolated linearly between the two nearest.
 * @param sorted measurements in ascending order, at least one.
 * @param share 0 to 1.
 * @throws RangeError when there is no measurement, or the share is none.
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) throw new RangeError("no measurements");
  if (!(share >= 0 && share <= 1)) throw new RangeError(`share must be 0 to 1, got ${share}`);
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/** Sums up measurements. @throws RangeError when there is none or one is not finite. */
export function summarise(samples: ArrayLike<number>): Summary {
  const sorted = Float64Array.from(samples).sort();
  let sum = 0;
  for (const value of sorted) {
    if (!Number.isFinite(value)) throw new RangeError(`a measurement is ${value}`);
    sum += value;
  }
  const p25 = quantile(sorted, 0.25);
  const p75 = quantile(sorted, 0.75);
  return {
    count: sorted.length,
    min: sorted[0],
    p25,
    median: quantile(sorted, 0.5),
    p75,
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: sorted[sorted.length - 1],
    mean: sum / sorted.length,
    iqr: p75 - p25,
  };
}

/**
 * How much greater `samples` are than `reference`, both measured side by side round by round: the median of the rounds' differences. What
 * disturbs a whole round (another process, a warmer CPU) disturbs both and cancels out.
 * @throws RangeError when the rows are not equally long or empty.
 */
export function pairedDifference(samples: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (samples.length !== reference.length)
    throw new RangeError(`rows differ in length: ${samples.length} and ${reference.length}`);
  return quantile(Float64Array.from(samples, (value, i) => value - reference[i]).sort(), 0.5);
}
