// A call is a series of tries: credentials, other targets, other terms (RFC 3261 sections 8.1.3, 22; RFC 4028 section 7.3).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Secret } from "../../../../firmware/runtime/secret.js";
import {
  Authenticator,
  type ExtraHeaders,
  type InviteDialog,
  type SipMessage,
} from "../../../../firmware/sip/index.js";
import { agent, outgoing, Peer, sdp, seededRandom } from "../support.js";
import { from, settle, to, world } from "../world.js";

const auth = suite("credentials of calls");
const redirects = suite("redirects");
const terms = suite("terms");

const credentials = (realm: string, password: string) => ({
  user: "alice",
  realm,
  secret: { password: new Secret(Buffer.from(password)) },
});
const challenge = (kind: "WWW" | "Proxy", realm: string, nonce: string): ExtraHeaders => [
  [`${kind}-Authenticate`, `Digest realm="${realm}", nonce="${nonce}", qop="auth", algorithm=SHA-256`],
];
const seq = (message: SipMessage): number => Number(message.headers.get("CSeq")!.split(" ")[0]);
const count = (message: SipMessage, name: string): number =>
  message.headers.entries().filter(([each]) => each.toLowerCase() === name).length;

function authenticated() {
  const all = world();
  const authenticator = new Authenticator({
    credentials: [credentials("proxy", "p"), credentials("uas", "u")],
    domain: "a.test",
    random: seededRandom("auth"),
  });
  const alice = agent(all.network, 1, { auth: () => authenticator });
  const peer = new Peer(all.network, 2);
  return { ...all, alice, peer };
}

auth(
  "407, then 401: one Call-ID and From tag, CSeq counts on, each ACKed; ACK, re-INVITE and BYE carry credentials",
  () => {
    const { time, log, alice, peer } = authenticated();
    let dialog: InviteDialog | undefined;
    alice.invite(
      { target: to(2), from, body: sdp("offer") },
      outgoing(log, "alice", {
        accepted: (each) => {
          dialog = each;
          each.ack();
        },
      }),
    );
    time.advance(10);
    const first = peer.last("INVITE");
    peer.respond(first, 407, "x", challenge("Proxy", "proxy", "n1"));
    time.advance(10);
    const second = peer.last("INVITE");
    assert.is(count(second, "proxy-authorization"), 1);
    peer.respond(second, 401, "y", challenge("WWW", "uas", "n2"));
    time.advance(10);
    const third = peer.last("INVITE");
    assert.is(peer.kinds(), "INVITE ACK INVITE ACK INVITE");
    assert.is(count(third, "proxy-authorization"), 1);
    assert.is(count(third, "authorization"), 1);
    assert.equal(
      [second, third].map((each) => seq(each) - seq(first)),
      [1, 2],
    );
    for (const name of ["Call-ID", "From", "To"]) assert.is(third.headers.get(name), first.headers.get(name), name);
    peer.respond(third, 200, "z", peer.contact, "answer");
    time.advance(10);
    const ack = peer.last("ACK");
    assert.is(ack.headers.get("Authorization"), third.headers.get("Authorization"), "13.2.2.4");
    assert.is(ack.headers.get("Proxy-Authorization"), third.headers.get("Proxy-Authorization"));
    dialog!.reinvite(sdp("hold"), (outcome) => {
      log.push("ok" in outcome ? "held" : "not held");
      dialog!.ack();
    });
    time.advance(10);
    const held = peer.last("INVITE");
    assert.match(held.headers.get("Proxy-Authorization")!, /nc=0000000[23]/, "sent ahead with the same nonce");
    peer.respond(held, 407, "z", [...challenge("Proxy", "proxy", "n3")]);
    time.advance(10);
    const again = peer.last("INVITE");
    assert.is(seq(again), seq(held) + 1);
    assert.match(again.headers.get("Proxy-Authorization")!, /nonce="n3"/);
    peer.respond(again, 200, "z", peer.contact, "answer");
    time.advance(10);
    dialog!.bye();
    time.advance(10);
    const bye = peer.last("BYE");
    assert.match(bye.headers.get("Proxy-Authorization")!, /nonce="n3"/);
    peer.respond(bye, 407, "z", challenge("Proxy", "proxy", "n4"));
    time.advance(10);
    const last = peer.last("BYE");
    assert.is(seq(last), seq(bye) + 1);
    peer.respond(last, 200, "z");
    time.advance(10);
    assert.equal(log.slice(-2), ["held", "alice ended by us"]);
    settle(time, alice);
  },
);

auth("wrong: the call fails and says so; a 401 of a realm that has no credentials too", () => {
  const { time, log, alice, peer } = authenticated();
  const failures: (string | undefined)[] = [];
  const place = () =>
    alice.invite(
      { target: to(2), from },
      outgoing(log, "alice", { failed: (failure) => failures.push(failure.authentication) }),
    );
  place();
  time.advance(10);
  peer.respond(peer.last("INVITE"), 401, "a", challenge("WWW", "uas", "n1"));
  time.advance(10);
  peer.respond(peer.last("INVITE"), 401, "a", challenge("WWW", "uas", "n2"));
  time.advance(10);
  place();
  time.advance(10);
  peer.respond(peer.last("INVITE"), 401, "a", challenge("WWW", "stranger.test", "n1"));
  time.advance(10);
  assert.equal(failures, ["wrong-credentials", "no-credentials"]);
  assert.is(alice.counters().challenges, 3);
  settle(time, alice);
});

