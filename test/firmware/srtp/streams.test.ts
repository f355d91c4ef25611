// Index estimation against RFC 3711 appendix A word for word, replay windows against a set that forgets nothing.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RTP_INDEX_LIMIT, StreamTable } from "../../../firmware/srtp/streams.js";

const word = (ssrc: number) => Uint8Array.of(ssrc >>> 24, ssrc >>> 16, ssrc >>> 8, ssrc);

function seen(table: StreamTable, slot: number, index: number): boolean {
  table.index[0] = index;
  return table.seen(slot);
}

function mark(table: StreamTable, slot: number, index: number): void {
  table.index[0] = index;
  table.mark(slot);
}

/** What a table makes of a sequence number when `highest` is all it has seen. */
function estimateIndex(highest: number, sequence: number): number {
  const table = new StreamTable(1, 64);
  const slot = table.open(word(9), 0);
  mark(table, slot, highest);
  const within = table.estimate(slot, sequence);
  assert.is(within, table.index[0] < RTP_INDEX_LIMIT);
  return table.index[0];
}

/** RFC 3711 appendix A, in its own words; v is not reduced modulo 2^32. */
function appendixA(roc: bigint, sl: number, seq: number): bigint {
  let v: bigint;
  if (sl < 32768) {
    if (seq - sl > 32768) v = roc - 1n;
    else v = roc;
  } else if (sl - 32768 > seq) v = roc + 1n;
  else v = roc;
  return BigInt(seq) + v * 65536n;
}

const edges = [0, 1, 2, 32766, 32767, 32768, 32769, 32770, 65533, 65534, 65535];

test("the estimate is appendix A at every edge", () => {
  for (const roc of [1, 2, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff])
    for (const sl of edges)
      for (const seq of edges)
        assert.is(
          BigInt(estimateIndex(roc * 65536 + sl, seq)),
          appendixA(BigInt(roc), sl, seq),
          `ROC ${roc}, s_l ${sl}, SEQ ${seq}`,
        );
});

test("the estimate is appendix A everywhere else", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 0xffffffff }),
      fc.integer({ min: 0, max: 65535 }),
      fc.integer({ min: 0, max: 65535 }),
      (roc, sl, seq) => BigInt(estimateIndex(roc * 65536 + sl, seq)) === appendixA(BigInt(roc), sl, seq),
    ),
    { numRuns: 20_000 },
  );
});

test("before the first roll-over nothing is estimated below 0", () => {
  for (const sl of edges)
    for (const seq of edges) {
      const index = estimateIndex(sl, seq);
      const expected = appendixA(0n, sl, seq);
      assert.is(BigInt(index), expected < 0n ? BigInt(seq) : expected, `s_l ${sl}, SEQ ${seq}`);
    }
});

test("past the last index the estimate says so", () => {
  assert.is(estimateIndex(RTP_INDEX_LIMIT - 1, 0), RTP_INDEX_LIMIT);
  assert.is(estimateIndex(RTP_INDEX_LIMIT - 1, 65534), RTP_INDEX_LIMIT - 2);
});

/** What a window means: everything accepted is remembered for ever, and whatever lies `window` behind counts as seen. */
class Oracle {
  readonly accepted = new Set<number>();
  highest = -1;
  constructor(readonly window: number) {}
  seen(index: number): boolean {
    return this.accepted.has(index) || (this.highest >= 0 && this.highest - index >= this.window);
  }
  mark(index: number): void {
    this.accepted.add(index);
    this.highest = Math.max(this.highest, index);
  }
}

test("the window equals its oracle over steps, jumps, repeats and late packets, on both sides of 2^31 and 2^32", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(64, 128, 256, 512, 1024),
      fc.constantFrom(0, 5, 2 ** 16 - 40, 2 ** 31 - 300, 2 ** 32 - 300, 2 ** 48 - 6000),
      fc.array(
        fc.oneof(
          fc.constant(1),
          fc.integer({ min: -5, max: 5 }),
          fc.integer({ min: -1100, max: 200 }),
          fc.integer({ min: 0, max: 1100 }),
        ),
        { maxLength: 300, size: "max" },
      ),
      (window, base, steps) => {
        const table = new StreamTable(3, window);
        const slot = [9, 8, 7].map((ssrc) => table.open(word(ssrc), 0))[1];
        const oracle = new Oracle(window);
        for (const step of steps) {
          const index = Math.min(Math.max(0, Math.max(oracle.highest, base) + step), RTP_INDEX_LIMIT - 1);
          assert.is(seen(table, slot, index), oracle.seen(index), `index ${index}, highest ${oracle.highest}`);
          if (oracle.seen(index)) continue;
          mark(table, slot, index);
          oracle.mark(index);
          assert.is(table.highest(slot), oracle.highest);
          assert.ok(seen(table, slot, index));
        }
        // The streams beside it saw nothing.
        assert.is(table.highest(0), -1);
        for (const other of [0, 2]) for (let i = 0; i < window; i++) assert.not(seen(table, other, i));
      },
    ),
    { numRuns: 500 },
  );
});

test("a table holds its capacity of streams and finds each", () => {
  const table = new StreamTable(4, 64);
  const ssrcs = [0, 0xffffffff, 0x80000000, 5];
  assert.is(table.find(word(0), 0), -1, "an empty slot is no stream with SSRC 0");
  ssrcs.forEach((ssrc, slot) => {
    assert.not(table.full);
    assert.is(table.open(word(ssrc), 0), slot);
  });
  assert.ok(table.full);
  assert.is(table.open(word(6), 0), -1);
  for (let round = 0; round < 2; round++)
    ssrcs.forEach((ssrc, slot) => {
      assert.is(table.find(word(ssrc), 0), slot);
      assert.is(table.slotOf(ssrc), slot);
      assert.is(table.slotOf(ssrc | 0), slot);
      assert.is(table.ssrc(slot), ssrc);
    });
  assert.is(table.find(word(6), 0), -1);
});

test("bounds are checked", () => {
  for (const capacity of [0, -1, 1.5, 1025, Number.NaN])
    assert.throws(() => new StreamTable(capacity, 128), /maxStreams/);
  for (const window of [0, 32, 100, 2048, Number.NaN]) assert.throws(() => new StreamTable(16, window), /replayWindow/);
});

test.run();
