// Under attack and load: every limit met through a whole user agent, by its name. Streams have theirs in transport/stream.test.ts, sources in transport/rate.test.ts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultParseLimits } from "../../../firmware/sip/index.js";
import { agent, Peer } from "./support.js";
import { world } from "./world.js";

/** bob with the limits of a real phone unless told otherwise; a peer at .3 that attacks, one at .4 that does not. */
function attacked(options: Parameters<typeof agent>[2] = {}) {
  const all = world();
  const bob = agent(all.network, 2, { rate: {}, ...options });
  const invited: string[] = [];
  bob.events = { invite: (call) => void invited.push(call.callId) };
  return { ...all, bob, invited, eve: new Peer(all.network, 3), carol: new Peer(all.network, 4) };
}

const count = (bob: { counters(): Readonly<Record<string, number>> }, name: string): number =>
  bob.counters()[name] ?? 0;

test("header count: one more than the limit is not read", () => {
  const { bob, eve, carol, time } = attacked();
  const fields = (many: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: many }, (_, i) => [`X-${i}`, "1"]));
  // Via, Max-Forwards, From, To, Call-ID, CSeq, Contact, Content-Length.
  carol.request(2, "OPTIONS", fields(defaultParseLimits.headers - 8));
  eve.request(2, "OPTIONS", fields(defaultParseLimits.headers - 7));
  time.advance(20);
  assert.is(carol.kinds(), "200");
  assert.is(eve.kinds(), "");
  assert.is(count(bob, "malformed-dropped"), 1);
});

test("line size: a field or start line over the limit is not read", () => {
  const { bob, eve, time } = attacked();
  eve.request(2, "OPTIONS", { "X-Long": "a".repeat(defaultParseLimits.lineBytes) });
  eve.request(2, "OPTIONS", { uri: `sip:${"a".repeat(defaultParseLimits.lineBytes)}@192.0.2.2` });
  eve.request(2, "OPTIONS", { "X-Folded": Array(2000).fill("abcd").join("\r\n ") });
  time.advance(20);
  assert.is(eve.kinds(), "");
  assert.is(count(bob, "malformed-dropped"), 3);
});

test("head size: many short fields together are not read either", () => {
  const { bob, eve, time } = attacked();
  const fields = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`X-${i}`, "b".repeat(300)]));
  eve.request(2, "OPTIONS", fields);
  time.advance(20);
  assert.is(eve.kinds(), "");
  assert.is(count(bob, "malformed-dropped"), 1);
});

test("body size: a message over the limit is dropped before it is read, whatever Content-Length says", () => {
  const { bob, eve, time, invited } = attacked();
  eve.request(2, "INVITE", {}, "v".repeat(65_600));
  time.advance(20);
  assert.is(count(bob, "oversize-dropped"), 1);
  assert.equal(invited, []);
});

test("retransmission storm: ten thousand copies of an INVITE are one call, and no more than the rate of answers", () => {
  const { bob, eve, time, invited, network } = attacked();
  const fields = { "Call-ID": "storm", Via: "SIP/2.0/UDP 192.0.2.3:5060;rport;branch=z9hG4bKstorm" };
  for (let i = 0; i < 10_000; i++) eve.request(2, "INVITE", fields, "x");
  time.advance(100);
  assert.equal(invited, ["storm"]);
  assert.is(bob.size().server, 1);
  // A burst of 800 is read, at most one answer each; the rest is dropped unread.
  assert.ok(network.sent.filter(({ from }) => from === 2).length <= 801);
  assert.ok(count(bob, "rate-dropped") >= 9000, `${count(bob, "rate-dropped")}`);
});

test("retransmitted responses and strangers' responses make nothing", () => {
  const { bob, eve, time } = attacked();
  eve.request(9, "OPTIONS");
  for (let i = 0; i < 500; i++)
    eve.raw(
      2,
      [
        "SIP/2.0 200 OK",
        `Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKno${i}`,
        "From: <sip:a@b>;tag=1",
        "To: <sip:c@d>;tag=2",
        `Call-ID: none${i}`,
        "CSeq: 1 INVITE",
        "Content-Length: 0",
        "",
        "",
      ].join("\r\n"),
    );
  time.advance(50);
  assert.is(count(bob, "stray-response"), 500);
  assert.equal(bob.size(), { dialogs: 0, client: 0, server: 0 });
});

