// Key pairs that cost nothing agree all the same, and are wiped one by one.

import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { generateDhKeyPair, isDhPublicValue } from "../../firmware/crypto/dh.js";
import { RehearsedKeyPairs } from "../../firmware/rehearsed-key-pairs.js";
import { good } from "../results.js";
import { hex } from "../vectors.js";

for (const group of ["oakley5", "modp2048", "x25519"] as const)
  test(`${group}: pairs agree with others and among themselves; one that is wiped is not the next`, () => {
    const pairs = new RehearsedKeyPairs(randomBytes);
    const [one, two, other] = [pairs.take(group), pairs.take(group), generateDhKeyPair(group)];
    assert.ok(isDhPublicValue(group, one.publicValue));
    assert.is(hex(good(one.secret(other.publicValue))), hex(good(other.secret(one.publicValue))));
    assert.is.not(hex(one.publicValue), hex(two.publicValue), "both ends of a call take one");
    one.wipe();
    assert.throws(() => one.secret(other.publicValue), /wiped/);
    const again = Array.from({ length: 8 }, () => pairs.take(group)).find(
      ({ publicValue }) => hex(publicValue) === hex(one.publicValue),
    );
    assert.is(hex(good(again!.secret(two.publicValue))), hex(good(two.secret(again!.publicValue))));
    pairs.close();
    const anew = Array.from({ length: 8 }, () => hex(pairs.take(group).publicValue));
    assert.not.ok(anew.includes(hex(one.publicValue)), "closed: the values are gone");
  });

test.run();
