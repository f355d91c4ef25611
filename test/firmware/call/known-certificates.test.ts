// Calls between phones that have seen each other's certificates, and what becomes of them when one has forgotten.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAuthority, issueIdentity } from "../../../firmware/crypto/issue.js";
import { MemoryReplayCache } from "../../../firmware/mikey/index.js";
import { clean, Exchange, type PhoneOptions, type TestPhone } from "./support.js";

const test = suite("calls between phones that know each other");
const valid = { notBeforeMs: Date.UTC(2020, 0, 1), notAfterMs: Date.UTC(2040, 0, 1) };
const authority = await createAuthority({ ...valid, commonName: "Call CA" });
const uris = [1, 2].map((number) => `sip:u${number}@192.0.2.${number}`);
const identities = await Promise.all(uris.map((uri) => issueIdentity(authority, { ...valid, uri, keyType: "p256" })));

/** A phone that signs; `sent`: sizes of the INVITEs it sends. */
function signing(exchange: Exchange, number: number, sent: number[] = [], options: PhoneOptions = {}): TestPhone {
  const { chainPem, privateKeyPem } = identities[number - 1];
  return exchange.phone(number, {
    ...options,
    tamper: (text) => {
      if (text.startsWith("INVITE")) sent.push(text.length);
      return options.tamper?.(text) ?? text;
    },
    keying: {
      offer: "dh",
      identity: { certificateChainPem: chainPem, privateKeyPem },
      trustAnchorsPem: authority.certificatePem,
      replay: new MemoryReplayCache(),
    },
  });
}

async function callOnce(exchange: Exchange, from: TestPhone, to: TestPhone): Promise<void> {
  const { id } = from.calls.dial(to.uri);
  const state = () => (from.call()?.id === id ? from.call()?.state : undefined);
  await exchange.until("it rings", () => to.call()?.state === "ringing" || state() === "ended");
  assert.is(to.call()?.state, "ringing", JSON.stringify(from.call()?.end));
  to.calls.answer();
  await exchange.until("both are in the call", () => [from, to].every((phone) => phone.call()?.state === "active"));
  const { security } = from.call()!;
  assert.is(security.state === "secure" && security.peer.identity, to.uri);
  from.calls.hangup();
  await exchange.until("both are free", () => [from, to].every((phone) => phone.call()?.state === "ended"));
}

/**
 * Two phones that know each other's certificates, the second of which was started anew since.
 * @param told gets the kinds of the messages that it sends. @param tamper changes them.
 */
async function startedAnew(options: PhoneOptions = {}, told: string[] = [], tamper = (text: string) => text) {
  const exchange = new Exchange();
  const sent: number[] = [];
  const [alice, bob] = [signing(exchange, 1, sent), signing(exchange, 2)];
  await callOnce(exchange, alice, bob);
  await bob.userAgent.close();
  sent.length = 0;
  const noting = (text: string) => {
    const [first, second] = text.split(" ", 2);
    const kind = first === "SIP/2.0" ? second : first;
    if (kind !== "100") told.push(kind);
    return tamper(text);
  };
  return { exchange, alice, anew: signing(exchange, 2, [], { ...options, tamper: noting }), sent };
}

const withoutAccept = (text: string) => text.replace(/^Accept: .*pkipath\r\n/m, "");

test("the second INVITE is shorter by the certificate", async () => {
  const exchange = new Exchange();
  const sent: number[] = [];
  const [alice, bob] = [signing(exchange, 1, sent), signing(exchange, 2)];
  await callOnce(exchange, alice, bob);
  await callOnce(exchange, alice, bob);
  assert.ok(sent[1] < sent[0] - 550, `${sent}`);
  await clean(exchange, alice, bob);
});

test("the other phone was started anew: it asks for the certificate, and rings", async () => {
  for (const verifiesAlone of [true, false]) {
    const told: string[] = [];
    const { exchange, alice, anew, sent } = await startedAnew({ verifiesAlone }, told);
    await callOnce(exchange, alice, anew);
    assert.is(sent.length, 1, "one INVITE");
    assert.equal(told, [verifiesAlone ? "180" : "183", "OPTIONS", ...(verifiesAlone ? [] : ["180"]), "200", "200"]);
    await clean(exchange, alice, anew);
  }
});

