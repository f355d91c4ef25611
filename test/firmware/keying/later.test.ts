// A keying opened late: not before it is used, once, and not after it was closed.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Keying, laterKeying } from "../../../firmware/keying/index.js";

function counted() {
  const seen: string[] = [];
  const open = (): Keying => {
    seen.push("opened");
    return {
      name: "mikey",
      recognises: () => true,
      prepare: async () => void seen.push("prepared"),
      open: () => {
        throw new Error("not asked for");
      },
      close: () => void seen.push("closed"),
    };
  };
  return { seen, keying: laterKeying("mikey", open) };
}

test("it is opened by its first use, once, and closed with its keying", async () => {
  const { seen, keying } = counted();
  assert.is(keying.name, "mikey");
  assert.equal(seen, []);
  assert.ok(keying.recognises({ session: [], media: [] }));
  keying.load();
  await keying.prepare();
  keying.close();
  assert.equal(seen, ["opened", "prepared", "closed"]);
});

test("closed before it was opened, it never is; what opening throws is thrown at every use", async () => {
  const { seen, keying } = counted();
  keying.close();
  assert.throws(() => keying.load(), TypeError);
  assert.equal(seen, []);
  const broken = laterKeying("mikey", () => {
    throw new Error("alice.crt is no certificate");
  });
  assert.throws(() => broken.load(), /alice\.crt/);
  await broken.prepare().then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, "alice.crt"),
  );
});

test.run();