test("ACKs, CANCELs and BYEs for nothing: bounded like any request, nothing stays", () => {
  const { bob, eve, time } = attacked();
  for (let i = 0; i < 200; i++)
    for (const method of ["ACK", "CANCEL", "BYE"])
      eve.request(2, method, { "Call-ID": `no${i}`, To: "<sip:u2@192.0.2.2>;tag=nobody" });
  time.advance(50);
  assert.ok(bob.size().server <= 100, `${bob.size().server} transactions`);
  assert.ok(count(bob, "rate-refused") + count(bob, "rate-dropped") > 100);
  time.advance(60_000);
  assert.equal(bob.size(), { dialogs: 0, client: 0, server: 0 });
});

test("a flood from one source: another's call comes in and ends as if nothing were", () => {
  const { bob, eve, carol, time, invited } = attacked();
  let ended = "";
  bob.events = {
    invite(call) {
      invited.push(call.callId);
      // What call control does with more calls than it takes.
      if (call.callId !== "carol") return call.reject(486);
      call.accept({}).events = { acked() {}, reinvite() {}, ended: ({ by }) => void (ended = by) };
    },
  };
  const flood = (): void => {
    for (let i = 0; i < 20; i++) eve.request(2, "INVITE", { "Call-ID": `flood${time.now()}-${i}` }, "x");
    time.advance(10);
  };
  for (let i = 0; i < 100; i++) flood();
  // What all strangers together may begin is shared: a new call may have to be tried again.
  let asked = 0;
  while (!invited.includes("carol") && asked++ < 20) {
    carol.request(
      2,
      "INVITE",
      { "Call-ID": "carol", CSeq: `${asked} INVITE`, From: `<sip:carol@x>;tag=c${asked}` },
      "x",
    );
    for (let i = 0; i < 20; i++) flood();
  }
  assert.ok(invited.includes("carol"), `${asked} tries: ${carol.kinds()}`);
  const To = carol.last(200).headers.get("To")!;
  const From = carol.last(200).headers.get("From")!;
  carol.request(2, "ACK", { "Call-ID": "carol", CSeq: `${asked} ACK`, To, From });
  flood();
  carol.request(2, "BYE", { "Call-ID": "carol", CSeq: "99 BYE", To, From });
  for (let i = 0; i < 5; i++) flood();
  assert.is(ended, "peer");
  assert.ok(count(bob, "rate-dropped") > 1000);
  const refused = eve.received
    .map(({ message }) => message)
    .find((one) => one.kind === "response" && one.status === 503);
  assert.ok(Number(refused?.headers.get("Retry-After")) >= 1, "who asks too much is told when to come again");
});

test("requests in a dialog do not count as new ones, yet what a source sends beyond its messages is dropped", () => {
  const { bob, eve, time } = attacked();
  bob.events = {
    invite(call) {
      call.accept({}).events = { acked() {}, reinvite() {}, ended() {} };
    },
  };
  eve.request(2, "INVITE", {}, "x");
  time.advance(20);
  const To = eve.last(200).headers.get("To")!;
  eve.request(2, "ACK", { To, CSeq: "1 ACK" });
  for (let i = 0; i < 600; i++) eve.request(2, "OPTIONS", { To, CSeq: `${i + 2} OPTIONS` });
  time.advance(20);
  assert.is(eve.received.filter(({ text }) => text.startsWith("SIP/2.0 503")).length, 0);
  assert.ok(eve.received.length >= 600);
  for (let i = 0; i < 600; i++) eve.request(2, "OPTIONS", { To, CSeq: `${i + 700} OPTIONS` });
  time.advance(20);
  assert.ok(count(bob, "rate-dropped") > 300, `${count(bob, "rate-dropped")}`);
});

test.run();
