// The lines of firmware/sip/README.md about calls, each checked by the test that is named after it.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DialogState } from "../../../../firmware/sip/dialog/index.js";
import {
  type IncomingInvite,
  type InviteDialog,
  makeResponse,
  readEssentials,
  type SipMessage,
  type SipRequest,
} from "../../../../firmware/sip/index.js";
import { Exchange } from "../../call/support.js";
import { agent, listen, outgoing, Peer, sdp } from "../support.js";
import { connected, from, listenIncoming, settle, to, world } from "../world.js";

const table = suite("SIP calls");
const seq = (message: SipMessage): number => Number(message.headers.get("CSeq")!.split(" ")[0]);
const requestOf = (message: SipMessage): SipRequest => {
  if (message.kind !== "request") throw new Error("not a request");
  return message;
};
/** Our call to a peer that says what the test says. */
function calling(headers: (readonly [string, string])[] = []) {
  const all = world();
  const alice = agent(all.network, 1);
  const peer = new Peer(all.network, 2);
  let dialog: InviteDialog | undefined;
  alice.invite(
    { target: to(2), from, body: sdp("offer"), headers },
    outgoing(all.log, "alice", {
      accepted: (made) => {
        dialog = made;
        made.ack();
      },
    }),
  );
  all.time.advance(10);
  return { ...all, alice, peer, invite: requestOf(peer.last("INVITE")), dialog: () => dialog! };
}

table("dialogs", () => {
  // Loose and strict routes.
  const { invite, peer, time, alice, log, dialog } = calling();
  const route = (value: string) => {
    const response = makeResponse(invite, 200, { toTag: "t", headers: [...peer.contact, ["Record-Route", value]] });
    const [a, b] = [readEssentials(invite), readEssentials(response)];
    assert.ok(a.ok && b.ok);
    return DialogState.uac(invite, a.value, response, b.value).compose("BYE", { via: "V" });
  };
  assert.is(route("<sip:p;lr>").uri, "sip:peer@192.0.2.2");
  assert.is(route("<sip:p>").uri, "sip:p");
  assert.equal(route("<sip:p>").headers.all("Route"), ["<sip:peer@192.0.2.2>"]);
  // Forks: two early dialogs, two answers.
  peer.respond(invite, 180, "one", peer.contact);
  peer.respond(invite, 180, "two", peer.contact);
  peer.respond(invite, 200, "two", peer.contact, "answer");
  peer.respond(invite, 200, "one", peer.contact, "answer");
  time.advance(20);
  assert.match(peer.last("BYE").headers.get("To") ?? "", /tag=one$/);
  assert.is(alice.counters()["forked-2xx"], 1);
  peer.respond(peer.last("BYE"), 200, undefined);
  // In order, and to nobody else.
  const within = {
    From: `${invite.headers.get("To")};tag=two`,
    To: invite.headers.get("From")!,
    "Call-ID": invite.headers.get("Call-ID")!,
  };
  peer.request(1, "OPTIONS", { ...within, CSeq: "50 OPTIONS" });
  time.advance(20);
  peer.request(1, "OPTIONS", { ...within, CSeq: "40 OPTIONS" });
  time.advance(20);
  peer.request(1, "OPTIONS", { ...within, To: "<sip:u1@192.0.2.1>;tag=nobody", CSeq: "60 OPTIONS" });
  time.advance(20);
  assert.match(peer.kinds(), /200 500 481$/);
  // The target is refreshed.
  peer.request(1, "UPDATE", { ...within, CSeq: "70 UPDATE", Contact: "<sip:moved@192.0.2.2:5060>" });
  time.advance(20);
  dialog().bye();
  time.advance(20);
  assert.is(requestOf(peer.last("BYE")).uri, "sip:moved@192.0.2.2:5060");
  peer.respond(peer.last("BYE"), 200, undefined);
  assert.equal(log.slice(0, 4), ["alice sent", "alice 180", "alice 180", "alice accepted 200"]);
  settle(time, alice);
});

