// The device's address comes and goes.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import { outsideAddress, watchAddress } from "../../../../firmware/sip/index.js";

const v4 = (address: string, internal = false) => ({ address, family: "IPv4", internal });
const v6 = (address: string) => ({ address, family: "IPv6", internal: false });

test("the address to be reached at: outside, of the family, link-local last", () => {
  const list = {
    lo: [v4("127.0.0.1", true)],
    a: [v4("169.254.1.1"), v6("fe80::1"), v6("2001:db8::1")],
    b: [v4("192.0.2.1")],
  };
  assert.is(outsideAddress(list, 4), "192.0.2.1");
  assert.is(outsideAddress(list, 6), "2001:db8::1");
  assert.is(outsideAddress({ a: [v4("169.254.1.1")] }, 4), "169.254.1.1");
  assert.is(outsideAddress({ lo: [v4("127.0.0.1", true)] }, 4), undefined);
});

test("said once for every move; a second network does not move the phone, none at all neither", () => {
  const time = new VirtualTime();
  let list: Record<string, ReturnType<typeof v4>[]> = { a: [v4("192.0.2.1")] };
  const said: string[] = [];
  const watch = watchAddress("192.0.2.1", {
    family: 4,
    timers: time,
    clock: time,
    addresses: () => list,
    changed: (address) => said.push(address),
  });
  time.advance(10_000);
  list = { vpn: [v4("10.0.0.1")], a: [v4("192.0.2.1")] };
  time.advance(10_000);
  assert.equal(said, []);
  list = {};
  time.advance(10_000);
  list = { a: [v4("192.0.2.7")] };
  time.advance(2_001);
  assert.equal(said, ["192.0.2.7"]);
  list = { b: [v4("192.0.2.1")] };
  time.advance(60_000);
  assert.equal(said, ["192.0.2.7", "192.0.2.1"]);
  watch.cancel();
  time.advance(1);
  assert.is(time.active, 0);
});

test.run();
