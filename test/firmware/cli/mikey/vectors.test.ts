// `sotto mikey vectors`: the same in every run, and what a second, independent reading of the RFCs finds in them.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeVectors } from "../../../../firmware/cli/mikey/vectors.js";
import { readAgain } from "./second-reading.js";

const test = suite("mikey vectors");
const vectors = await makeVectors();

for (const vector of vectors)
  test(`${vector.name}: MACs, signatures, envelope, TGK and keys by a second path`, () => {
    const second = readAgain(vector);
    assert.ok(second.proved);
    assert.is(second.tgk, vector.tgk);
    assert.equal(
      second.sessions,
      vector.sessions.map(({ csId: _, ...session }) => session),
    );
  });

test("a changed byte is noticed by the second path: it can say no", () => {
  for (const vector of vectors) {
    const at = vector.offer.length - 8;
    const digit = vector.offer[at] === "0" ? "1" : "0";
    const offer = vector.offer.slice(0, at) + digit + vector.offer.slice(at + 1);
    let proved = false;
    try {
      proved = readAgain({ ...vector, offer }).proved;
    } catch {
      // Unreadable is noticed as well.
    }
    assert.not(proved, vector.name);
  }
});

test("every method is there, and the same bytes come in every run", async () => {
  assert.equal([...new Set(vectors.map(({ method }) => method))].sort(), ["dh", "dhhmac", "pke", "psk", "rsa-r"]);
  assert.equal(await makeVectors(), vectors);
});

test.run();
