// Reliable provisional responses and UPDATE, both sides (RFC 3262, RFC 3311), against a peer that says what a test tells it to.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { IncomingInvite, InviteDialog, SipMessage } from "../../../../firmware/sip/index.js";
import { agent, listen, outgoing, Peer, sdp } from "../support.js";
import { from, settle, to, world } from "../world.js";

const caller = suite("PRACK, caller");
const callee = suite("PRACK, callee");
const update = suite("UPDATE");

const reliable = (peer: Peer, rseq: number) =>
  [...peer.contact, ["Require", "100rel"], ["RSeq", String(rseq)]] as const;
const seq = (message: SipMessage): number => Number(message.headers.get("CSeq")!.split(" ")[0]);

caller("each reliable response is acknowledged once, in order; copies and those that come too early are not", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  alice.invite(
    { target: to(2), from, body: sdp("offer") },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        dialog.ack();
        // The answer of a real person would be longer.
        time.after(50, () => dialog.bye());
      },
    }),
  );
  time.advance(10);
  const invite = peer.last("INVITE");
  assert.ok(invite.headers.all("Supported").includes("100rel"));
  peer.respond(invite, 183, "t", reliable(peer, 500), "answer");
  time.advance(10);
  const prack = peer.last("PRACK");
  assert.is(prack.headers.get("RAck"), `500 ${seq(invite)} INVITE`);
  assert.is(seq(prack), seq(invite) + 1);
  assert.is(prack.kind === "request" && prack.uri, "sip:peer@192.0.2.2");
  peer.respond(prack, 200, "t");
  peer.respond(invite, 183, "t", reliable(peer, 500), "answer");
  peer.respond(invite, 180, "t", reliable(peer, 502));
  time.advance(10);
  assert.is(peer.kinds(), "INVITE PRACK");
  peer.respond(invite, 180, "t", reliable(peer, 501));
  time.advance(10);
  assert.is(peer.last("PRACK").headers.get("RAck"), `501 ${seq(invite)} INVITE`);
  peer.respond(peer.last("PRACK"), 200, "t");
  peer.respond(invite, 200, "t", peer.contact, "answer");
  time.advance(10);
  assert.equal(log, ["alice sent", "alice 183", "alice 180", "alice accepted 200"]);
  time.advance(100);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, alice);
});

caller("a fork's branches are acknowledged each on its own numbers", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  alice.invite(
    { target: to(2), from, body: sdp("offer") },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        dialog.ack();
        // The answer of a real person would be longer.
        time.after(50, () => dialog.bye());
      },
    }),
  );
  time.advance(10);
  const invite = peer.last("INVITE");
  peer.respond(invite, 180, "one", reliable(peer, 9));
  peer.respond(invite, 180, "two", reliable(peer, 700));
  time.advance(10);
  const pracks = peer.received.flatMap(({ message }) =>
    message.kind === "request" && message.method === "PRACK" ? [message.headers.get("RAck")!.split(" ")[0]] : [],
  );
  assert.equal(pracks, ["9", "700"]);
  for (const { message } of peer.received)
    if (message.kind === "request" && message.method === "PRACK") peer.respond(message, 200, undefined);
  peer.respond(invite, 200, "one", peer.contact, "answer");
  time.advance(10);
  peer.respond(invite, 200, "two", peer.contact, "answer");
  time.advance(10);
  assert.is(peer.last("BYE").headers.get("To")!.endsWith("tag=two"), true, "the second 2xx is acknowledged and ended");
  peer.respond(peer.last("BYE"), 200, undefined);
  time.advance(100);
  assert.is(peer.last("BYE").headers.get("To")!.endsWith("tag=one"), true);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, alice);
});

/** bob at 2, called by a peer at 1. */
function called(more: Record<string, string> = {}) {
  const all = world();
  const bob = agent(all.network, 2);
  const peer = new Peer(all.network, 1);
  const calls: IncomingInvite[] = [];
  bob.events = { invite: (call) => void calls.push(call) };
  peer.request(2, "INVITE", more, "offer");
  all.time.advance(10);
  const [call] = calls;
  const prack = (rseq: number, cseq = 2, extra: Record<string, string> = {}, body = "") =>
    peer.request(
      2,
      "PRACK",
      {
        To: `${peer.last(180).headers.get("To")}`,
        CSeq: `${cseq} PRACK`,
        RAck: `${rseq} 1 INVITE`,
        Contact: undefined!,
        ...extra,
      },
      body,
    );
  const rseq = () => Number(peer.last(180).headers.get("RSeq"));
  return { ...all, bob, peer, call, prack, rseq };
}

