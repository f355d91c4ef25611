// `sotto mikey vectors`: the same in every run, and what a second, independent reading of the RFCs finds in them.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type MikeyVector, makeVectors, type VectorSession } from "../../../../firmware/cli/mikey/vectors.js";
import { readAgain } from "./second-reading.js";

const test = suite("mikey vectors");
const vectors = await makeVectors();

const withoutNumbers = (sessions: readonly VectorSession[]) => sessions.map(({ csId: _, ...session }) => session);

for (const vector of vectors)
  test(`${vector.name}: MACs, signatures, envelope, TGK and keys by a second path`, () => {
    const second = readAgain(vector);
    assert.ok(second.proved);
    assert.is(second.tgk, vector.tgk);
    assert.equal(second.sessions, withoutNumbers(vector.sessions));
    assert.is(second.updates.length, vector.updates?.length ?? 0);
    for (const [i, update] of (vector.updates ?? []).entries()) {
      assert.is(second.updates[i].tgk, update.tgk);
      assert.equal(second.updates[i].sessions, withoutNumbers(update.sessions));
      const before = i === 0 ? vector.tgk : second.updates[i - 1].tgk;
      assert.is(update.tgk !== before, update.isNewKey);
    }
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
    for (const [i, update] of (vector.updates ?? []).entries()) {
      const last = update.offer.slice(0, -1) + (update.offer.endsWith("0") ? "1" : "0");
      const updates = (vector.updates ?? []).map((one, k) => (k === i ? { ...one, offer: last } : one));
      assert.not(readAgain({ ...vector, updates }).proved, `${vector.name}, update ${i + 1}`);
    }
  }
});

test("every method is there, and the same bytes come in every run unless OpenSSL adds randomness: then the same keys", async () => {
  assert.equal([...new Set(vectors.map(({ method }) => method))].sort(), ["dh", "dhhmac", "pke", "psk", "rsa-r"]);
  const fixed = ({ isRandomized, ...vector }: MikeyVector) =>
    isRandomized ? { ...vector, offer: "", answer: "" } : vector;
  assert.equal((await makeVectors()).map(fixed), vectors.map(fixed));
  assert.equal(
    vectors.filter(({ isRandomized }) => isRandomized).map(({ name }) => name),
    ["dh-pss", "dh-p256", "pke-oaep"],
  );
});

test.run();
