// Who may move a stream's far end, and who may not.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { normaliseAddress, RemoteEndpoint } from "../../../firmware/media/remote-endpoint.js";
import { SourceLock } from "../../../firmware/media/source-lock.js";

const clear = suite("remote endpoint, clear");

function endpoint(): RemoteEndpoint {
  const remote = new RemoteEndpoint();
  remote.signal("10.0.0.2", 4000);
  return remote;
}
const at = (remote: RemoteEndpoint): string => `${remote.address}:${remote.port}`;

clear("packets from where signalling said", () => {
  const remote = endpoint();
  assert.ok(remote.take("10.0.0.2", 4000, false, 0));
  assert.is(at(remote), "10.0.0.2:4000");
});

clear("the first packet from elsewhere moves it (a NAT), a second source does not", () => {
  const remote = endpoint();
  assert.ok(remote.take("192.0.2.1", 5000, false, 0));
  assert.is(at(remote), "192.0.2.1:5000");
  assert.not(remote.take("198.51.100.9", 6000, false, 20));
  assert.not(remote.take("192.0.2.1", 5001, false, 20), "another port is another source");
  assert.is(at(remote), "192.0.2.1:5000");
});

clear("a stranger who was first gives way to the signalled source at once", () => {
  const remote = endpoint();
  assert.ok(remote.take("198.51.100.9", 6000, false, 0));
  assert.ok(remote.take("10.0.0.2", 4000, false, 10));
  assert.is(at(remote), "10.0.0.2:4000");
  assert.not(remote.take("198.51.100.9", 6000, false, 20));
});

clear("a source that fell quiet may be followed, a few times only", () => {
  const remote = endpoint();
  let now = 0;
  let taken = 0;
  for (let i = 0; i < 20; i++) {
    now += 600;
    if (remote.take("192.0.2.1", 5000 + i, false, now)) taken++;
  }
  assert.is(taken, 5);
  remote.signal("10.0.0.3", 4000);
  assert.ok(remote.take("192.0.2.1", 7000, false, now), "new signalling, new start");
});

clear("the same signalling again keeps what was learnt", () => {
  const remote = endpoint();
  remote.take("192.0.2.1", 5000, false, 0);
  assert.not(remote.signal("10.0.0.2", 4000));
  assert.is(at(remote), "192.0.2.1:5000");
  assert.ok(remote.signal("10.0.0.2", 4002));
  assert.is(at(remote), "10.0.0.2:4002");
});

clear("0.0.0.0 and port 0 say: send nothing", () => {
  const remote = new RemoteEndpoint();
  assert.not(remote.reachable);
  remote.signal("0.0.0.0", 4000);
  assert.not(remote.reachable);
  remote.take("192.0.2.1", 5000, false, 0);
  assert.not(remote.reachable);
  remote.signal("10.0.0.2", 0);
  assert.not(remote.reachable);
  remote.signal("10.0.0.2", 4000);
  assert.ok(remote.reachable);
});
clear.run();

const secured = suite("remote endpoint, authenticated");

secured("every good packet is taken, the address follows only a quiet one", () => {
  const remote = endpoint();
  assert.ok(remote.take("10.0.0.2", 4000, true, 0));
  assert.ok(remote.take("198.51.100.9", 6000, true, 20), "a copy sent from elsewhere is still the peer's word");
  assert.is(at(remote), "10.0.0.2:4000");
  for (let i = 0; i < 10; i++) {
    const now = 1000 + i * 1000;
    assert.ok(remote.take("203.0.113.7", 7000 + i, true, now));
    assert.is(at(remote), `203.0.113.7:${7000 + i}`, "as often as the peer moves");
  }
});
secured.run();

const spelling = suite("addresses");
spelling("spelled as sockets report them", () => {
  assert.is(normaliseAddress("192.0.2.1", 4), "192.0.2.1");
  assert.is(normaliseAddress("192.0.2.1", 6), "::ffff:192.0.2.1");
  assert.is(normaliseAddress("2001:DB8:0:0::1", 6), "2001:db8::1");
  assert.is(normaliseAddress("fe80::1%eth0", 6), "fe80::1%eth0");
  assert.is(normaliseAddress("2001:db8::1", 4), undefined);
  assert.is(normaliseAddress("host.example", 4), undefined);
});
spelling.run();

const source = suite("source lock");
source("another SSRC needs two packets in a row", () => {
  const lock = new SourceLock();
  assert.ok(lock.take(1, 100, false));
  assert.ok(lock.changed);
  assert.ok(lock.take(1, 101, false));
  assert.not(lock.changed);
  assert.not(lock.take(2, 7, false));
  assert.not(lock.take(2, 9, false), "not in a row");
  assert.not(lock.take(3, 10, false), "another stranger");
  assert.not(lock.take(2, 0xffff, false));
  assert.ok(lock.take(2, 0, false), "across the wrap");
  assert.ok(lock.changed);
  assert.not(lock.take(1, 102, false));
});
source("an authenticated one is believed", () => {
  const lock = new SourceLock();
  lock.take(1, 100, true);
  assert.ok(lock.take(2, 7, true));
  assert.ok(lock.changed);
});
source("released by signalling", () => {
  const lock = new SourceLock();
  lock.take(1, 100, false);
  lock.release();
  assert.ok(lock.take(2, 7, false));
});
source.run();
