// Session timers: table 2 of RFC 4028, refreshes by both roles and methods, and sessions nobody keeps alive.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { answerTimer, timerFields } from "../../../../firmware/sip/dialog/session-timer.js";
import type { InviteDialog, SipMessage } from "../../../../firmware/sip/index.js";
import { Headers, type SipRequest } from "../../../../firmware/sip/index.js";
import { agent, listen, outgoing, Peer, sdp } from "../support.js";
import { from, settle, to, world } from "../world.js";

const rules = suite("negotiation");
const running = suite("sessions");

const asks = (...fields: [string, string][]): SipRequest => ({
  kind: "request",
  method: "INVITE",
  uri: "sip:x",
  headers: new Headers(fields),
  body: new Uint8Array(0),
});
const policy = { expiresS: 1800, minS: 90 };

rules("RFC 4028 table 2: who refreshes", () => {
  const cases: [fields: [string, string][], answer: string | undefined, weRefresh: boolean][] = [
    // UAC supports?, refresher in the request -> refresher in the response
    [[["Session-Expires", "600"]], "600;refresher=uas", true],
    [[["Session-Expires", "600;refresher=uas"]], "600;refresher=uas", true],
    [
      [
        ["Supported", "timer"],
        ["Session-Expires", "600"],
      ],
      "600;refresher=uac",
      false,
    ],
    [
      [
        ["Supported", "timer"],
        ["Session-Expires", "600;refresher=uac"],
      ],
      "600;refresher=uac",
      false,
    ],
    [
      [
        ["Supported", "timer"],
        ["Session-Expires", "600;refresher=uas"],
      ],
      "600;refresher=uas",
      true,
    ],
    [[["Supported", "timer"]], "1800;refresher=uac", false],
    [[], undefined, false],
  ];
  for (const [fields, wanted, weRefresh] of cases) {
    const answer = answerTimer(asks(...fields), policy);
    if ("tooShort" in answer) throw new Error("422");
    const said = answer.fields.find(([name]) => name === "Session-Expires")?.[1];
    assert.is(said, wanted, JSON.stringify(fields));
    assert.is(answer.terms?.weRefresh ?? false, weRefresh);
    const required = answer.fields.some(([name, value]) => name === "Require" && value === "timer");
    assert.is(required, said?.endsWith("uac") ?? false, "Require: timer when the caller refreshes");
  }
});

rules("too short an interval is refused where the caller can do better, and raised where it cannot", () => {
  assert.equal(answerTimer(asks(["Supported", "timer"], ["Session-Expires", "60"]), policy), { tooShort: 90 });
  const raised = answerTimer(asks(["Session-Expires", "60"]), policy);
  assert.is("terms" in raised && raised.terms?.intervalS, 90);
  const longer = answerTimer(asks(["Supported", "timer"], ["Session-Expires", "100"], ["Min-SE", "300"]), policy);
  assert.is("terms" in longer && longer.terms?.intervalS, 300);
  assert.equal(timerFields(0, 90), []);
  assert.equal(timerFields(600, 300, "uac"), [
    ["Session-Expires", "600;refresher=uac"],
    ["Min-SE", "300"],
  ]);
});

const kinds = (peer: Peer, method: string): SipMessage[] =>
  peer.received.flatMap(({ message }) => (message.kind === "request" && message.method === method ? [message] : []));

/** alice at 1 called the peer at 2, which answered with these fields. */
function placed(answer: [string, string][], refresh?: (dialog: InviteDialog) => void) {
  const all = world();
  const alice = agent(all.network, 1);
  const peer = new Peer(all.network, 2);
  let dialog!: InviteDialog;
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
  peer.respond(peer.last("INVITE"), 200, "t", [...peer.contact, ...answer], "answer");
  all.time.advance(10);
  listen(dialog, all.log, "alice", refresh ? { refresh: () => refresh(dialog) } : {});
  return { ...all, alice, peer, dialog };
}

