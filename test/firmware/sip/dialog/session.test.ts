// Within a confirmed dialog: re-INVITE both ways, glare, order of requests, what is answered to the rest (RFC 3261 sections 12.2, 14).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import type { IncomingReinvite, InviteDialog, UserAgent } from "../../../../firmware/sip/index.js";
import { agent, listen, Network, outgoing, Peer, sdp } from "../support.js";

const from = { uri: "sip:u1@192.0.2.1" };
const to = (number: number): string => `sip:u${number}@192.0.2.${number}`;
const text = (message: { readonly body: Uint8Array }): string => Buffer.from(message.body).toString();

interface Pair {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly log: string[];
  readonly alice: UserAgent;
  readonly bob: UserAgent;
  readonly a: InviteDialog;
  readonly b: InviteDialog;
}

/** Two agents in a call. `bob` answers re-INVITEs with `answer` when it is given. */
function pair(): Pair {
  const time = new VirtualTime();
  const network = new Network(time);
  const log: string[] = [];
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  let a: InviteDialog | undefined;
  let b: InviteDialog | undefined;
  bob.events = {
    invite(call) {
      b = call.accept({ body: sdp("answer") });
      listen(b, log, "bob");
    },
  };
  alice.invite(
    { target: to(2), from },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        a = dialog;
        dialog.ack();
      },
    }),
  );
  time.advance(100);
  log.length = 0;
  network.sent.length = 0;
  return { time, network, log, alice, bob, a: a!, b: b! };
}

function settle({ time, alice, bob, a }: Pair): void {
  a.bye();
  time.advance(100_000);
  assert.is(time.active, 0);
  for (const each of [alice, bob]) assert.equal(each.size(), { dialogs: 0, client: 0, server: 0 });
}

/** A call between user agent 2 and a scripted peer 1 that called it. */
function scripted() {
  const time = new VirtualTime();
  const network = new Network(time);
  const log: string[] = [];
  const peer = new Peer(network, 1);
  const bob = agent(network, 2);
  let dialog: InviteDialog | undefined;
  const reinvites: IncomingReinvite[] = [];
  bob.events = {
    invite(call) {
      dialog = call.accept({ body: sdp("answer") });
      listen(dialog, log, "bob", { reinvite: (request) => void reinvites.push(request) });
    },
  };
  peer.request(2, "INVITE", { CSeq: "10 INVITE" }, "offer");
  time.advance(20);
  const tag = /tag=(\w+)/.exec(peer.last(200).headers.get("To")!)![1];
  const To = `<sip:u2@192.0.2.2>;tag=${tag}`;
  peer.request(2, "ACK", { To, CSeq: "10 ACK" });
  time.advance(20);
  log.length = 0;
  peer.received.length = 0;
  const say = (method: string, seq: number, more: Record<string, string | undefined> = {}, body = ""): void => {
    peer.request(2, method, { To, CSeq: `${seq} ${method}`, ...more }, body);
    time.advance(20);
  };
  return { time, network, log, peer, bob, dialog: dialog!, reinvites, To, say };
}

for (const caller of [true, false])
  test(`a re-INVITE of the ${caller ? "caller" : "callee"}: offer, answer, ACK; again after it`, () => {
    const all = pair();
    const { time, network, log, a, b } = all;
    const [mine, theirs, name] = caller ? [a, b, "bob"] : [b, a, "alice"];
    listen(theirs, log, name, {
      reinvite: (request) => request.accept({ body: sdp(`${text(request.request)} taken`) }),
    });
    for (const round of [1, 2]) {
      let outcome = "";
      mine.reinvite(sdp(`offer ${round}`), (result) => {
        outcome = "ok" in result ? text(result.ok) : `failed ${result.failed.status}`;
        mine.ack(sdp("late answer"));
      });
      time.advance(50);
      assert.is(outcome, `offer ${round} taken`);
      assert.equal(log.splice(0), [`${name} reinvite`, `${name} acked`]);
    }
    const [x, y] = caller ? [1, 2] : [2, 1];
    const once = [`${x}>${y} INVITE`, `${y}>${x} 200`, `${x}>${y} ACK`];
    assert.equal(network.ladder(), [...once, ...once]);
    assert.match(network.sent[2].text, /late answer$/);
    const numbers = network.sent.map((each) => /CSeq: (\d+)/.exec(each.text)![1]);
    assert.is(Number(numbers[3]), Number(numbers[0]) + 1);
    settle(all);
  });

