// The laboratory itself, with a few real calls: report and figures, an earlier run drawn and checked again.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LabResult } from "../../scripts/latency-lab/result.js";
import { suiteFolder } from "../support/handset-process.js";
import { checkout } from "../vectors.js";

const folder = suiteFolder("lab");
const lab = suite("the latency laboratory");
const run = (...options: string[]) =>
  spawnSync(process.execPath, [join(checkout, "out", "js", "scripts", "latency-lab", "main.js"), ...options], {
    encoding: "utf8",
    timeout: 120_000,
    env: { ...process.env, SOTTO_TOP: checkout },
  });
const json = join(folder, "figures.json");

lab("a quick run: every call comes about, figures and page are there", () => {
  const only = "none,dh/udp/direct/warm/on/native/loopback";
  const ran = run("--quick", "--calls", "2", "--only", only, "--out", join(folder, "out"), "--json", json);
  assert.is(ran.status, 0, ran.stderr + ran.stdout);
  assert.match(ran.stdout, /2 kinds of calls; about \d+ s/);
  const result = JSON.parse(readFileSync(json, "utf8")) as LabResult;
  for (const { name, delays, steps, typical, failed } of result.cases) {
    assert.is(failed, 0, name);
    assert.ok(delays.calling.length === 2 && delays.calling.every((ms) => ms > 0 && ms < 10_000), name);
    assert.ok(delays.answering.length === 2 && delays.voiceAtCaller.length > 0, name);
    for (const id of ["1a", "1b-3b", "4a", "4b-6b", "8a", "8b-10b", "11a", "11b-13b"])
      assert.ok(
        steps.some((step) => step.id === id && step.ms >= 0),
        `${name}: ${id}`,
      );
    assert.ok(typical.length >= 8, name);
  }
  assert.equal(result.leftOut, []);
  assert.match(readFileSync(join(folder, "out", "report.html"), "utf8"), /MIKEY signed Diffie-Hellman/);
});

lab("an earlier run is checked: a budget that is exceeded is exit code 1", () => {
  const result = JSON.parse(readFileSync(json, "utf8")) as LabResult;
  const [open, dh] = result.cases;
  const even = { ...dh, delays: open.delays };
  const first = (one: typeof dh) => ({ ...one, name: one.name.replace("/warm/", "/cold/") });
  const write = (name: string, cases: LabResult["cases"]) => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify({ ...result, cases }));
    return file;
  };
  const check = (file: string) => run("--from", file, "--check", "host", "--out", join(folder, "check"));
  const kept = check(write("kept.json", [open, even, first(even)]));
  assert.is(kept.status, 0, kept.stdout + kept.stderr);
  assert.match(kept.stdout, /calling delay, dh by open +1\.00 +1\.10 +kept/);
  const slow = { ...even, delays: { ...open.delays, calling: open.delays.calling.map((ms) => 3 * ms) } };
  const exceeded = check(write("exceeded.json", [open, slow, first(even)]));
  assert.is(exceeded.status, 1);
  assert.match(exceeded.stdout, /calling delay, dh by open +3\.00 +1\.10 +EXCEEDED/);
  assert.ok(existsSync(join(folder, "check", "report.html")));
});

lab("a wrong word or board is exit code 2 and says what there is", () => {
  const word = run("--only", "dhh");
  assert.is(word.status, 2);
  assert.match(word.stderr, /"dhh" is no word of a filter; there are: none psk dh/);
  const board = run("--check", "ipaq");
  assert.is(board.status, 2);
  assert.match(board.stderr, /Boards: host, /);
  assert.match(run("--help").stdout, /--calls <n>/);
});

lab.run();