callee("Require: 100rel: the 180 is sent again, at doubling intervals, until its PRACK", () => {
  const { time, peer, bob, call, prack, rseq } = called({ Require: "100rel" });
  assert.is(call.needsReliable, true);
  call.provisional(180);
  time.advance(3600);
  assert.is(peer.kinds(), "180 180 180 180");
  assert.equal(peer.last(180).headers.all("Require"), ["100rel"]);
  assert.ok(rseq() > 0);
  prack(rseq() + 1);
  time.advance(10);
  assert.is(peer.kinds(), "180 180 180 180 481");
  prack(rseq(), 3);
  time.advance(10_000);
  assert.is(peer.kinds(), "180 180 180 180 481 200");
  call.reject(486);
  time.advance(10);
  peer.request(2, "ACK", {
    To: peer.last(486).headers.get("To")!,
    Via: "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKINVITE1",
  });
  settle(time, bob);
});

callee("no PRACK at all: the call ends with 504 after 32 s (RFC 3262 3)", () => {
  const { time, peer, bob, call } = called({ Require: "100rel" });
  const said: string[] = [];
  call.events = { cancelled: (why) => said.push(why) };
  call.provisional(180);
  time.advance(32_100);
  assert.is(peer.last(504).kind, "response");
  assert.is(said.length, 1);
  settle(time, bob);
});

callee("a caller that only supports it is rung in the usual way, unless asked for", () => {
  const { time, peer, call, bob } = called({ Supported: "100rel" });
  assert.equal([call.takesReliable, call.needsReliable], [true, false]);
  call.provisional(180);
  time.advance(10);
  assert.is(peer.last(180).headers.get("RSeq"), undefined);
  call.reject(486);
  time.advance(40_000);
  settle(time, bob);
});

callee("our offer in a reliable 180: the PRACK brings the answer, and the 2xx waits for it (RFC 3262 5)", () => {
  const { time, peer, bob, call, prack, rseq, log } = called({ Require: "100rel" });
  const answers: string[] = [];
  call.events = { cancelled: () => {}, prack: (request) => answers.push(Buffer.from(request.body).toString()) };
  call.provisional(180, { body: sdp("our offer") });
  const dialog = call.accept({});
  listen(dialog, log, "bob");
  time.advance(10);
  assert.is(peer.kinds(), "180");
  prack(rseq(), 2, { "Content-Type": "application/sdp" }, "their answer");
  time.advance(10);
  assert.is(peer.kinds(), "180 200 200", "the PRACK's and the INVITE's");
  assert.equal(answers, ["their answer"]);
  const ok = peer.last(200);
  assert.match(ok.headers.get("CSeq")!, /INVITE/);
  peer.request(2, "ACK", { To: ok.headers.get("To")!, CSeq: "1 ACK" });
  time.advance(10);
  assert.equal(log, ["bob acked"]);
  dialog.bye();
  time.advance(10);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, bob);
});

/** alice at 1 in a call with a peer at 2; the peer's next CSeq is 11. */
function talking() {
  const all = world();
  const alice = agent(all.network, 1);
  const peer = new Peer(all.network, 2);
  let dialog!: InviteDialog;
  const offers: string[] = [];
  alice.invite(
    { target: to(2), from, body: sdp("offer") },
    outgoing(all.log, "alice", {
      accepted: (each) => {
        dialog = each;
        each.ack();
      },
    }),
  );
  all.time.advance(10);
  const invite = peer.last("INVITE");
  peer.respond(invite, 200, "t", [...peer.contact, ["Allow", "INVITE, ACK, BYE, UPDATE"]], "answer");
  all.time.advance(10);
  listen(dialog, all.log, "alice", {
    reinvite: (request) => {
      offers.push(`${request.request.method} ${Buffer.from(request.request.body)}`);
      request.accept({ body: sdp("my answer") });
    },
  });
  const say = (method: string, cseq: number, more: Record<string, string> = {}, body = "") =>
    peer.request(
      1,
      method,
      {
        From: `${invite.headers.get("To")};tag=t`,
        To: invite.headers.get("From")!,
        "Call-ID": invite.headers.get("Call-ID")!,
        CSeq: `${cseq} ${method}`,
        ...more,
      },
      body,
    );
  return { ...all, alice, peer, dialog, say, offers };
}

