// Call delays summed up and written: rows, table, CSV, Prometheus text.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type LatencySample,
  latencyCsv,
  latencyMetrics,
  latencyRows,
  latencyTable,
} from "../../../firmware/latency/index.js";

const test = suite("report of delays");
const call = (
  method: string,
  warmth: "cold" | "warm",
  delays: object,
  transport: LatencySample["transport"] = "udp",
): LatencySample => ({
  ...{ atMs: 0, direction: "outgoing", method, warmth, ...delays, ...(transport ? { transport } : {}) },
});
const samples = [
  call("open", "cold", { calling: 40 }),
  ...[1, 2, 3, 4, 5].map((calling) => call("open", "warm", { calling, srd: calling / 2 })),
  call('MIKEY "x", y', "warm", { calling: 7, mouthToEar: 80 }, "tls"),
];

test("one row for each delay, method, transport and warmth that was seen", () => {
  const rows = latencyRows(samples);
  assert.equal(
    rows.map((row) => [row.delay, row.method, row.transport, row.warmth, row.count, row.median, row.worst]),
    [
      ["calling", 'MIKEY "x", y', "tls", "warm", 1, 7, 7],
      ["calling", "open", "udp", "warm", 5, 3, 5],
      ["calling", "open", "udp", "cold", 1, 40, 40],
      ["srd", "open", "udp", "warm", 5, 1.5, 2.5],
      ["mouthToEar", 'MIKEY "x", y', "tls", "warm", 1, 80, 80],
    ],
  );
  const old = { ...call("open", "warm", { calling: 9 }), transport: undefined };
  assert.equal(
    latencyRows([...samples, old]).map(({ transport, count }) => `${transport} ${count}`),
    ["tls 1", "udp 5", "udp 1", "unknown 1", "udp 5", "tls 1"],
  );
  assert.equal(latencyRows([]), []);
});

test("the table is aligned, and says so when there is nothing", () => {
  const lines = latencyTable(latencyRows(samples)).split("\n");
  assert.is(lines.length, 7);
  assert.is(new Set(lines.slice(0, 6).map((line) => line.length)).size, 1);
  assert.match(lines[2], /^calling +open +udp +warm +5 +3\.00 +4\.80 +4\.96 +5\.00$/);
  assert.is(latencyTable([]), "no call has been timed yet");
});

test("CSV quotes what has commas and quotes", () => {
  const lines = latencyCsv(latencyRows(samples)).split("\r\n");
  assert.is(lines[0], "delay,method,transport,warmth,count,median,p95,p99,worst");
  assert.is(lines[1], 'calling,"MIKEY ""x"", y",tls,warm,1,7.00,7.00,7.00,7.00');
});

test("Prometheus text has a type, quantiles in seconds, sums and counts, and escaped labels", () => {
  const lines = latencyMetrics(latencyRows(samples)).trimEnd().split("\n");
  assert.is(lines[1], "# TYPE sotto_call_delay_seconds summary");
  assert.ok(
    lines.includes(
      'sotto_call_delay_seconds{delay="calling",method="open",transport="udp",warmth="warm",quantile="0.5"} 0.003000',
    ),
  );
  assert.ok(
    lines.includes(
      'sotto_call_delay_seconds_sum{delay="calling",method="open",transport="udp",warmth="warm"} 0.015000',
    ),
  );
  assert.ok(
    lines.includes('sotto_call_delay_seconds_count{delay="calling",method="open",transport="udp",warmth="warm"} 5'),
  );
  const metric =
    /^sotto_call_delay_seconds(_sum|_count)?\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\} [0-9.]+$/;
  for (const line of lines.slice(2)) assert.match(line, metric);
});

test.run();
