// Side-by-side measuring, and what is written of it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { interleave } from "../../../scripts/benches/benchmark.js";
import { describeMachine, machineLine } from "../../../scripts/benches/machine.js";
import { benchFile, groupTable, significant } from "../../../scripts/benches/output.js";

test("variants take turns, the warm-up is thrown away", async () => {
  const order: string[] = [];
  const rounds: number[] = [];
  const variant = (name: string) => ({
    name,
    sample: async (round: number) => {
      order.push(`${name}${round}`);
      return round * 10;
    },
  });
  const series = await interleave([variant("A"), variant("B"), variant("C")], {
    rounds: 2,
    warmup: 1,
    onRound: (done, all) => rounds.push(done / all),
  });
  assert.is(order.join(" "), "A-1 B-1 C-1 A0 B0 C0 A1 B1 C1");
  assert.equal(series, [
    { name: "A", samples: [0, 10] },
    { name: "B", samples: [0, 10] },
    { name: "C", samples: [0, 10] },
  ]);
  assert.is(rounds.at(-1), 1);
});

test("nothing to measure is an error", async () => {
  const variant = { name: "A", sample: () => 1 };
  for (const attempt of [
    interleave([], { rounds: 1 }),
    interleave([variant], { rounds: 0 }),
    interleave([variant], { rounds: 1, warmup: -1 }),
  ])
    assert.instance(
      await attempt.then(
        () => undefined,
        (error) => error,
      ),
      RangeError,
    );
});

const group = {
  title: "answering delay",
  unit: "ms",
  paired: true,
  series: [
    { name: "none", samples: [1, 2, 3] },
    { name: "dh", samples: [11, 12.5, 13] },
    { name: "never ran", samples: [] },
  ],
};

test("the table shows each row, and how it differs from the first", () => {
  assert.equal(groupTable(group).split("\n"), [
    "answering delay (ms)",
    "             n   min  median   iqr   p95   p99   max  against none",
    "  none       3  1.00    2.00  1.00  2.90  2.98  3.00",
    "  dh         3  11.0    12.5  1.00  12.9  13.0  13.0         +10.0",
    "  never ran  0     —       —     —     —     —     —             —",
  ]);
});

test("the file holds every measurement, summaries and the machine", () => {
  const machine = describeMachine();
  const file = JSON.parse(
    JSON.stringify(
      benchFile({
        benchmark: "setup",
        description: "d",
        startedAt: "2026-01-01T00:00:00Z",
        tookMs: 5,
        machine,
        loadAfter: machine.load,
        groups: [group],
        notes: [],
      }),
    ),
  );
  assert.is(file.version, 1);
  assert.equal(file.groups[0].series[1].samples, [11, 12.5, 13]);
  assert.is(file.groups[0].series[1].summary.median, 12.5);
  assert.is(file.groups[0].series[1].againstFirst, 10);
  assert.is(file.groups[0].series[0].againstFirst, null);
  assert.is(file.groups[0].series[2].summary, null);
  assert.is(file.machine.node, process.versions.node);
});

test("the machine says what it is", () => {
  const machine = describeMachine();
  assert.ok(machine.cores >= 1 && machine.memoryMb > 0 && machine.cpu.length > 0);
  assert.is(machine.load.length, 3);
  assert.match(machineLine(machine), /cores.*load.*MB.*Node \d+/);
});

test("three significant digits", () => {
  assert.equal([0, 0.01234, 1.234, 12.34, 123.4, 12_345, -4.567].map(significant), [
    "0",
    "0.0123",
    "1.23",
    "12.3",
    "123",
    "12345",
    "-4.57",
  ]);
});

test.run();