update("with an offer it is answered in its 200; without one it refreshes the target only", () => {
  const { time, peer, say, offers, dialog, alice } = talking();
  say("UPDATE", 11, { Contact: "<sip:moved@192.0.2.2>" });
  say("UPDATE", 12, {}, "their offer");
  time.advance(10);
  assert.is(peer.kinds().split(" ").slice(-2).join(" "), "200 200");
  assert.is(Buffer.from(peer.last(200).body).toString(), "my answer");
  assert.equal(offers, ["UPDATE their offer"]);
  say("UPDATE", 13, { Contact: "<sip:moved@192.0.2.2>" });
  time.advance(10);
  dialog.update(sdp("my offer"), (outcome) => offers.push("ok" in outcome ? "ok" : "failed"));
  time.advance(10);
  const mine = peer.last("UPDATE");
  assert.is(mine.kind === "request" && mine.uri, "sip:moved@192.0.2.2");
  say("UPDATE", 14, {}, "crossing offer");
  say("INVITE", 15, {}, "crossing offer");
  time.advance(10);
  assert.is(peer.kinds().split(" ").slice(-2).join(" "), "491 491", "glare: our offer is open");
  peer.respond(mine, 200, undefined, peer.contact, "answer");
  time.advance(10);
  assert.is(offers.at(-1), "ok");
  dialog.bye();
  time.advance(10);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, alice);
});

update(
  "491 to ours: tried again after the intervals of RFC 3261 14.1; a second at the same time is refused here",
  () => {
    const { time, peer, dialog, alice } = talking();
    const outcomes: string[] = [];
    const note = (name: string) => (outcome: object) => outcomes.push(`${name} ${"ok" in outcome ? "ok" : "failed"}`);
    dialog.update(sdp("x"), note("first"));
    dialog.update(sdp("y"), note("second"));
    time.advance(10);
    assert.equal(outcomes, ["second failed"]);
    peer.respond(peer.last("UPDATE"), 491, undefined);
    const tries = () =>
      new Set(
        peer.received.flatMap(({ message }) => (/UPDATE$/.test(message.headers.get("CSeq")!) ? [seq(message)] : [])),
      ).size;
    time.advance(2000);
    assert.is(tries(), 1);
    time.advance(2200);
    assert.is(tries(), 2);
    peer.respond(peer.last("UPDATE"), 200, undefined, peer.contact);
    time.advance(10);
    assert.equal(outcomes, ["second failed", "first ok"]);
    dialog.bye();
    time.advance(10);
    peer.respond(peer.last("BYE"), 200, undefined);
    settle(time, alice);
  },
);

update("in an early dialog: without an offer taken; an offer while ours is unanswered is 491", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  const call = alice.invite({ target: to(2), from, body: sdp("offer") }, outgoing(log, "alice"));
  time.advance(10);
  const invite = peer.last("INVITE");
  peer.respond(invite, 180, "t", peer.contact);
  time.advance(10);
  const say = (cseq: number, body: string) =>
    peer.request(
      1,
      "UPDATE",
      {
        From: `${invite.headers.get("To")};tag=t`,
        To: invite.headers.get("From")!,
        "Call-ID": invite.headers.get("Call-ID")!,
        CSeq: `${cseq} UPDATE`,
      },
      body,
    );
  say(5, "");
  say(6, "offer");
  time.advance(10);
  assert.is(peer.kinds(), "INVITE 200 491");
  call.cancel();
  time.advance(10);
  peer.respond(peer.last("CANCEL"), 200, "t");
  peer.respond(invite, 487, "t");
  time.advance(10);
  settle(time, alice);
});

update("outside a dialog: 481", () => {
  const { time, network } = world();
  const bob = agent(network, 2);
  bob.events = { invite() {} };
  const peer = new Peer(network, 1);
  peer.request(2, "UPDATE", { To: "<sip:u2@192.0.2.2>;tag=none" });
  peer.request(2, "PRACK", { To: "<sip:u2@192.0.2.2>;tag=none", RAck: "1 1 INVITE" });
  peer.request(2, "PRACK", { RAck: "1 1 INVITE", "Call-ID": "other" });
  time.advance(10);
  assert.is(peer.kinds(), "481 481 481");
  settle(time, bob);
});

caller.run();
callee.run();
update.run();