test("a refused re-INVITE leaves the call as it is", () => {
  const all = pair();
  const { time, log, a, b } = all;
  listen(b, log, "bob", { reinvite: (request) => request.reject(488) });
  let status = 0;
  a.reinvite(sdp("bad"), (result) => {
    status = "failed" in result ? result.failed.status : 0;
  });
  time.advance(50);
  assert.is(status, 488);
  assert.equal(log, ["bob reinvite"]);
  assert.throws(() => a.ack(), /no 2xx/);
  settle(all);
});

test("nobody listens for re-INVITEs: 488", () => {
  const all = pair();
  const { time, a, b } = all;
  b.events = { acked() {}, ended() {}, reinvite: (request) => request.reject(488) };
  let status = 0;
  a.reinvite(sdp("x"), (result) => {
    status = "failed" in result ? result.failed.status : 0;
  });
  time.advance(50);
  assert.is(status, 488);
  settle(all);
});

test("one at a time: a second re-INVITE fails with 491 without a message", () => {
  const all = pair();
  const { time, network, a, b, log } = all;
  listen(b, log, "bob", { reinvite: (request) => request.accept({}) });
  const seen: number[] = [];
  a.reinvite(sdp("1"), (result) => {
    seen.push("ok" in result ? result.ok.status : result.failed.status);
    a.ack();
  });
  a.reinvite(sdp("2"), (result) => {
    seen.push("ok" in result ? result.ok.status : result.failed.status);
  });
  time.advance(50);
  assert.equal(seen, [491, 200]);
  assert.is(network.sent.filter((each) => each.first.startsWith("INVITE")).length, 1);
  settle(all);
});

test("glare: both get 491; the callee tries again within 2 s, the caller after 2.1 to 4 s; both succeed", () => {
  const all = pair();
  const { time, network, log, alice, bob, a, b } = all;
  listen(a, log, "alice", { reinvite: (request) => request.accept({ body: sdp("by alice") }) });
  listen(b, log, "bob", { reinvite: (request) => request.accept({ body: sdp("by bob") }) });
  const done: string[] = [];
  const start = time.now();
  a.reinvite(sdp("from alice"), (result) => {
    done.push(`alice ${"ok" in result ? text(result.ok) : result.failed.status}`);
    a.ack();
  });
  b.reinvite(sdp("from bob"), (result) => {
    done.push(`bob ${"ok" in result ? text(result.ok) : result.failed.status}`);
    b.ack();
  });
  time.advance(10_000);
  assert.equal(done, ["bob by alice", "alice by bob"]);
  const invites = network.sent.filter((each) => each.first.startsWith("INVITE"));
  assert.is(invites.length, 4);
  const after = (number: number): number => invites.filter((each) => each.from === number)[1].atMs - start;
  assert.ok(after(2) <= 2050, `callee after ${after(2)}`);
  assert.ok(after(1) >= 2100 && after(1) <= 4050, `caller after ${after(1)}`);
  assert.is(alice.counters().glare, 2);
  assert.is(bob.counters().glare, 2);
  settle(all);
});

test("a re-INVITE while the peer's is unanswered waits as after a 491, then goes out", () => {
  const { time, peer, dialog, reinvites, To, say } = scripted();
  say("INVITE", 11, {}, "new offer");
  let outcome = 0;
  dialog.reinvite(sdp("mine"), (result) => {
    outcome = "ok" in result ? result.ok.status : result.failed.status;
  });
  time.advance(10_000);
  assert.not.match(peer.kinds(), /INVITE/);
  reinvites[0].accept({ body: sdp("yes") });
  time.advance(20);
  peer.request(2, "ACK", { To, CSeq: "11 ACK" });
  time.advance(2100);
  assert.match(peer.kinds(), /INVITE$/);
  peer.respond(peer.last("INVITE"), 200, undefined, [["Contact", "<sip:new@192.0.2.1>"]]);
  time.advance(20);
  assert.is(outcome, 200);
  dialog.ack();
  time.advance(20);
  assert.match(peer.received[peer.received.length - 1].text, /^ACK sip:new@192\.0\.2\.1 /); // the target was refreshed
  peer.respond(peer.last("INVITE"), 200, undefined); // again
  time.advance(20);
  assert.match(peer.kinds(), /INVITE ACK ACK$/);
  dialog.bye();
});

