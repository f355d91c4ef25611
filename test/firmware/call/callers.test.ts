// Who may ring, who is shown, and what leaves the phone about its owner.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CallerRules, judgeCaller } from "../../../firmware/call/index.js";
import { Peer } from "../sip/support.js";
import { Exchange } from "./support.js";

const rules = (some: Partial<CallerRules>): CallerRules => ({ allow: [], block: [], unknown: "ring", ...some });
const sdpOffer = [
  "v=0",
  "o=- 1 1 IN IP4 192.0.2.9",
  "s=-",
  "c=IN IP4 192.0.2.9",
  "t=0 0",
  "m=audio 6000 RTP/AVP 0",
  "",
].join("\r\n");

test("caller policy: lists by address, by whole host; user with case, host without", () => {
  const own = rules({ allow: ["sip:bob@b.test", "*@friends.test"], block: ["sip:eve@b.test"], unknown: "reject" });
  for (const [claimed, verdict] of [
    ["sip:bob@b.test", "ring"],
    ["sip:bob@B.TEST:5070;transport=tcp", "ring"],
    ["sips:bob@b.test", "ring"],
    ["sip:%62ob@b.test", "ring"],
    ["sip:Bob@b.test", "reject"],
    ["sip:anybody@friends.test", "ring"],
    ["sip:anybody@not-friends.test", "reject"],
    ["sip:eve@b.test", "block"],
    ["sip:anonymous@anonymous.invalid", "reject"],
    ["tel:+123", "reject"],
  ] as const)
    assert.is(judgeCaller(own, { claimed }), verdict, claimed);
  assert.is(judgeCaller(rules({ unknown: "silent" }), { claimed: "sip:x@y" }), "silent");
  assert.is(judgeCaller(rules({}), { claimed: "sip:x@y" }), "ring");
});

test("caller policy: the proved identity decides; nobody escapes the block list by another name", () => {
  const own = rules({ allow: ["sip:bob@b.test"], block: ["sip:eve@b.test"], unknown: "reject" });
  assert.is(judgeCaller(own, { claimed: "sip:bob@b.test", verified: "sip:mallory@b.test" }), "reject");
  assert.is(judgeCaller(own, { claimed: "sip:other@b.test", verified: "sip:bob@b.test" }), "ring");
  assert.is(judgeCaller(own, { claimed: "sip:bob@b.test", verified: "sip:eve@b.test" }), "block");
  assert.is(judgeCaller(own, { claimed: "sip:bob@b.test", asserted: "sip:eve@b.test" }), "block");
  assert.is(judgeCaller(own, { claimed: "sip:stranger@b.test", asserted: "sip:bob@b.test" }), "reject");
});

for (const [unknown, outcome] of [
  ["ring", "ringing"],
  ["silent", "ringing"],
  ["reject", "ended"],
] as const)
  test(`an unknown caller, verified by MIKEY, where unknown callers ${unknown}`, async () => {
    const exchange = new Exchange();
    const [alice, bob] = [exchange.phone(1), exchange.phone(2, { callers: rules({ unknown }) })];
    alice.calls.dial(bob.uri);
    await exchange.until("something", () =>
      unknown === "reject" ? alice.call()?.state === "ended" : bob.call()?.state === "ringing",
    );
    if (outcome === "ended") {
      assert.is(alice.call()?.end?.status, 603);
      assert.ok(bob.events.some((event) => event.type === "refused" && event.code === "unknown-caller"));
    } else assert.is(bob.call()?.quiet, unknown === "silent" ? true : undefined);
  });

test("a known caller rings although strangers are turned away", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1);
  const bob = exchange.phone(2, { callers: rules({ allow: [alice.uri], unknown: "reject" }) });
  alice.calls.dial(bob.uri);
  await exchange.until("ringing", () => bob.call()?.state === "ringing");
  assert.is(bob.call()?.quiet, undefined);
});

test("P-Asserted-Identity is shown as what the network says, beside From", async () => {
  const exchange = new Exchange();
  const bob = exchange.phone(2, { security: "off" });
  const peer = new Peer(exchange.network, 9);
  const asserted = '"Carol" <sip:carol@c.test>, <tel:+4912345>';
  peer.request(2, "INVITE", { "P-Asserted-Identity": asserted, From: "<sip:claims@x.test>;tag=1" }, sdpOffer);
  await exchange.until("ringing", () => bob.call()?.state === "ringing");
  assert.equal(bob.call()?.asserted, { uri: "sip:carol@c.test", displayName: "Carol" });
  assert.is(bob.call()?.peer.uri, "sip:claims@x.test");
});

