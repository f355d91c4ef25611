// The kernel's lists of processors.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { processorList } from "../../../scripts/latency-lab/processor.js";

test("single processors and ranges", () => {
  assert.equal(processorList("0"), [0]);
  assert.equal(processorList("0-3\n"), [0, 1, 2, 3]);
  assert.equal(processorList("1,4-5,9"), [1, 4, 5, 9]);
});

test.run();