table("calls", () => {
  const { alice, bob, time, network, dialogs, log } = connected();
  dialogs.bob.bye();
  time.advance(100);
  assert.equal(log, ["alice ended by peer", "bob ended by us"]);
  log.length = 0;
  // Ringing for three minutes: said again each minute; then the caller gives up, and loses the race with the answer.
  let incoming: IncomingInvite | undefined;
  bob.events = {
    invite(call) {
      incoming = call;
      listenIncoming(call, log);
      call.provisional(180);
    },
  };
  network.sent.length = 0;
  const call = alice.invite({ target: to(2), from, body: sdp("x") }, outgoing(log, "alice"));
  time.advance(130_000);
  assert.is(network.ladder().filter((line) => line === "2>1 180").length, 3);
  listen(incoming!.accept({ body: sdp("y") }), log, "bob");
  call.cancel();
  time.advance(1000);
  assert.ok(network.ladder().join().includes("1>2 ACK,1>2 BYE"), network.ladder().join());
  assert.ok(log.includes("alice failed 487 response"));
  // An invitation that expires.
  bob.events = { invite: (one) => listenIncoming(one, log) };
  alice.invite({ target: to(2), from, body: sdp("x"), headers: [["Expires", "5"]] }, outgoing(log, "alice"));
  time.advance(6000);
  assert.ok(log.includes("bob cancelled: the invitation expired"));
  settle(time, alice, bob);
});

table("re-INVITE", () => {
  const { alice, bob, time, dialogs, network, log } = connected();
  const outcomes: string[] = [];
  const result = (name: string) => (got: object) => {
    outcomes.push(`${name} ${"ok" in got ? "ok" : "failed"}`);
    if ("ok" in got) dialogs[name as "alice" | "bob"].ack();
  };
  for (const name of ["alice", "bob"] as const)
    listen(dialogs[name], log, name, { reinvite: (request) => request.accept({ body: sdp("answer") }) });
  dialogs.alice.reinvite(sdp("a"), result("alice"));
  dialogs.bob.reinvite(sdp("b"), result("bob"));
  time.advance(6000);
  assert.is(network.ladder().filter((line) => line.endsWith(" 491")).length, 2, "glare");
  assert.equal([...outcomes].sort(), ["alice ok", "bob ok"], "and both succeed");
  dialogs.alice.bye();
  settle(time, alice, bob);
});

table("reliable 1xx, UPDATE", () => {
  const { alice, peer, invite, time, log, dialog } = calling();
  peer.respond(invite, 183, "t", [...peer.contact, ["Require", "100rel"], ["RSeq", "7"]], "answer");
  time.advance(20);
  assert.is(peer.last("PRACK").headers.get("RAck"), `7 ${seq(invite)} INVITE`);
  peer.respond(peer.last("PRACK"), 200, "t");
  peer.respond(invite, 200, "t", [...peer.contact, ["Allow", "UPDATE"]]);
  time.advance(20);
  let updated = false;
  dialog().update(sdp("new offer"), (outcome) => {
    updated = "ok" in outcome;
  });
  time.advance(20);
  peer.respond(peer.last("UPDATE"), 200, "t", peer.contact, "new answer");
  time.advance(20);
  assert.ok(updated);
  dialog().bye();
  time.advance(20);
  peer.respond(peer.last("BYE"), 200, undefined);
  settle(time, alice);
  // As callee: the offer in the 180, its answer in the PRACK.
  const other = world();
  const bob = agent(other.network, 2);
  const caller = new Peer(other.network, 1);
  let prack = "";
  bob.events = {
    invite(call) {
      call.events = {
        cancelled() {},
        prack: (request) => {
          prack = Buffer.from(request.body).toString();
        },
      };
      call.provisional(180, { body: sdp("our offer") });
      other.time.after(100, () => call.accept({}).bye());
    },
  };
  caller.request(2, "INVITE", { Require: "100rel" });
  other.time.advance(20);
  const ringing = caller.last(180);
  assert.is(Buffer.from(ringing.body).toString(), "our offer");
  const tagged = ringing.headers.get("To")!;
  caller.request(
    2,
    "PRACK",
    { To: tagged, CSeq: "2 PRACK", RAck: `${ringing.headers.get("RSeq")} 1 INVITE` },
    "their answer",
  );
  other.time.advance(20);
  assert.is(prack, "their answer");
  assert.is(log[1], "alice 183");
});

