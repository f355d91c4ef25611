// A phone tells how fast its own calls were set up, after a restart too; key pairs come ready-made from the pool.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HandsetProcess, sottoProgram, suiteFolder } from "../support/handset-process.js";
import { TestAuthority } from "../support/identities.js";
import { Started } from "../support/started.js";
import { eventually } from "../support/wait.js";

const folder = suiteFolder("latency");
const started = new Started();
const latency = suite("call delays of a phone");
latency.after(() => started.stop());

const authority = await TestAuthority.create(folder, "ca");
const phone = async (user: string) =>
  started.keep(
    HandsetProcess.start({
      folder: join(folder, user),
      user,
      security: "required",
      keying: await authority.keyingFor(`sip:${user}@127.0.0.1`),
      autoAnswerMs: 20,
      more: { latencyFile: join(folder, user, "latency") },
    }),
  );

function ask(one: HandsetProcess, ...options: string[]): string {
  const asked = spawnSync(process.execPath, [sottoProgram, "latency", "--control", one.files.socket, ...options], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.is(asked.status, 0, asked.stderr);
  return asked.stdout;
}

interface Row {
  readonly delay: string;
  readonly method: string;
  readonly transport: string;
  readonly warmth: string;
  readonly count: number;
  readonly median: number;
  readonly worst: number;
}
const found = (rows: readonly Row[], delay: string, warmth: string) =>
  rows.find((row) => row.delay === delay && row.warmth === warmth);

latency("three calls: one cold, two warm, at both ends, in every format, kept over a restart", async () => {
  const [alice, bob] = [await phone("alice"), await phone("bob")];
  await eventually("full pools", 20_000, async () => {
    const statuses = await Promise.all([alice.status(), bob.status()]);
    return statuses.every(({ keyPairs }) => keyPairs.ready.oakley5 === 4);
  });
  assert.is(ask(alice), "no call has been timed yet\n");
  for (let i = 0; i < 3; i++) {
    const id = await alice.dial(bob.uri);
    await alice.state(id, "active");
    await alice.ask("hangup", { id });
    await Promise.all([alice.ended(id), bob.ended(i + 1)]);
  }
  for (const one of [alice, bob]) {
    const { hits, misses } = (await one.status()).keyPairs;
    assert.equal([hits, misses], [3, 0], "a pair was not ready");
  }
  const rows = JSON.parse(ask(alice, "--json")) as Row[];
  for (const delay of ["calling", "srd", "confirming"]) {
    const [cold, warm] = [found(rows, delay, "cold"), found(rows, delay, "warm")];
    assert.equal([cold?.count, warm?.count], [1, 2], delay);
    assert.ok(warm!.median > 0 && warm!.median <= warm!.worst && warm!.worst < 10_000);
    assert.match(warm!.method, /^MIKEY signed Diffie-Hellman/);
    // A signed offer does not fit into a datagram (RFC 3261 section 18.1.1).
    assert.is(warm!.transport, "tcp");
  }
  assert.ok(found(rows, "srd", "warm")!.median <= found(rows, "calling", "warm")!.median, "SRD leaves out the offer");
  const atBob = JSON.parse(ask(bob, "--json")) as Row[];
  assert.equal([found(atBob, "answering", "cold")?.count, found(atBob, "answering", "warm")?.count], [1, 2]);
  assert.is(found(atBob, "calling", "warm"), undefined);
  assert.match(ask(bob, "--csv"), /^delay,method,transport,[^\n]+\r\nanswering,MIKEY/);
  assert.match(ask(bob, "--prometheus"), /^# TYPE sotto_call_delay_seconds summary$/m);

  await alice.stop();
  const again = await phone("alice");
  assert.equal(JSON.parse(ask(again, "--json")), rows);
});

latency.run();