for (const [what, callers, outcome] of [
  ["a stranger who rings", rules({}), "rings"],
  ["a stranger who rings silently", rules({ unknown: "silent" }), "rings silently"],
  ["a stranger who is turned away", rules({ unknown: "reject" }), "603 unknown-caller"],
  ["on the block list", rules({ block: ["*@anonymous.invalid"] }), "603 blocked-caller"],
] as const)
  test(`an anonymous caller is ${what}; what the network says of it lets nobody in`, async () => {
    const exchange = new Exchange();
    const bob = exchange.phone(2, { security: "off", callers: { ...callers, allow: ["sip:friend@c.test"] } });
    const peer = new Peer(exchange.network, 9);
    const fields = {
      From: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1',
      Privacy: "id",
      "P-Asserted-Identity": "<sip:friend@c.test>",
    };
    peer.request(2, "INVITE", fields, sdpOffer);
    await exchange.until("an answer", () => /180|603/.test(peer.kinds()));
    const refusal = bob.events.find((event) => event.type === "refused");
    assert.is(refusal ? `603 ${refusal.code}` : bob.call()?.quiet ? "rings silently" : "rings", outcome);
    if (!refusal) assert.equal(bob.call()?.asserted, { uri: "sip:friend@c.test" }, "shown, as the network's word");
  });

test("whom the network says to be blocked is turned away under any name", async () => {
  const exchange = new Exchange();
  const bob = exchange.phone(2, { security: "off", callers: rules({ block: ["sip:pest@c.test"] }) });
  const peer = new Peer(exchange.network, 9);
  const fields = { From: "<sip:nice@x.test>;tag=1", "P-Asserted-Identity": "<sip:pest@c.test>" };
  peer.request(2, "INVITE", fields, sdpOffer);
  await exchange.until("603", () => peer.kinds().includes("603"));
  assert.is(bob.call()?.state ?? "never rang", "ended");
  assert.ok(bob.events.some((event) => event.type === "refused" && event.code === "blocked-caller"));
});

test("a refusal with Retry-After and Warning: both are said to the person", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { security: "off" });
  const peer = new Peer(exchange.network, 9);
  for (const [status, fields, user] of [
    [486, [["Retry-After", "300 (at lunch);duration=60"]], "Busy (try again in 5 min)"],
    [480, [["Retry-After", "90"]], "The other side cannot be reached at the moment (try again in 90 s)"],
    [488, [["Warning", '305 h "Incompatible \\"media\\" format"']], /\(Incompatible "media" format\)$/],
    [486, [["Retry-After", "soon"]], "Busy"],
  ] as const) {
    const before = peer.received.length;
    alice.calls.dial("sip:peer@192.0.2.9");
    await exchange.until("INVITE", () => peer.received.length > before);
    peer.respond(peer.last("INVITE"), status, "t", fields);
    await exchange.until("the end", () => alice.calls.list().length === 0);
    const said = alice.call()?.end?.user ?? "";
    if (typeof user === "string") assert.is(said, user);
    else assert.match(said, user);
  }
});

test("BYE with a Reason: it is in the end of the call (RFC 3326)", async () => {
  const exchange = new Exchange();
  const bob = exchange.phone(2, { security: "off", autoAnswerMs: 0 });
  const peer = new Peer(exchange.network, 9);
  peer.request(2, "INVITE", {}, sdpOffer);
  await exchange.until("200", () => peer.kinds().includes("200"));
  const tagged = { To: peer.last(200).headers.get("To")! };
  peer.request(2, "ACK", { ...tagged, CSeq: "1 ACK" });
  await exchange.until("active", () => bob.call()?.state === "active");
  peer.request(2, "BYE", { ...tagged, CSeq: "2 BYE", Reason: 'Q.850;cause=16;text="Terminated"' });
  await exchange.until("ended", () => bob.call()?.state === "ended");
  assert.is(bob.call()?.end?.by, "peer");
  assert.match(bob.call()?.end?.text ?? "", /Q\.850;cause=16/);
});