table("session timers", () => {
  const { alice, peer, invite, time, dialog, log } = calling();
  assert.is(
    invite.headers.get("Session-Expires"),
    "1800;refresher=uac".slice(0, invite.headers.get("Session-Expires")!.length),
  );
  // 422 raises the interval; we refresh by UPDATE at half of it.
  peer.respond(invite, 422, "t", [["Min-SE", "2000"]]);
  time.advance(20);
  const again = requestOf(peer.last("INVITE"));
  assert.match(again.headers.get("Session-Expires") ?? "", /^2000/);
  peer.respond(
    again,
    200,
    "t2",
    [...peer.contact, ["Allow", "UPDATE"], ["Session-Expires", "2000;refresher=uac"], ["Require", "timer"]],
    "answer",
  );
  time.advance(1_000_100);
  assert.match(peer.last("UPDATE").headers.get("Session-Expires") ?? "", /^2000;refresher=uac/);
  // A peer that should refresh, by re-INVITE or UPDATE, and does not: the call ends before the interval does.
  peer.respond(peer.last("UPDATE"), 200, undefined, [...peer.contact, ["Session-Expires", "2000;refresher=uas"]]);
  time.advance(1_999_000);
  assert.is(alice.counters()["session-expired"], 1);
  assert.ok(log.includes("alice ended by timeout"));
  assert.throws(() => dialog().ack());
  settle(time, alice);
  const bob = world();
  const callee = agent(bob.network, 2);
  const caller = new Peer(bob.network, 1);
  callee.events = { invite() {} };
  caller.request(2, "INVITE", { "Session-Expires": "60", Supported: "timer" });
  bob.time.advance(20);
  assert.is(caller.last(422).headers.get("Min-SE"), "90");
});

table("redirects", () => {
  const { alice, peer, invite, time, network, log } = calling();
  const better = new Peer(network, 3);
  peer.respond(invite, 302, "t", [["Contact", "<sip:worse@192.0.2.2>;q=0.2, <sip:better@192.0.2.3>;q=0.9"]]);
  time.advance(20);
  assert.is(requestOf(better.last("INVITE")).uri, "sip:better@192.0.2.3");
  assert.is(better.last("INVITE").headers.get("To"), invite.headers.get("To"));
  // In circles: the same target is not asked again.
  better.respond(better.last("INVITE"), 302, "t", [["Contact", "<sip:better@192.0.2.3>"]]);
  time.advance(20);
  assert.is(requestOf(peer.last("INVITE")).uri, "sip:worse@192.0.2.2");
  peer.respond(peer.last("INVITE"), 305, "t", [["Contact", "<sip:192.0.2.3;lr>"]]);
  time.advance(20);
  assert.is(requestOf(better.last("INVITE")).uri, "sip:worse@192.0.2.2", "through the proxy that is named");
  better.respond(better.last("INVITE"), 404, "t");
  time.advance(20);
  assert.ok(log.at(-1)?.startsWith("alice failed"), log.join());
  settle(time, alice);
});

table("messages of people", () => {
  const { network, time } = world();
  const [alice, bob] = [agent(network, 1), agent(network, 2)];
  const got: string[] = [];
  bob.events = {
    invite() {},
    message: (request) => {
      got.push(Buffer.from(request.body).toString());
      return { status: 202 };
    },
  };
  let status = 0;
  const body = { type: "text/plain", content: Buffer.from("hello") };
  alice.request("MESSAGE", { target: to(2), from, body }, (outcome) => {
    status = "ok" in outcome ? outcome.ok.status : outcome.failed.status;
  });
  time.advance(100);
  assert.equal([status, ...got], [202, "hello"]);
  bob.events = { invite() {} };
  alice.request("MESSAGE", { target: to(2), from, body }, (outcome) => {
    status = "ok" in outcome ? outcome.ok.status : outcome.failed.status;
  });
  time.advance(100);
  assert.is(status, 405);
  settle(time, alice, bob);
});

table("keys before the answer", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { offer: "dhhmac" });
  let early = false;
  // bob's 200 comes first as a 183 of another phone: what is agreed on with that one decides nothing.
  const bob = exchange.phone(2, {
    offer: "dhhmac",
    autoAnswerMs: 100,
    tamper: (text) => {
      if (early || !text.startsWith("SIP/2.0 200") || !/CSeq: \d+ INVITE/.test(text)) return text;
      early = true;
      return text.replace("200 OK", "183 Session Progress").replace(/(\r\nTo: [^\r]*;tag=)[0-9a-f]+/, "$1other");
    },
  });
  alice.calls.dial(bob.uri);
  await exchange.until("early keys", () => alice.voice.streams[0]?.keyed.length === 1, 10_000);
  assert.is(alice.call()?.state, "ringing");
  await exchange.until("the call", () => ["active", "ended"].includes(alice.call()?.state ?? ""), 10_000);
  assert.is(alice.call()?.state, "active");
  assert.is(alice.call()?.security.state, "secure");
  assert.equal(alice.voice.streams[0].keyed.at(-1)?.tx, bob.voice.streams[0].keyed[0].rx);
});

table.run();
