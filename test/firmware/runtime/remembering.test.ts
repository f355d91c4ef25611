import { suite } from "uvu";
import * as assert from "uvu/assert";
import { forgetAll, remembering } from "../../../firmware/runtime/remembering.js";

const test = suite("remembering");

test("a text is read once, long ones each time, and no more are kept than asked for", () => {
  const read: string[] = [];
  const length = remembering(
    (text) => {
      read.push(text);
      return { length: text.length };
    },
    { capacity: 2, longest: 5 },
  );
  assert.is(length("one"), length("one"));
  assert.equal(length("seven+"), { length: 6 });
  assert.is.not(length("seven+"), length("seven+"));
  assert.equal(read.splice(0), ["one", "seven+", "seven+", "seven+"]);
  length("two");
  length("one");
  assert.equal(read.splice(0), ["two"]);
  length("three");
  length("one");
  length("two");
  assert.equal(read, ["three", "one", "two"], "full: the earlier ones were forgotten");
});

test("all is forgotten at once", () => {
  let times = 0;
  const made = remembering((text) => {
    times++;
    return text;
  });
  made("a");
  forgetAll();
  made("a");
  assert.is(times, 2);
});

test("what throws is not remembered", () => {
  let times = 0;
  const fails = remembering(() => {
    times++;
    throw new TypeError("no");
  });
  assert.throws(() => fails("a"), /no/);
  assert.throws(() => fails("a"), /no/);
  assert.is(times, 2);
});

test.run();