running("we refresh by UPDATE at half the interval, again and again, as long as it is answered", () => {
  const { time, peer, alice, log, dialog } = placed([
    ["Session-Expires", "200;refresher=uac"],
    ["Allow", "INVITE, ACK, BYE, UPDATE"],
  ]);
  for (let i = 1; i <= 3; i++) {
    time.advance(99_900);
    assert.is(kinds(peer, "UPDATE").length, i - 1);
    time.advance(200);
    const update = peer.last("UPDATE");
    assert.is(kinds(peer, "UPDATE").length, i);
    assert.is(update.headers.get("Session-Expires"), "200;refresher=uac");
    assert.is(update.body.length, 0);
    peer.respond(update, 200, undefined, [...peer.contact, ["Session-Expires", "200;refresher=uac"]]);
    time.advance(10);
  }
  assert.not.ok(log.some((line) => line.includes("ended")));
  dialog.bye();
  time.advance(10);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, alice);
});

running("a peer without UPDATE: the owner is asked for a re-INVITE", () => {
  let asked = 0;
  const { time, peer, alice, dialog } = placed([["Session-Expires", "200;refresher=uac"]], (each) => {
    asked++;
    each.reinvite(sdp("same"), () => each.ack());
  });
  time.advance(100_100);
  assert.is(asked, 1);
  const again = peer.last("INVITE");
  assert.is(again.headers.get("Session-Expires"), "200;refresher=uac");
  peer.respond(again, 200, undefined, [...peer.contact, ["Session-Expires", "200;refresher=uac"]], "answer");
  time.advance(100_100);
  assert.is(asked, 2);
  peer.respond(
    peer.last("INVITE"),
    200,
    undefined,
    [...peer.contact, ["Session-Expires", "200;refresher=uac"]],
    "answer",
  );
  time.advance(10);
  dialog.bye();
  time.advance(10);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, alice);
});

running("the peer refreshes and stops: BYE a little before the interval is over (section 10)", () => {
  const { time, peer, alice, log } = placed([["Session-Expires", "300;refresher=uas"]]);
  time.advance(267_000);
  assert.not.ok(log.includes("alice ended by timeout"));
  time.advance(1_100);
  assert.ok(log.includes("alice ended by timeout"));
  assert.match(peer.last("BYE").headers.get("Reason")!, /408/);
  peer.respond(peer.last("BYE"), 200, undefined);
  assert.is(alice.counters()["session-expired"], 1);
  settle(time, alice);
});

running("a refresh of the peer counts anew; its role is kept", () => {
  const { time, peer, alice, log, dialog } = placed([["Session-Expires", "300;refresher=uas"]]);
  const invite = peer.last("INVITE");
  for (let i = 0; i < 3; i++) {
    time.advance(150_000);
    peer.request(1, "UPDATE", {
      From: `${invite.headers.get("To")};tag=t`,
      To: invite.headers.get("From")!,
      "Call-ID": invite.headers.get("Call-ID")!,
      CSeq: `${20 + i} UPDATE`,
      Supported: "timer",
      "Session-Expires": "300;refresher=uac",
    });
    time.advance(10);
    assert.is(peer.last(200).headers.get("Session-Expires"), "300;refresher=uac");
  }
  assert.not.ok(log.some((line) => line.includes("ended")));
  dialog.bye();
  time.advance(10);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, alice);
});

running("422 to a refresh: the interval grows; no answer at all: the session ends", () => {
  const { time, peer, alice, log } = placed([
    ["Session-Expires", "200;refresher=uac"],
    ["Allow", "UPDATE"],
  ]);
  time.advance(100_100);
  peer.respond(peer.last("UPDATE"), 422, undefined, [["Min-SE", "1000"]]);
  time.advance(10);
  assert.is(peer.last("UPDATE").headers.get("Session-Expires"), "1000;refresher=uac");
  assert.is(peer.last("UPDATE").headers.get("Min-SE"), "1000");
  time.advance(33_000);
  assert.ok(log.includes("alice ended by timeout"));
  settle(time, alice);
});

running("an INVITE with too short an interval gets 422 with Min-SE, and rings nobody", () => {
  const { time, network } = world();
  const bob = agent(network, 2);
  let rang = 0;
  bob.events = { invite: () => void rang++ };
  const peer = new Peer(network, 1);
  peer.request(2, "INVITE", { Supported: "timer", "Session-Expires": "30" }, "offer");
  time.advance(10);
  assert.is(peer.last(422).headers.get("Min-SE"), "90");
  assert.is(rang, 0);
  peer.request(2, "ACK", {
    To: peer.last(422).headers.get("To")!,
    Via: "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKINVITE1",
  });
  settle(time, bob);
});

rules.run();
running.run();