auth("cancelled while the credentials are on their way: the new try is cancelled", () => {
  const { time, log, alice, peer } = authenticated();
  const call = alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(10);
  peer.respond(peer.last("INVITE"), 401, "a", challenge("WWW", "uas", "n1"));
  time.advance(10);
  peer.respond(peer.last("INVITE"), 180, "b", peer.contact);
  time.advance(10);
  call.cancel();
  time.advance(10);
  const cancel = peer.last("CANCEL");
  assert.is(seq(cancel), seq(peer.last("INVITE")));
  assert.is(count(cancel, "authorization"), 0, "a CANCEL is not challenged (22.1)");
  peer.respond(cancel, 200, "b");
  peer.respond(peer.last("INVITE"), 487, "b");
  time.advance(10);
  assert.is(log.at(-1), "alice failed 487 response");
  settle(time, alice);
});

auth("a request outside dialogs is tried again with credentials", () => {
  const { time, alice, peer } = authenticated();
  const done: string[] = [];
  alice.request("OPTIONS", { target: to(2), from }, (outcome) => done.push("ok" in outcome ? "ok" : "failed"));
  time.advance(10);
  peer.respond(peer.last("OPTIONS"), 401, "a", challenge("WWW", "uas", "n1"));
  time.advance(10);
  peer.respond(peer.last("OPTIONS"), 200, "a");
  time.advance(10);
  assert.equal(done, ["ok"]);
  settle(time, alice);
});

redirects("302: contacts by their q, one after the other; To stays, Call-ID too", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const [first, worse, better] = [2, 3, 4].map((number) => new Peer(network, number));
  alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(10);
  const contacts = "<sip:w@192.0.2.3>;q=0.2, <sip:b@192.0.2.4?Subject=x>;q=0.9, <mailto:x@y>";
  first.respond(first.last("INVITE"), 302, "a", [["Contact", contacts]]);
  time.advance(10);
  const second = better.last("INVITE");
  assert.is(second.kind === "request" && second.uri, "sip:b@192.0.2.4");
  assert.is(second.headers.get("To"), `<${to(2)}>`);
  assert.is(second.headers.get("Call-ID"), first.last("INVITE").headers.get("Call-ID"));
  assert.is(second.headers.get("Subject"), undefined);
  better.respond(second, 486, "b");
  time.advance(10);
  worse.respond(worse.last("INVITE"), 600, "c");
  time.advance(10);
  assert.is(log.at(-1), "alice failed 600 response");
  assert.is(alice.counters().redirected, 2);
  settle(time, alice);
});

redirects("circles end, and so does a chain without end", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const peer = new Peer(network, 2);
  alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(10);
  peer.respond(peer.last("INVITE"), 301, "a", [["Contact", `<${to(2)}>`]]);
  time.advance(10);
  assert.is(log.at(-1), "alice failed 301 response");
  alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  for (let i = 0; i < 30; i++) {
    time.advance(10);
    const last = peer.last("INVITE");
    if (peer.kinds().endsWith("INVITE")) peer.respond(last, 302, `t${i}`, [["Contact", `<sip:hop${i}@192.0.2.2>`]]);
  }
  assert.is(log.at(-1), "alice failed 302 response");
  assert.is(alice.counters().redirected, 9);
  settle(time, alice);
});

redirects("305: the same target through the proxy that is named", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  const [first, proxy] = [new Peer(network, 2), new Peer(network, 3)];
  alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(10);
  first.respond(first.last("INVITE"), 305, "a", [["Contact", "<sip:192.0.2.3>"]]);
  time.advance(10);
  const invite = proxy.last("INVITE");
  assert.is(invite.kind === "request" && invite.uri, to(2));
  assert.is(invite.headers.get("Route"), "<sip:192.0.2.3;lr>");
  proxy.respond(invite, 404, "b");
  time.advance(10);
  settle(time, alice);
});

redirects("a Service-Route goes into Route, strict routers are met, the first hop is the route's", () => {
  const { time, network } = world();
  const alice = agent(network, 1);
  const proxy = new Peer(network, 3);
  alice.request(
    "OPTIONS",
    { target: "sip:x@192.0.2.2", from, routes: ["<sip:192.0.2.3;lr>", "<sip:p2.test;lr>"] },
    () => {},
  );
  time.advance(10);
  const loose = proxy.last("OPTIONS");
  assert.is(loose.headers.get("Route"), "<sip:192.0.2.3;lr>");
  assert.equal(loose.headers.all("Route"), ["<sip:192.0.2.3;lr>", "<sip:p2.test;lr>"]);
  proxy.respond(loose, 200, "a");
  alice.request(
    "OPTIONS",
    { target: "sip:x@192.0.2.2", from, routes: ["<sip:192.0.2.3>", "<sip:p2.test;lr>"] },
    () => {},
  );
  time.advance(10);
  const strict = proxy.last("OPTIONS");
  assert.is(strict.kind === "request" && strict.uri, "sip:192.0.2.3");
  assert.equal(strict.headers.all("Route"), ["<sip:p2.test;lr>", "<sip:x@192.0.2.2>"]);
  proxy.respond(strict, 200, "a");
  time.advance(10);
  settle(time, alice);
});

terms("422: the interval that is asked for is taken (RFC 4028 7.3)", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1, { sessionTimer: { expiresS: 600 } });
  const peer = new Peer(network, 2);
  alice.invite({ target: to(2), from }, outgoing(log, "alice"));
  time.advance(10);
  assert.is(peer.last("INVITE").headers.get("Session-Expires"), "600");
  peer.respond(peer.last("INVITE"), 422, "a", [["Min-SE", "3600"]]);
  time.advance(10);
  const second = peer.last("INVITE");
  assert.is(second.headers.get("Session-Expires"), "3600");
  assert.is(second.headers.get("Min-SE"), "3600");
  peer.respond(second, 422, "a", [["Min-SE", "3600"]]);
  time.advance(10);
  assert.is(log.at(-1), "alice failed 422 response");
  settle(time, alice);
});

auth.run();
redirects.run();
terms.run();