test("anonymous: nothing in the INVITE but P-Preferred-Identity says who calls (RFC 3323)", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { security: "off" });
  const peer = new Peer(exchange.network, 9);
  alice.calls.dial("sip:peer@192.0.2.9", undefined, { anonymous: true });
  await exchange.until("INVITE", () => peer.received.length > 0);
  const { headers } = peer.last("INVITE");
  assert.match(headers.get("From")!, /^"Anonymous" <sip:anonymous@anonymous\.invalid>;tag=/);
  assert.is(headers.get("Privacy"), "id");
  assert.is(headers.get("P-Preferred-Identity"), `<${alice.uri}>`);
  const shown = headers.entries().filter(([name]) => name !== "P-Preferred-Identity");
  assert.not.match(shown.map((entry) => entry.join(": ")).join("\n"), /u1|Phone 1/);
  assert.not.match(peer.received[0].text.split("\r\n\r\n")[1], /u1|Phone/);
});

test("anonymous and private at once is refused with the reason", () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1);
  assert.throws(() => alice.calls.dial("sip:u2@192.0.2.2", undefined, { anonymous: true }), /who calls/);
});

test("MESSAGE: sent and taken, shown with who claims to have written it", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [1, 2].map((number) => exchange.phone(number, { security: "off", messages: true }));
  const sent = alice.calls.sendMessage(bob.uri, "Grüße 👋");
  await exchange.run(100);
  await sent;
  const event = bob.events.find((each) => each.type === "message");
  assert.equal(event, {
    type: "message",
    account: bob.uri,
    from: alice.uri,
    displayName: "Phone 1",
    text: "Grüße 👋",
  });
});

test("MESSAGE: an account for private calls has none; too long; nobody there; blocked", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { messages: true });
  const bob = exchange.phone(2);
  const carol = exchange.phone(3, { messages: true, callers: rules({ block: [alice.uri] }) });
  const outcome = async (sending: Promise<void>): Promise<string> => {
    const said = sending.then(
      () => "sent",
      (error: Error) => error.message,
    );
    await exchange.run(100);
    return said;
  };
  assert.match(await outcome(bob.calls.sendMessage(alice.uri, "x")), /private/);
  assert.match(await outcome(alice.calls.sendMessage(bob.uri, "x")), /not delivered/);
  assert.match(await outcome(alice.calls.sendMessage(bob.uri, "x".repeat(1001))), /too long/);
  assert.match(await outcome(alice.calls.sendMessage(carol.uri, "x")), /not delivered/);
  assert.is(carol.events.length, 0);
  const peer = new Peer(exchange.network, 9);
  peer.request(1, "MESSAGE", { "Content-Type": "text/html", Contact: undefined }, "<b>x</b>");
  peer.request(1, "MESSAGE", { "Content-Type": "text/plain;charset=utf-16", Contact: undefined, "Call-ID": "c2" }, "x");
  peer.request(1, "MESSAGE", { "Content-Type": "text/plain", Contact: undefined, "Call-ID": "c3" }, "x".repeat(1001));
  await exchange.run(50);
  assert.is(peer.kinds(), "415 415 413");
});

test("tel: numbers are called at the account's provider", async () => {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { security: "off" });
  const call = alice.calls.dial("tel:+49-30-1234(5)");
  assert.is(call.peer.uri, "sip:+493012345@192.0.2.1;user=phone");
});

test("CANCEL with the reason that another phone answered: no missed call (RFC 3326)", async () => {
  const exchange = new Exchange();
  const bob = exchange.phone(2, { security: "off" });
  const peer = new Peer(exchange.network, 9);
  peer.request(2, "INVITE", { Via: "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx" }, sdpOffer);
  await exchange.until("ringing", () => bob.call()?.state === "ringing");
  peer.request(2, "CANCEL", {
    Via: "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx",
    Reason: 'SIP;cause=200;text="Call completed elsewhere"',
    Contact: undefined,
  });
  await exchange.until("ended", () => bob.call()?.state === "ended");
  assert.is(bob.call()?.end?.code, "answered-elsewhere");
  assert.is(bob.call()?.end?.user, "Answered on another phone");
});

test.run();