test("a second INVITE before the first is answered: 500 with Retry-After 0 to 10 (14.2)", () => {
  const { log, peer, say } = scripted();
  say("INVITE", 11, {}, "a");
  say("INVITE", 12, {}, "b");
  const refused = peer.last(500);
  const after = Number(refused.headers.get("Retry-After"));
  assert.ok(after >= 0 && after <= 10);
  assert.equal(log, ["bob reinvite"]);
});

test("a second INVITE before the ACK of the first: 491", () => {
  const { peer, reinvites, say } = scripted();
  say("INVITE", 11, {}, "a");
  reinvites[0].accept({});
  say("INVITE", 12, {}, "b");
  assert.match(peer.kinds(), /491$/);
});

test("a re-INVITE that is cancelled gets 487; answering it afterwards does nothing", () => {
  const { time, log, peer, bob, reinvites, say } = scripted();
  const Via = "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKsame";
  say("INVITE", 11, { Via }, "a");
  say("CANCEL", 11, { Via });
  assert.match(peer.kinds(), /200 487$/);
  reinvites[0].accept({});
  assert.throws(() => reinvites[0].reject(488), /already answered/);
  time.advance(100);
  assert.equal(log, ["bob reinvite"]);
  assert.is(bob.size().dialogs, 1);
});

test("the target is refreshed by an accepted re-INVITE, not by a refused one or an OPTIONS", () => {
  const { time, peer, dialog, reinvites, To, say } = scripted();
  say("INVITE", 11, { Contact: "<sip:refused@192.0.2.1>" }, "a");
  reinvites[0].reject(488);
  time.advance(20);
  say("ACK", 11, { Via: peer.last(488).headers.get("Via") });
  say("OPTIONS", 12, { Contact: "<sip:options@192.0.2.1>" });
  say("INVITE", 13, { Contact: "<sip:accepted@192.0.2.1:5060>" }, "a");
  reinvites[1].accept({});
  time.advance(10);
  peer.request(2, "ACK", { To, CSeq: "13 ACK" });
  time.advance(10);
  dialog.bye();
  time.advance(10);
  assert.match(peer.received[peer.received.length - 1].text, /^BYE sip:accepted@192\.0\.2\.1:5060 /);
});

test("requests out of order get 500, gaps are fine, a retransmission gets its old answer", () => {
  const { peer, bob, say, log } = scripted();
  say("OPTIONS", 20);
  say("OPTIONS", 30);
  say("OPTIONS", 25);
  say("OPTIONS", 30);
  say("BYE", 9);
  assert.is(peer.kinds(), "200 200 500 500 500");
  assert.is(bob.counters()["out-of-order"], 3);
  const Via = "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKsame";
  say("OPTIONS", 31, { Via });
  say("OPTIONS", 31, { Via });
  assert.is(peer.kinds(), "200 200 500 500 500 200 200");
  assert.equal(log, []);
  say("BYE", 32);
  assert.equal(log, ["bob ended by peer"]);
});

test("an INVITE with the number of the first one is out of order, not merged: 500", () => {
  const { peer, say } = scripted();
  say("INVITE", 10, {}, "x");
  assert.is(peer.kinds(), "500");
});

test("only the ACK with the number of the INVITE ends the repetition of the 2xx", () => {
  const { time, peer, log, reinvites, say } = scripted();
  say("INVITE", 11, {}, "x");
  reinvites[0].accept({});
  say("ACK", 10);
  time.advance(600);
  assert.is(peer.kinds(), "200 200");
  say("ACK", 11);
  time.advance(10_000);
  assert.is(peer.kinds(), "200 200");
  assert.equal(log, ["bob reinvite", "bob acked"]);
});

test("in a dialog: OPTIONS 200, INFO 405, an unknown method 501, an unknown Require 420; the call goes on", () => {
  const { peer, say, log } = scripted();
  say("OPTIONS", 11);
  say("INFO", 12);
  say("FROB", 13);
  say("OPTIONS", 14, { Require: "nosuch" });
  assert.is(peer.kinds(), "200 405 501 420");
  for (const status of [405, 501])
    assert.equal(peer.last(status).headers.all("Allow"), [
      "INVITE",
      "ACK",
      "CANCEL",
      "BYE",
      "OPTIONS",
      "PRACK",
      "UPDATE",
      "MESSAGE",
    ]);
  assert.equal(log, []);
});

