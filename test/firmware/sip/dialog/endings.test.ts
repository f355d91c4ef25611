// How calls end: BYE from each side and before the ACK, closing the user agent (RFC 3261 section 15).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { agent, listen, outgoing, Peer } from "../support.js";
import { connected, from, listenIncoming, settle, to, world } from "../world.js";

const endings = suite("endings");

endings("the callee hangs up", () => {
  const { time, network, log, alice, bob, dialogs } = connected();
  dialogs.bob.bye();
  dialogs.bob.bye();
  time.advance(100);
  assert.equal(log, ["alice ended by peer", "bob ended by us"]);
  assert.equal(network.ladder(), ["2>1 BYE", "1>2 200"]);
  settle(time, alice, bob);
});

endings("both hang up at once: two BYEs, each side ends once", () => {
  const { time, network, log, alice, bob, dialogs } = connected();
  dialogs.alice.bye();
  dialogs.bob.bye();
  time.advance(100);
  assert.equal(log.sort(), ["alice ended by us", "bob ended by us"]);
  assert.equal(network.ladder().sort(), ["1>2 200", "1>2 BYE", "2>1 200", "2>1 BYE"]);
  settle(time, alice, bob);
});

endings("the callee's bye() before the ACK waits for it (section 15)", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      const dialog = call.accept({});
      listen(dialog, log, "bob");
      dialog.bye([["Reason", "SIP;cause=200"]]);
    },
  };
  peer.request(2, "INVITE", {}, "offer");
  time.advance(1000);
  assert.not.match(peer.kinds(), /BYE/);
  const tag = /tag=(\w+)/.exec(peer.last(200).headers.get("To")!)![1];
  peer.request(2, "ACK", { To: `<sip:u2@192.0.2.2>;tag=${tag}` });
  time.advance(20);
  assert.is(peer.last("BYE").headers.get("Reason"), "SIP;cause=200");
  peer.respond(peer.last("BYE"), 200, undefined);
  time.advance(20);
  assert.equal(log, ["bob acked", "bob ended by us"]);
  settle(time, bob);
});

endings("the callee's bye() before an ACK that never comes: sent when the 2xx is given up", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      const dialog = call.accept({});
      listen(dialog, log, "bob");
      dialog.bye();
    },
  };
  peer.request(2, "INVITE", {}, "offer");
  time.advance(32_010);
  assert.match(peer.kinds(), /BYE$/);
  assert.equal(log, ["bob ended by timeout"]);
  settle(time, bob);
});

endings("the caller's bye() before ack(): the ACK goes first", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  bob.events = { invite: (call) => listen(call.accept({}), log, "bob") };
  alice.invite({ target: to(2), from }, outgoing(log, "alice", { accepted: (dialog) => dialog.bye() }));
  time.advance(100);
  assert.equal(network.ladder(), ["1>2 INVITE", "2>1 200", "1>2 ACK", "1>2 BYE", "2>1 200"]);
  assert.equal(log, ["alice sent", "alice accepted 200", "bob acked", "bob ended by peer", "alice ended by us"]);
  settle(time, alice, bob);
});

endings("the peer's BYE before its ACK stops the 2xx", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = { invite: (call) => listen(call.accept({}), log, "bob") };
  peer.request(2, "INVITE", {}, "offer");
  time.advance(20);
  const tag = /tag=(\w+)/.exec(peer.last(200).headers.get("To")!)![1];
  peer.request(2, "BYE", { To: `<sip:u2@192.0.2.2>;tag=${tag}`, CSeq: "2 BYE" });
  time.advance(5000);
  assert.is(peer.kinds(), "200 200");
  assert.equal(log, ["bob ended by peer"]);
  settle(time, bob);
});

endings("the caller's BYE in an early dialog: 200, and 487 to the INVITE", () => {
  const { time, network, log } = world();
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  bob.events = {
    invite(call) {
      listenIncoming(call, log);
      call.provisional(180);
    },
  };
  peer.request(2, "INVITE", {}, "offer");
  time.advance(20);
  const tag = /tag=(\w+)/.exec(peer.last(180).headers.get("To")!)![1];
  peer.request(2, "BYE", { To: `<sip:u2@192.0.2.2>;tag=${tag}`, CSeq: "2 BYE" });
  time.advance(20);
  assert.is(peer.kinds(), "180 200 487");
  assert.equal(log, ["bob cancelled: the caller hung up"]);
  settle(time, bob);
});

for (const [status, text] of [
  [481, "481"],
  [undefined, "no answer"],
] as const)
  endings(`our BYE gets ${text}: the dialog is over all the same`, () => {
    const { time, network, log } = world();
    const alice = agent(network, 1);
    const peer = new Peer(network, 2);
    alice.invite(
      { target: to(2), from },
      outgoing(log, "alice", {
        accepted: (dialog) => {
          dialog.ack();
          dialog.bye();
        },
      }),
    );
    time.advance(10);
    peer.respond(peer.last("INVITE"), 200, "t", peer.contact);
    time.advance(10);
    if (status) peer.respond(peer.last("BYE"), status, undefined);
    time.advance(33_000);
    assert.is(log.pop(), "alice ended by us");
    settle(time, alice);
  });

endings("close() hangs up, cancels and declines, and waits for the answers", async () => {
  const { time, network, log, alice, bob, dialogs } = connected();
  assert.ok(dialogs.alice);
  const carol = agent(network, 3);
  const dave = agent(network, 4);
  dave.events = {
    invite(call) {
      listenIncoming(call, log, "dave");
      call.provisional(180);
    },
  };
  alice.events = {
    invite: (call) => {
      listenIncoming(call, log, "alice");
      call.provisional(180);
    },
  };
  alice.invite({ target: to(4), from }, outgoing(log, "alice to dave"));
  carol.invite({ target: to(1), from }, outgoing(log, "carol"));
  time.advance(100);
  log.length = 0;
  const closed = alice.close();
  assert.is(alice.close(), closed);
  for (let i = 0; i < 100; i++) {
    time.advance(10);
    await Promise.resolve();
  }
  await closed;
  assert.equal(log.sort(), [
    "alice ended by us",
    "alice to dave failed 487 response",
    "bob ended by peer",
    "carol failed 480 response",
    "dave cancelled: the caller hung up",
  ]);
  assert.throws(() => alice.invite({ target: to(2), from }, outgoing(log, "x")), /closed/);
  assert.equal(alice.size(), { dialogs: 0, client: 0, server: 0 });
  settle(time, bob, carol, dave);
});

endings("close() does not wait longer than its limit for a peer that is gone", async () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  alice.invite({ target: to(2), from }, outgoing(log, "alice", { accepted: (dialog) => dialog.ack() }));
  time.advance(10);
  peer.respond(peer.last("INVITE"), 200, "t", peer.contact);
  time.advance(10);
  const closed = alice.close();
  let done = false;
  void closed.then(() => {
    done = true;
  });
  for (let i = 0; i < 199; i++) {
    time.advance(10);
    await Promise.resolve();
  }
  assert.not(done);
  for (let i = 0; i < 5; i++) {
    time.advance(10);
    await Promise.resolve();
  }
  await closed;
  assert.is(log.pop(), "alice ended by us");
  assert.is(time.active, 0);
});

endings.run();
