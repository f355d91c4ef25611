// The waiting times of RFC 5626 section 4.5, and when a binding is refreshed.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { backoffMs, defaultBackoff, refreshMs } from "../../../../firmware/sip/index.js";

test("RFC 5626 4.5: the upper bound doubles from 30 s (90 s while another flow works) to 1800 s; half of it is certain", () => {
  for (const [failures, alone, beside] of [
    [0, 30, 90],
    [1, 60, 180],
    [2, 120, 360],
    [3, 240, 720],
    [4, 480, 1440],
    [5, 960, 1800],
    [6, 1800, 1800],
    [1000, 1800, 1800],
  ]) {
    assert.is(backoffMs(defaultBackoff, failures, false, 0), alone * 500);
    assert.is(backoffMs(defaultBackoff, failures, false, 1), alone * 1000);
    assert.is(backoffMs(defaultBackoff, failures, true, 0), beside * 500);
    assert.is(backoffMs(defaultBackoff, failures, true, 1), beside * 1000);
  }
});

test("a refresh leaves time for a whole transaction (32 s) wherever the interval has it", () => {
  for (let seconds = 1; seconds < 4000; seconds += 7)
    for (const fraction of [0, 0.5, 1]) {
      const at = refreshMs(seconds, fraction) / 1000;
      assert.ok(at >= seconds / 2 && at < seconds, `${seconds}: ${at}`);
      if (seconds >= 80) assert.ok(seconds - at >= 39.9, `${seconds}: ${at}`);
    }
});

test.run();