test("a BYE ends the call whatever strange fields it carries", () => {
  const { peer, say, log } = scripted();
  say("BYE", 11, { Require: "nosuch", "Content-Type": "x/y" }, "body");
  assert.is(peer.kinds(), "200");
  assert.equal(log, ["bob ended by peer"]);
});

test("requests for no dialog of ours: 481, and ACK in silence", () => {
  const { peer, say, bob } = scripted();
  for (const method of ["BYE", "INVITE", "OPTIONS"]) say(method, 11, { To: "<sip:u2@192.0.2.2>;tag=wrong" });
  say("BYE", 11, { "Call-ID": "other" });
  say("BYE", 11, { From: "<sip:peer@192.0.2.1>;tag=other" });
  say("BYE", 1, { To: "<sip:u2@192.0.2.2>" });
  assert.is(peer.kinds(), "481 481 481 481 481 481");
  say("ACK", 10, { To: "<sip:u2@192.0.2.2>;tag=wrong" });
  assert.is(bob.counters()["no-dialog"], 6);
  assert.is(bob.counters()["stray-ack"], 1);
});

for (const [status, ends, byes] of [
  [481, "error", 0],
  [408, "error", 1],
  [undefined, "timeout", 1],
  [500, undefined, 0],
] as const)
  test(`our re-INVITE gets ${status ?? "no answer"}: the dialog ${ends ? `ends by ${ends}` : "lives"} (12.2.1.2)`, () => {
    const { time, log, peer, dialog, bob } = scripted();
    let outcome = "";
    dialog.reinvite(sdp("x"), (result) => {
      outcome = "failed" in result ? `${result.failed.status} ${result.failed.cause}` : "ok";
    });
    time.advance(10);
    if (status) peer.respond(peer.last("INVITE"), status, undefined);
    time.advance(32_100);
    assert.is(outcome, status ? `${status} response` : "408 timeout");
    assert.equal(log, ends ? [`bob ended by ${ends}`] : []);
    assert.is(peer.kinds().split(" ").includes("BYE") ? 1 : 0, byes);
    assert.is(bob.size().dialogs, ends ? 0 : 1);
  });

test("the peer hangs up while re-INVITEs are open: ours fails, theirs gets 487, a late 200 is still acknowledged", () => {
  const { time, log, peer, dialog, reinvites, say } = scripted();
  let outcome = 0;
  dialog.reinvite(sdp("x"), (result) => {
    outcome = "failed" in result ? result.failed.status : 200;
  });
  time.advance(10);
  const open = peer.last("INVITE");
  say("BYE", 11);
  assert.is(outcome, 481);
  assert.equal(log, ["bob ended by peer"]);
  peer.respond(open, 200, undefined, peer.contact);
  time.advance(20);
  assert.match(peer.kinds(), /ACK$/);
  assert.is(reinvites.length, 0);
  const other = scripted();
  other.say("INVITE", 11, {}, "a");
  other.say("BYE", 12);
  assert.is(other.peer.kinds(), "200 487");
});

test("re-INVITE after the end fails at once", () => {
  const { dialog, say } = scripted();
  say("BYE", 11);
  let outcome = 0;
  dialog.reinvite(sdp("x"), (result) => {
    outcome = "failed" in result ? result.failed.status : 200;
  });
  assert.is(outcome, 481);
  dialog.bye();
});

test("a stubborn 491 is given up after a few tries", () => {
  const { time, peer, dialog } = scripted();
  let outcome = 0;
  dialog.reinvite(sdp("x"), (result) => {
    outcome = "failed" in result ? result.failed.status : 200;
  });
  for (let i = 0; i < 20 && outcome === 0; i++) {
    time.advance(10);
    const before = peer.received.length;
    peer.respond(peer.last("INVITE"), 491, undefined);
    time.advance(2100);
    if (peer.received.length === before) break;
  }
  assert.is(outcome, 491);
  const tries = peer.received.filter(({ message }) => message.kind === "request" && message.method === "INVITE");
  assert.is(new Set(tries.map(({ message }) => message.headers.get("CSeq"))).size, 6);
});

test.run();
