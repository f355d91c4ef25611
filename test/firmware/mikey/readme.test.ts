// The examples of firmware/mikey/README.md run as they stand there.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generateDhKeyPair } from "../../../firmware/crypto/dh.js";
import * as mikey from "../../../firmware/mikey/index.js";
import { checkout } from "../../vectors.js";
import { alice, bob, nowMs, psk, random } from "./people.js";

const test = suite("mikey README");
const text = readFileSync(join(checkout, "firmware", "mikey", "README.md"), "utf8");
const examples = [...text.matchAll(/```ts (\w+)\n([\s\S]*?)```/g)].map(([, name, code]) => ({ name, code }));

/** The examples there must be, and how many results each tells. */
const wanted = { agreement: 1, method: 1, message: 1, handover: 2, group: 1 };

test("there is an example of each level, and of each way of sharing keys", () => {
  assert.equal(
    examples.map(({ name }) => name),
    Object.keys(wanted),
  );
});

for (const { name, code } of examples)
  test(`${name}: runs, and gives what it says`, async () => {
    let told = 0;
    const result = (found: unknown, expected: unknown) => {
      told++;
      assert.equal(found, expected);
    };
    const world = { ...mikey, generateDhKeyPair, key: psk, aliceUri: alice, bobUri: bob, nowMs, random, result };
    const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
    await new AsyncFunction(...Object.keys(world), code)(...Object.values(world));
    assert.is(told, wanted[name as keyof typeof wanted]);
  });

test.run();
