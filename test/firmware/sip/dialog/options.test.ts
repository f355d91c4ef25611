// OPTIONS in an early dialog, both sides (RFC 3261 section 11), against a peer that says what a test tells it to.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { IncomingInvite, InviteDialog, SipMessage } from "../../../../firmware/sip/index.js";
import { agent, listen, outgoing, Peer, sdp } from "../support.js";
import { from, settle, to, world } from "../world.js";

const caller = suite("asked in an early dialog");
const callee = suite("asking in an early dialog");

const wanted = "application/x-wanted";

/** Alice calls a peer whose phones `a` and `b` ring. */
function calling() {
  const all = world();
  const alice = agent(all.network, 1);
  const peer = new Peer(all.network, 2);
  const asked: (readonly string[])[] = [];
  let dialog!: InviteDialog;
  const invite = alice.invite(
    { target: to(2), from, body: sdp("offer") },
    {
      ...outgoing(all.log, "alice", { accepted: (each) => (dialog = each) }),
      asked(types) {
        asked.push(types);
        return types.includes(wanted) ? { type: wanted, content: Buffer.from("what you want") } : undefined;
      },
    },
  );
  all.time.advance(10);
  const sent = peer.last("INVITE");
  for (const tag of ["a", "b"]) peer.respond(sent, 180, tag, peer.contact);
  all.time.advance(10);
  let seq = 10;
  const ask = (tag: string, accept: string | undefined): SipMessage => {
    peer.request(1, "OPTIONS", {
      From: `<sip:u2@192.0.2.2>;tag=${tag}`,
      To: sent.headers.get("From")!,
      "Call-ID": sent.headers.get("Call-ID")!,
      CSeq: `${++seq} OPTIONS`,
      Accept: accept,
    });
    all.time.advance(10);
    const { message } = peer.received.at(-1)!;
    assert.is(message.headers.get("CSeq"), `${seq} OPTIONS`);
    return message;
  };
  return { ...all, alice, peer, invite, sent, asked, ask, dialog: () => dialog };
}

const said = (message: SipMessage) =>
  `${message.kind === "response" && message.status} ${message.headers.get("Content-Type") ?? "-"} ${Buffer.from(message.body)}`;

caller("every phone that the INVITE has reached is told what it asks for", () => {
  const { ask, alice, invite, time, peer, sent, asked } = calling();
  assert.is(said(ask("a", wanted)), `200 ${wanted} what you want`);
  assert.is(said(ask("b", `application/sdp, ${wanted.toUpperCase()};q=0.5`)), `200 ${wanted} what you want`);
  assert.equal(asked, [[wanted], ["application/sdp", wanted]]);
  invite.cancel();
  time.advance(10);
  peer.respond(peer.last("CANCEL"), 200, undefined);
  peer.respond(sent, 487, "a");
  settle(time, alice);
});

caller("who asks for nothing, or for something else, is told that the call is there; a stranger is not", () => {
  const { ask, alice, invite, time, peer, sent, asked } = calling();
  assert.is(said(ask("a", undefined)), "200 - ");
  assert.is(asked.length, 0);
  assert.is(said(ask("a", "text/html")), "200 - ");
  assert.is(said(ask("c", wanted)), "481 - ");
  assert.equal(asked, [["text/html"]]);
  invite.cancel();
  time.advance(10);
  peer.respond(peer.last("CANCEL"), 200, undefined);
  peer.respond(sent, 487, "a");
  time.advance(10);
  assert.is(said(ask("a", wanted)), "481 - ", "and when it is over nobody is");
  settle(time, alice);
});

caller("answered: the one in the call learns no more by it, and the other phone's dialog is gone", () => {
  const { ask, alice, time, peer, sent, asked, dialog, log } = calling();
  peer.respond(sent, 200, "a", peer.contact, "answer");
  time.advance(10);
  dialog().ack();
  time.advance(10);
  assert.is(said(ask("a", wanted)), "200 - ");
  assert.is(said(ask("b", wanted)).slice(0, 5), "200 -", "until the INVITE's transaction ends");
  assert.is(asked.length, 0);
  listen(dialog(), log, "alice");
  dialog().bye();
  time.advance(10);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, alice);
});

/** A peer at 1 calls Bob. */
function called(more: Readonly<Record<string, string>> = {}) {
  const all = world();
  const bob = agent(all.network, 2);
  const peer = new Peer(all.network, 1);
  const calls: IncomingInvite[] = [];
  bob.events = { invite: (call) => void calls.push(call) };
  peer.request(2, "INVITE", more, "offer");
  all.time.advance(10);
  const outcomes: string[] = [];
  const ask = () =>
    calls[0].ask(wanted, (outcome) =>
      outcomes.push("ok" in outcome ? Buffer.from(outcome.ok.body).toString() : String(outcome.failed.status)),
    );
  return { ...all, bob, peer, call: calls[0], ask, outcomes };
}

const refusing = ({ call, peer, time, bob }: ReturnType<typeof called>): void => {
  call.reject(486);
  time.advance(10);
  const Via = "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKINVITE1";
  peer.request(2, "ACK", { To: peer.last(486).headers.get("To")!, Via });
  settle(time, bob);
};

callee("asks within the dialog of its 180, along the proxies that want to stay on the way", () => {
  const all = called({ "Record-Route": "<sip:192.0.2.1;lr>" });
  const { call, peer, ask, outcomes, time } = all;
  call.provisional(180);
  ask();
  time.advance(10);
  const options = peer.last("OPTIONS");
  assert.is(options.kind === "request" && options.uri, "sip:peer@192.0.2.1");
  assert.is(options.headers.get("Route"), "<sip:192.0.2.1;lr>");
  assert.is(options.headers.get("Accept"), wanted);
  assert.is(options.headers.get("To"), "<sip:peer@192.0.2.1>;tag=peertag");
  assert.is(options.headers.get("From"), peer.last(180).headers.get("To"));
  peer.respond(options, 200, undefined, [], "here it is");
  time.advance(10);
  assert.equal(outcomes, ["here it is"]);
  refusing(all);
});

callee("a caller that the 180 has not reached yet is asked again, not for ever", () => {
  const all = called();
  const { call, peer, ask, outcomes, time } = all;
  call.provisional(180);
  ask();
  const numbers = new Set<string>();
  for (let i = 0; i < 4; i++) {
    time.advance(10);
    const options = peer.last("OPTIONS");
    if (!numbers.has(options.headers.get("CSeq")!)) peer.respond(options, 481, undefined);
    numbers.add(options.headers.get("CSeq")!);
    time.advance(600);
  }
  assert.is(numbers.size, 3);
  assert.equal(outcomes, ["481"]);
  refusing(all);
});

callee("refused meanwhile: it is told that nothing comes of it, once", () => {
  const all = called();
  const { call, peer, ask, outcomes, time } = all;
  call.provisional(180);
  ask();
  time.advance(10);
  peer.respond(peer.last("OPTIONS"), 481, undefined);
  time.advance(10);
  refusing(all);
  assert.equal(outcomes, ["487"]);
});

callee("a caller that says nothing at all", () => {
  const all = called();
  all.call.provisional(180);
  all.ask();
  all.time.advance(33_000);
  assert.equal(all.outcomes, ["408"]);
  refusing(all);
});

caller.run();
callee.run();
