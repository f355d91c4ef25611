// What `sotto status` says of registrations.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { registrationLine } from "../../../firmware/cli/words.js";
import type { RegistrationStatus } from "../../../firmware/sip/index.js";

const now = Date.UTC(2026, 4, 1, 12, 0, 0);
const base: RegistrationStatus = {
  account: "sip:alice@a.test",
  registrar: "sip:a.test",
  state: "registered",
  sinceMs: now,
  serviceRoute: [],
};
const failure = { status: 503, text: "The server does not answer", atMs: now - 5000 };

test("registered: how long, over which flow, through which proxies", () => {
  const status: RegistrationStatus = {
    ...base,
    via: "192.0.2.9:5060",
    expiresAtMs: now + 300_000,
    flow: "tls 192.0.2.9:5061, kept by pings",
    path: ["<sip:edge.a.test;lr>"],
  };
  assert.is(
    registrationLine(status, now),
    "sip:alice@a.test at sip:a.test by 192.0.2.9:5060: registered for 300 s; flow tls 192.0.2.9:5061, kept by pings; path <sip:edge.a.test;lr>",
  );
});

test("not registered: when it is tried again, and why it failed last", () => {
  assert.is(
    registrationLine({ ...base, state: "waiting", retryAtMs: now + 27_000, failure }, now),
    "sip:alice@a.test at sip:a.test: not registered, next try in 27 s; last failure 11:59:55: The server does not answer",
  );
});

test("a binding that still holds while tries fail says both", () => {
  const status: RegistrationStatus = { ...base, expiresAtMs: now + 60_000, retryAtMs: now + 20_000, failure };
  assert.match(registrationLine(status, now), /registered for 60 s, next try in 20 s; last failure/);
});

test.run();
