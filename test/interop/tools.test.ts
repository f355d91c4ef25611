// The policy for missing peers: a printed skip normally, a failure with CI=true.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { needPeer, needTool, requireOrSkip, which } from "./tools.js";

/** Runs `action` with CI set to `ci`; what it printed. */
function printed(ci: string | undefined, action: () => void): string[] {
  const lines: string[] = [];
  const { log } = console;
  const before = process.env.CI;
  if (ci === undefined) delete process.env.CI;
  else process.env.CI = ci;
  console.log = (line: string) => lines.push(line);
  try {
    action();
  } finally {
    console.log = log;
    if (before === undefined) delete process.env.CI;
    else process.env.CI = before;
  }
  return lines;
}

const absent = "no-such-program-anywhere";

test("which finds programs on PATH and by path, and nothing else", () => {
  assert.match(which("sh") ?? "", /^\/.*\/sh$/);
  assert.is(which(process.execPath), process.execPath);
  assert.is(which(absent), undefined);
  assert.is(which("/"), undefined, "a folder is no program");
});

test("what is missing is printed as a skip", () => {
  assert.equal(
    printed(undefined, () => {
      assert.not(requireOrSkip("a thing", false));
      assert.is(needTool(absent, "from the moon"), undefined);
      assert.not(needPeer("a pair", "sh", absent));
    }),
    [
      "skipped: a thing is not here",
      `skipped: ${absent} (from the moon) is not here`,
      `skipped: a pair (${absent}) is not here`,
    ],
  );
});

test("with CI=true it is a failure", () => {
  for (const action of [() => requireOrSkip("x", false), () => needTool(absent), () => needPeer("y", absent)])
    assert.throws(() => printed("true", action), /CI=true/);
});

test("what is here passes in silence", () => {
  for (const ci of ["true", undefined])
    assert.equal(
      printed(ci, () => {
        assert.ok(requireOrSkip("x", true));
        assert.is(needTool("sh"), which("sh"));
        assert.ok(needPeer("y", "sh"));
      }),
      [],
    );
});

test.run();
