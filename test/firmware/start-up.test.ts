// How long the phone took to come up: the points, once each, and their words.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Trace, VirtualTime } from "../../firmware/runtime/index.js";
import type { RegistrationStatus } from "../../firmware/sip/index.js";
import { StartUp, startUpMetrics } from "../../firmware/start-up.js";

const registration = (account: string, state: RegistrationStatus["state"]) =>
  ({ account, registrar: "sip:a.test", state }) as RegistrationStatus;

test("registered is when every registration has been made for the first time; later losses change nothing", () => {
  const time = new VirtualTime();
  const trace = new Trace(time);
  const bootMs = time.now();
  const startUp = new StartUp(trace, bootMs);
  startUp.registrations([]);
  assert.equal(startUp.status(), { bootMonotonicMs: bootMs, code: "not kept" });
  time.advance(100);
  startUp.registrations([registration("a", "registered"), registration("b", "registering")]);
  assert.is(startUp.status().registeredMs, undefined);
  time.advance(50);
  startUp.registrations([registration("a", "registered"), registration("b", "registered")]);
  time.advance(70);
  startUp.ready();
  for (let i = 0; i < 5000; i++) trace.mark("dialled", 1);
  startUp.registrations([registration("a", "registered"), registration("b", "registered")]);
  startUp.ready();
  assert.equal(
    startUp.status(),
    { bootMonotonicMs: bootMs, registeredMs: 150, readyMs: 220, code: "not kept" },
    "also when the ring has forgotten",
  );
  assert.match(startUpMetrics(startUp.status()), /^sotto_start_seconds\{point="registered"\} 0\.150000$/m);
  assert.is(startUpMetrics({}), "");
});

test.run();
