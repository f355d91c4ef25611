// equal and wipe: what they answer, not how long they take (no test of ours asserts on time).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { equal, wipe } from "../../../firmware/crypto/index.js";

test("equal compares content and length", () => {
  assert.ok(equal(new Uint8Array(0), new Uint8Array(0)));
  assert.ok(equal(Uint8Array.of(1, 2, 255), Uint8Array.of(1, 2, 255)));
  assert.not(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0)));
  const base = new Uint8Array(32).map((_, i) => i * 7);
  for (let bit = 0; bit < 256; bit++) {
    const other = base.slice();
    other[bit >>> 3] ^= 1 << (bit & 7);
    assert.not(equal(base, other), `bit ${bit}`);
  }
});

test("wipe zeroes whatever it is given", () => {
  const a = Uint8Array.of(1, 2, 3);
  const b = Int32Array.of(-1, 5);
  const c = Uint32Array.of(7);
  wipe(a, b, c);
  assert.equal([...a, ...b, ...c], [0, 0, 0, 0, 0, 0]);
});

test.run();
