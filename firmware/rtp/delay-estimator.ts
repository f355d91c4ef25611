// How late packets come: the distribution of their transit times over the last seconds, above the fastest of them.

const BIN_MS = 2;
const BINS = 256;
const WINDOW_MS = 4000;

/**
 * Distribution of relative transit times in bins of 2 ms up to 512 ms, over two windows of 4 s. The reference, the transit time of the
 * fastest packet in sight, moves in steps of a bin, so that a sender's clock that drifts is followed.
 *
 * Transit times are arrival minus timestamp, both in ms; only differences mean something, so the clocks need not agree.
 */
export class DelayEstimator {
  /** Transit time of the fastest packets, ms, up to a bin below it. */
  reference = 0;
  private readonly current = new Int32Array(BINS);
  private readonly previous = new Int32Array(BINS);
  private currentCount = 0;
  private previousCount = 0;
  private currentMin = 0;
  private previousMin = 0;
  private windowStart = 0;
  private empty = true;
  /** No count above this bin. */
  private top = 0;

  /** Forgets everything. */
  reset(): void {
    this.current.fill(0);
    this.previous.fill(0);
    this.currentCount = 0;
    this.previousCount = 0;
    this.empty = true;
    this.top = 0;
  }

  /** Counts one packet. */
  add(transitMs: number, arrivalMs: number): void {
    if (!this.empty && Math.abs(transitMs - this.reference) > 1000) this.reset();
    if (this.empty) {
      this.empty = false;
      this.reference = transitMs;
      this.currentMin = transitMs;
      this.windowStart = arrivalMs;
    } else if (arrivalMs - this.windowStart >= WINDOW_MS) this.rotate(transitMs, arrivalMs);
    if (transitMs < this.currentMin) this.currentMin = transitMs;
    if (transitMs < this.reference) this.shift(Math.ceil((this.reference - transitMs) / BIN_MS));
    const bin = Math.min(BINS - 1, Math.floor((transitMs - this.reference) / BIN_MS));
    this.current[bin]++;
    if (bin > this.top) this.top = bin;
    this.currentCount++;
  }

  /** The delay above the fastest packet that `share` of the packets keep to, ms (upper edge of the bin). */
  quantile(share: number): number {
    const total = this.currentCount + this.previousCount;
    if (total === 0) return 0;
    // The rarest share is counted from above: few bins to walk when there is little jitter.
    let allowed = Math.floor(total * (1 - share));
    let bin = this.top;
    for (; bin > 0; bin--) {
      allowed -= this.current[bin] + this.previous[bin];
      if (allowed < 0) break;
    }
    return (bin + 1) * BIN_MS;
  }

  private rotate(transitMs: number, arrivalMs: number): void {
    const stale = arrivalMs - this.windowStart >= 2 * WINDOW_MS;
    if (stale) this.previous.fill(0);
    else this.previous.set(this.current);
    this.previousCount = stale ? 0 : this.currentCount;
    this.previousMin = stale ? transitMs : this.currentMin;
    this.current.fill(0);
    this.currentCount = 0;
    this.currentMin = transitMs;
    this.windowStart = arrivalMs;
    const floor = Math.min(this.previousMin, transitMs);
    const bins = Math.floor((floor - this.reference) / BIN_MS);
    if (bins > 0) this.shift(-bins);
    this.lowerTop();
  }

  private lowerTop(): void {
    while (this.top > 0 && this.current[this.top] === 0 && this.previous[this.top] === 0) this.top--;
  }

  /** Moves the reference down by `bins` (up when negative) and the counts with it. */
  private shift(bins: number): void {
    this.reference -= bins * BIN_MS;
    move(this.current, bins);
    move(this.previous, bins);
    this.top = BINS - 1;
    this.lowerTop();
  }
}

function move(counts: Int32Array, bins: number): void {
  const distance = Math.min(Math.abs(bins), BINS);
  let overflow = 0;
  if (bins > 0) {
    for (let i = BINS - distance; i < BINS; i++) overflow += counts[i];
    counts.copyWithin(distance, 0, BINS - distance);
    counts.fill(0, 0, distance);
    counts[BINS - 1] += overflow;
  } else {
    for (let i = 0; i < distance; i++) overflow += counts[i];
    counts.copyWithin(0, distance);
    counts.fill(0, BINS - distance);
    counts[0] += overflow;
  }
}