test("its question is not understood: the call is placed again with everything in it, and the person notices nothing", async () => {
  const { exchange, alice, anew, sent } = await startedAnew({}, [], withoutAccept);
  const before = alice.events.length;
  await callOnce(exchange, alice, anew);
  assert.is(sent.length, 2, "once by name, once in full");
  assert.ok(sent[0] < sent[1] - 550);
  const told = alice.events.slice(before).flatMap((event) => (event.type === "call" ? [event.call] : []));
  const states = told.map(({ state }) => state);
  assert.ok(states.indexOf("ended") > states.indexOf("active") && states.includes("active"), `${states}`);
  assert.is(new Set(told.map(({ id }) => id)).size, 1, "one call");
  sent.length = 0;
  await callOnce(exchange, alice, anew);
  assert.is(sent.length, 1);
  await clean(exchange, alice, anew);
});

test("a phone that refuses for another reason is asked no third time", async () => {
  // Nothing but open calls: every offer of Alice's is refused with 488.
  const { exchange, alice, anew, sent } = await startedAnew({ security: "off" });
  alice.calls.dial(anew.uri);
  await exchange.until("it is over", () => alice.call()?.state === "ended");
  assert.is(sent.length, 2);
  assert.is(alice.call()?.end?.status, 488);
  await clean(exchange, alice, anew);
});

test("hung up while it asks: it is over at both ends", async () => {
  const told: string[] = [];
  const { exchange, alice, anew } = await startedAnew({}, told);
  alice.calls.dial(anew.uri);
  await exchange.until("it is asked", () => told.includes("OPTIONS"));
  alice.calls.hangup();
  await exchange.run(6000);
  assert.is(alice.call()?.state, "ended");
  assert.is(anew.calls.list().length, 0);
  await clean(exchange, alice, anew);
});

test("who is not let in is not asked either", async () => {
  const told: string[] = [];
  const callers = { allow: [], block: [uris[0]], unknown: "ring" as const };
  const { exchange, alice, anew } = await startedAnew({ callers }, told);
  alice.calls.dial(anew.uri);
  await exchange.until("it is over", () => alice.call()?.state === "ended");
  assert.not.ok(told.includes("OPTIONS"), `${told}`);
  await clean(exchange, alice, anew);
});

test("a caller that says nothing is waited for a moment only", async () => {
  // Alice's answers to the OPTIONS never arrive.
  const deaf = (text: string) =>
    /^CSeq: \d+ OPTIONS/m.test(text) ? text.replace(/^(Via: SIP\/2.0\/UDP )[^;]*/m, "$1192.0.2.99") : text;
  const { exchange, alice, anew, sent } = await startedAnew({}, [], deaf);
  const started = exchange.time.now();
  await callOnce(exchange, alice, anew);
  assert.is(sent.length, 2, "it was refused, and placed again in full");
  assert.ok(exchange.time.now() - started < 5000);
  await clean(exchange, alice, anew);
});

test("hung up while it is placed again: it is over at both ends", async () => {
  const { exchange, alice, anew } = await startedAnew({}, [], withoutAccept);
  const answers = () => alice.userAgent.counters()["responses-received"] ?? 0;
  const before = answers();
  alice.calls.dial(anew.uri);
  await exchange.until("it is refused", () => answers() > before);
  alice.calls.hangup();
  await exchange.run(500);
  assert.is(alice.call()?.state, "ended");
  assert.is(anew.calls.list().length, 0);
  await clean(exchange, alice, anew);
});

test("through a proxy, too, the second INVITE names the certificate", async () => {
  const exchange = new Exchange();
  const sent: number[] = [];
  const bob = signing(exchange, 2);
  const alice = signing(exchange, 1, sent, { nextHop: () => bob.local });
  await callOnce(exchange, alice, bob);
  await callOnce(exchange, alice, bob);
  assert.ok(sent[1] < sent[0] - 550, `${sent}`);
  await clean(exchange, alice, bob);
});

test.run();
