// The vibrator of a whole handset process stops on every way out: answered, cancelled, declined, told to stop, killed while it shakes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { temporaryFolder, writeTree } from "../support/fake-sysfs.js";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { Started } from "../support/started.js";
import { eventually, pause } from "../support/wait.js";

const test = suite("vibrator");
const folder = suiteFolder("vibrator");
const started = new Started();
test.after(() => started.stop());

let count = 0;
let caller: HandsetProcess | undefined;
/** A phone that shakes by an LED class device, and somebody who calls it. */
async function phones() {
  const own = join(folder, String(++count));
  const root = writeTree(temporaryFolder("leds"), {
    "vibrator/brightness": "0",
    "vibrator/max_brightness": "1\n",
  });
  caller ??= await started.keep(
    HandsetProcess.start({ folder: join(own, "a"), user: "alice", security: "off", maxCalls: 8 }),
  );
  const alice = caller;
  const bob = await started.keep(
    HandsetProcess.start({
      ...{ folder: join(own, "b"), user: "bob", security: "off" },
      more: { devices: { vibrator: { driver: "led", led: "vibrator", root } } },
    }),
  );
  const file = join(root, "vibrator", "brightness");
  return { alice, bob, shakes: () => readFileSync(file, "utf8") === "1" };
}

/** Off, and off for longer than any pause of the pattern. */
async function still(shakes: () => boolean): Promise<void> {
  await eventually("the motor stops", 20_000, () => !shakes());
  for (let i = 0; i < 44; i++) {
    assert.not(shakes(), "it shakes again");
    await pause(50);
  }
}

test("answered, cancelled, declined", async () => {
  const { alice, bob, shakes } = await phones();
  for (const leave of [
    async (id: number) => {
      await bob.ask("answer", {});
      await alice.state(id, "active");
    },
    () => alice.ask("hangup", {}),
    () => bob.ask("hangup", {}),
  ]) {
    const id = await alice.dial(bob.uri);
    await eventually("it shakes", 20_000, shakes);
    await leave(id);
    await still(shakes);
    if (leave.length > 0) await alice.ask("hangup", {});
    await alice.ended(id);
    await eventually("Bob is free again", 20_000, async () => (await bob.status()).calls.length === 0);
  }
});

for (const signal of ["SIGTERM", "SIGKILL"] as const)
  test(`${signal} while it shakes`, async () => {
    const { alice, bob, shakes } = await phones();
    await alice.dial(bob.uri);
    await eventually("it shakes", 20_000, shakes);
    bob.signal(signal);
    await bob.exit();
    await still(shakes);
  });

test.run();
