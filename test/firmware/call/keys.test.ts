// Keys within a running call: changed, proved, refused, used up; open calls made private; the agreement's errors in SIP.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataType, parseMessage, payloadsOf } from "../../../firmware/mikey/index.js";
import { Exchange, type PhoneOptions, type TestPhone } from "./support.js";

const test = suite("keys in a call");

async function connected(one: PhoneOptions = {}, other: PhoneOptions = one) {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1, one), exchange.phone(2, other)];
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  bob.calls.answer();
  await exchange.until("both talk", () => [alice, bob].every((phone) => phone.call()?.state === "active"));
  await exchange.run(100);
  return { exchange, alice, bob };
}

const stream = (phone: TestPhone) => phone.voice.streams[0];
const rekeys = (phone: TestPhone): number => {
  const security = phone.call()!.security;
  return security.state === "secure" ? security.rekeys : -1;
};
/** Keys of both ends fit crosswise. */
function fit(alice: TestPhone, bob: TestPhone): void {
  const [a, b] = [stream(alice).keyed.at(-1)!, stream(bob).keyed.at(-1)!];
  assert.is(a.tx, b.rx);
  assert.is(a.rx, b.tx);
}
/** The MIKEY messages of a text, most wanted first. */
const mikeyIn = (text: string) =>
  [...text.matchAll(/^a=key-mgmt:mikey (\S+)/gm)].map(([, base64]) => {
    const parsed = parseMessage(new Uint8Array(Buffer.from(base64, "base64")));
    if (!parsed.ok) throw new Error(parsed.error.text);
    return parsed.value;
  });
/** What was sent of a method since `from`, without answers. */
const requests = (exchange: Exchange, method: string, from = 0) =>
  exchange.network.sent.slice(from).filter(({ first }) => first.startsWith(`${method} `));
/** The first MIKEY message with its proof changed. */
const spoiled = (text: string): string =>
  text.replace(
    /^(a=key-mgmt:mikey \S+)(\S)(\S{8})\r$/m,
    (_, head, one, tail) => `${head}${one === "A" ? "B" : "A"}${tail}\r`,
  );
const said = async (work: Promise<void>): Promise<string> =>
  work.then(
    () => "done",
    (error: Error) => error.message,
  );

for (const rekeyBy of ["invite", "update"] as const)
  test(`new keys on demand by ${rekeyBy}, from either end: the answerer's half waits until the peer has them`, async () => {
    const { exchange, alice, bob } = await connected({ keys: { rekeyBy } });
    for (const [i, [here, there]] of [
      [alice, bob],
      [bob, alice],
    ].entries()) {
      const from = exchange.network.sent.length;
      const outcome = said(here.calls.rekey());
      await exchange.until("new keys", () => rekeys(here) === i + 1 && rekeys(there) === i + 1);
      await exchange.run(50);
      assert.is(await outcome, "done");
      fit(alice, bob);
      assert.is(stream(here).rekeyed.at(-1), "now");
      assert.is(stream(there).rekeyed.at(-1), "confirmed");
      const [request] = requests(exchange, rekeyBy === "invite" ? "INVITE" : "UPDATE", from);
      assert.is(
        payloadsOf(mikeyIn(request.text)[0], "rand").length,
        0,
        "an update brings no RAND (RFC 3830 section 4.5)",
      );
    }
    // The ACK confirms; an UPDATE has none, there the first packet does.
    assert.is(stream(bob).confirmed, rekeyBy === "invite" ? 2 : 1);
    assert.is(stream(alice).keyed.length, 3);
    const all = stream(alice).keyed.flatMap(({ tx, rx }) => [tx, rx]);
    assert.is(new Set(all).size, 6, "no key is used twice");
    for (const phone of [alice, bob]) assert.is(stream(phone).started.at(-1)!.security, "srtp");
    alice.calls.hangup();
    await exchange.run(100);
  });

test("hold, resume, another address: proved by a message without a TGK, and the keys go on", async () => {
  const { exchange, alice, bob } = await connected();
  const steps: [string, () => void, () => boolean][] = [
    ["hold", () => alice.calls.hold(), () => bob.call()?.heldByPeer === true],
    ["resume", () => alice.calls.resume(), () => bob.call()?.heldByPeer === false],
    [
      "address",
      () => bob.calls.readdress("192.0.2.77"),
      () => stream(alice).started.at(-1)?.remoteAddress === "192.0.2.77",
    ],
  ];
  for (const [what, act, done] of steps) {
    const from = exchange.network.sent.length;
    act();
    await exchange.until(what, done);
    await exchange.run(50);
    const [request] = requests(exchange, "INVITE", from);
    const [message] = mikeyIn(request.text);
    assert.ok(message, `${what} carries MIKEY`);
    const [kemac] = payloadsOf(message, "kemac");
    assert.is(kemac.data.length, 0, "no key in it");
    const ok = exchange.network.sent.slice(from).find(({ first }) => first.startsWith("SIP/2.0 200"));
    assert.is(mikeyIn(ok!.text).length, 1, "answered in kind");
  }
  for (const phone of [alice, bob]) {
    assert.is(stream(phone).keyed.length, 1);
    assert.is(rekeys(phone), 0);
  }
});

for (const refresher of ["uac", "uas"] as const)
  for (const by of ["INVITE", "UPDATE"] as const)
    test(`session refresh (RFC 4028) by ${by} of the ${refresher}: proved where it brings an offer, and the keys go on`, async () => {
      // A phone that does not know UPDATE is asked by re-INVITE, which carries the session as it is.
      const allow = (text: string) => (by === "INVITE" ? text.replace(/^(Allow:.*), UPDATE/m, "$1") : text);
      const { exchange, alice, bob } = await connected({
        tamper: (text) =>
          /^INVITE /.test(text) && !/^(?:To|t):.*tag=/m.test(text)
            ? allow(text).replace(/^(Session-Expires: ?\d+).*\r$/m, `$1;refresher=${refresher}\r`)
            : allow(text),
      });
      const from = exchange.network.sent.length;
      // Half of the 1800 s the phones ask for, twice.
      for (let s = 0; s < 1860; s += 10) {
        exchange.time.advance(9_990);
        await exchange.run(10);
      }
      await exchange.run(100);
      const refreshes = requests(exchange, by, from);
      assert.is(refreshes.length, 2);
      assert.is(requests(exchange, by === "INVITE" ? "UPDATE" : "INVITE", from).length, 0);
      const answers = exchange.network.sent.slice(from).filter(({ first }) => first.startsWith("SIP/2.0 200"));
      assert.is(answers.length, 2);
      for (const { text, from: sender } of refreshes) {
        assert.match(text, /^Session-Expires: 1800/m);
        assert.is(sender, refresher === "uac" ? 1 : 2);
        if (by === "UPDATE") assert.match(text, /^Content-Length: 0\r$/m, "nothing of the session is touched");
        else assert.is(payloadsOf(mikeyIn(text)[0], "kemac")[0].data.length, 0, "it carries MIKEY, and no key in it");
      }
      for (const { text } of answers) assert.is(mikeyIn(text).length, by === "INVITE" ? 1 : 0, "answered in kind");
      for (const phone of [alice, bob]) {
        assert.is(phone.call()?.state, "active");
        assert.is(stream(phone).keyed.length, 1, "the voice was given no other keys: its contexts go on");
        assert.is(rekeys(phone), 0);
        assert.is(stream(phone).closed, false);
      }
    });

/** Takes the key agreement out of offers within a dialog. */
const unproved = (text: string) =>
  /^INVITE /.test(text) && /^(?:To|t):.*tag=/m.test(text) ? text.replace(/^a=key-mgmt.*\r\n/gm, "") : text;

test("a change without proof: taken where the policy takes any, refused where it must be proved", async () => {
  const lenient = await connected({ tamper: unproved }, {});
  lenient.alice.calls.hold();
  await lenient.exchange.until("held", () => lenient.bob.call()?.heldByPeer === true);

  const strict = await connected({ tamper: unproved }, { keys: { changes: "proved" } });
  const from = strict.exchange.network.sent.length;
  strict.alice.calls.hold();
  await strict.exchange.run(500);
  const answer = strict.exchange.network.sent.slice(from).find(({ first }) => /^SIP\/2.0 488/.test(first));
  assert.match(answer!.text, /Warning: 399 \S+ "changes of this call need a=key-mgmt:mikey"/);
  assert.is(strict.alice.call()?.state, "active");
  assert.is(strict.bob.call()?.heldByPeer, false);
  assert.is(stream(strict.bob).started.length, 1);
});

test("a phone that knows no updates is asked again without one, and from then on always", async () => {
  const { exchange, alice, bob } = await connected(
    { keys: { refusedRekey: "keep" } },
    { keying: { keepsBundles: false } },
  );
  const from = exchange.network.sent.length;
  alice.calls.hold();
  await exchange.until("held", () => bob.call()?.heldByPeer === true);
  await exchange.run(50);
  alice.calls.resume();
  await exchange.until("resumed", () => bob.call()?.heldByPeer === false);
  await exchange.run(50);
  assert.equal(
    requests(exchange, "INVITE", from).map(({ text }) => mikeyIn(text).length),
    [1, 0, 0],
  );
  for (const phone of [alice, bob]) assert.is(stream(phone).keyed.length, 1);
  const outcome = said(alice.calls.rekey());
  await exchange.run(300);
  assert.is.not(await outcome, "done");
  assert.is(alice.call()?.state, "active");
});

test("the answer to a change lost its proof: ends the call under `proved`, and is no re-key under `any`", async () => {
  const strip = (text: string) =>
    /^SIP\/2.0 200/.test(text) && /CSeq: \d+ INVITE/.test(text) && /version/.test(text) === false && stripping
      ? text.replace(/^a=key-mgmt.*\r\n/gm, "")
      : text;
  let stripping = false;
  const lenient = await connected({}, { tamper: strip });
  stripping = true;
  const outcome = said(lenient.alice.calls.rekey());
  await lenient.exchange.run(300);
  assert.is(await outcome, "The other phone did not change the keys");
  assert.is(stream(lenient.alice).keyed.length, 1, "alice goes on under the old keys");
  assert.is(stream(lenient.bob).rekeyed.at(-1), "confirmed", "bob takes both and sends under the old ones");

  stripping = false;
  const strict = await connected({ keys: { changes: "proved" } }, { tamper: strip });
  stripping = true;
  strict.alice.calls.hold();
  await strict.exchange.until("the end", () => strict.alice.call()?.state === "ended");
  assert.is(strict.alice.call()?.end?.code, "unproved-change");
});

test("new keys on a timer: the caller asks, the callee does not ask again", async () => {
  const { exchange, alice, bob } = await connected({ keys: { rekeyMs: 20_000 } });
  const from = exchange.network.sent.length;
  for (let i = 0; i < 62; i++) {
    exchange.time.advance(990);
    await exchange.run(10);
  }
  assert.is(rekeys(alice), 3);
  assert.is(rekeys(bob), 3);
  assert.is(requests(exchange, "INVITE", from).filter((one) => one.from === 2).length, 0);
  fit(alice, bob);
});

test("a key nearly used up is changed; used up without a new one the call ends", async () => {
  const { exchange, alice, bob } = await connected();
  stream(bob).events.keyAge!("expiring");
  await exchange.until("new keys", () => rekeys(alice) === 1 && rekeys(bob) === 1);
  fit(alice, bob);

  const alone = await connected({ keys: { lifetime: 1000 } }, { tamper: (text) => text });
  alone.exchange.network.fate = (_, bytes) =>
    Buffer.from(bytes).toString().startsWith("INVITE ") ? { copies: 0 } : { copies: 1 };
  stream(alone.alice).events.keyAge!("expiring");
  await alone.exchange.run(100);
  stream(alone.alice).events.keyAge!("expired");
  alone.exchange.time.advance(40_000);
  await alone.exchange.run(200);
  assert.is(alone.alice.call()?.state, "ended");
});

test("both ends change the keys at once (491): both changes come about and the keys fit", async () => {
  const { exchange, alice, bob } = await connected();
  const outcomes = Promise.all([said(alice.calls.rekey()), said(bob.calls.rekey())]);
  await exchange.until("both", () => rekeys(alice) === 2 && rekeys(bob) === 2, 20_000);
  await exchange.run(100);
  assert.equal(await outcomes, ["done", "done"]);
  assert.ok(
    exchange.network.sent.some(({ first }) => /^SIP\/2.0 491/.test(first)),
    "they met",
  );
  fit(alice, bob);
});

test("hold of one end meets the keys of the other: no key of a wiped bundle is ever used", async () => {
  const { exchange, alice, bob } = await connected();
  alice.calls.hold();
  const outcome = said(bob.calls.rekey());
  await exchange.until(
    "both",
    () => bob.call()?.heldByPeer === true && rekeys(alice) === 1 && rekeys(bob) === 1,
    20_000,
  );
  assert.is(await outcome, "done");
  assert.is(stream(alice).keyed.length, 2);
  assert.is(stream(bob).keyed.length, 2);
  fit(alice, bob);
});

test("new keys that are refused end the call (RFC 4567 section 4.1.2): 488 with Warning 306 and an error, BYE with Reason, and why on both screens", async () => {
  for (const rekeyBy of ["invite", "update"] as const) {
    let spoil = false;
    const tamper = (text: string) => (spoil && /^(INVITE|UPDATE) /.test(text) ? spoiled(text) : text);
    const { exchange, alice, bob } = await connected({ tamper, keys: { rekeyBy } }, {});
    const from = exchange.network.sent.length;
    spoil = true;
    const outcome = said(alice.calls.rekey());
    await exchange.run(500);
    assert.match(await outcome, /could not verify|security/);
    const sent = exchange.network.sent.slice(from);
    const refusal = sent.find(({ first }) => /^SIP\/2.0 488/.test(first))!;
    assert.match(refusal.text, /^Warning: .*306 192\.0\.2\.2 "/m);
    assert.is(mikeyIn(refusal.text)[0].header.dataType, DataType.error, "MIKEY says it too");
    const bye = sent.find(({ first }) => first.startsWith("BYE "))!;
    assert.is(bye.from, 1, "by who offered the keys");
    assert.match(bye.text, /^Reason: SIP;cause=488;text="new keys were refused: /m);
    assert.is(alice.call()?.end?.code, "rekey-refused");
    assert.match(alice.call()!.end!.user, /^New keys were refused, so the call was ended\. /);
    assert.is(bob.call()?.state, "ended");
    assert.match(bob.call()!.end!.text, /new keys were refused/);
    assert.is(stream(bob).keyed.length, 1, "none but the first keys were ever used");
  }
});

test("keys that are not refused but only late end nothing: 491, 500 and no answer leave the call as it is", async () => {
  const { exchange, alice, bob } = await connected();
  exchange.network.fate = (_, bytes) =>
    Buffer.from(bytes).toString().startsWith("INVITE ") ? { copies: 0 } : { copies: 1 };
  const outcome = said(alice.calls.rekey());
  exchange.time.advance(31_000);
  await exchange.run(100);
  assert.is(alice.call()?.state, "active");
  exchange.network.fate = () => ({ copies: 1 });
  exchange.time.advance(2_000);
  await exchange.run(500);
  await outcome;
  assert.is.not(alice.call()?.end?.code, "rekey-refused");
  assert.is.not(bob.call()?.end?.code, "rekey-refused");
});

test("where the account keeps calls, a changed update is refused with an error, the call and its keys go on", async () => {
  let spoil = false;
  const tamper = (text: string) => (spoil && /^INVITE /.test(text) ? spoiled(text) : text);
  const { exchange, alice, bob } = await connected({ tamper, keys: { refusedRekey: "keep" } }, {});
  spoil = true;
  const outcome = said(alice.calls.rekey());
  await exchange.run(500);
  assert.match(await outcome, /could not verify|security/);
  assert.is(alice.call()?.state, "active");
  assert.is(rekeys(bob), 0);
  assert.is(stream(bob).keyed.length, 1);
  spoil = false;
  await Promise.all([alice.calls.rekey(), exchange.run(300)]);
  assert.is(rekeys(bob), 1);
});

test("a refused offer is refused for this phone (488), or for all phones of its person (606), as the account says", async () => {
  for (const [refusesFor, status] of [
    ["phone", 488],
    ["person", 606],
  ] as const) {
    const exchange = new Exchange();
    const alice = exchange.phone(1, { psk: new Uint8Array(32).fill(7) });
    const bob = exchange.phone(2, { refusesFor });
    alice.calls.dial(bob.uri);
    await exchange.until("the end", () => alice.call()?.state === "ended");
    const refusal = exchange.network.sent.find(({ first }) => first.startsWith(`SIP/2.0 ${status} `))!;
    assert.ok(refusal, String(status));
    assert.is(mikeyIn(refusal.text)[0].header.dataType, DataType.error);
    assert.is(alice.call()?.end?.status, status);
    assert.match(alice.call()!.end!.user, /key|verify|security/i);
  }
  // Busy is no matter of the offer, and changes of a running call concern nobody else.
  const { exchange, alice, bob } = await connected(
    { keys: { changes: "proved" } },
    { refusesFor: "person", keys: { changes: "proved" } },
  );
  const third = exchange.phone(3);
  third.calls.dial(bob.uri);
  await exchange.until("busy", () => third.call()?.state === "ended");
  assert.is(third.call()?.end?.status, 486);
  assert.is(alice.call()?.state, "active");
});

test("a flood of false updates costs no more than the budget", async () => {
  const tamper = (text: string) => (spoil ? spoiled(text) : text);
  let spoil = false;
  const { exchange, alice } = await connected({ tamper, keys: { refusedRekey: "keep" } }, {});
  spoil = true;
  const from = exchange.network.sent.length;
  for (let i = 0; i < 12; i++) {
    void said(alice.calls.rekey());
    await exchange.run(60);
  }
  const statuses = exchange.network.sent.slice(from).filter(({ first }) => /^SIP\/2.0 [45]/.test(first));
  assert.is(statuses.filter(({ first }) => /488/.test(first)).length, 5);
  assert.ok(statuses.some(({ first, text }) => /500/.test(first) && /Retry-After/.test(text)));
  assert.is(alice.call()?.state, "active");
});

test("an open call is made private on request, and says that it began in the open", async () => {
  // Bob's answer to the first offer takes the clear line: the secured one is hidden from him.
  const hide = (text: string) => (hiding ? text.replace(/RTP\/SAVP/, "RTP/XXXX") : text);
  let hiding = true;
  const show = (text: string) => (hiding ? text.replace(/RTP\/XXXX/, "RTP/SAVP") : text);
  for (const who of ["caller", "callee"]) {
    hiding = true;
    const { exchange, alice, bob } = await connected(
      { security: "preferred", tamper: hide },
      { security: "preferred", tamper: show },
    );
    assert.is(alice.call()?.security.state, "open");
    assert.is(bob.call()?.security.state, "open");
    hiding = false;
    const phone = who === "caller" ? alice : bob;
    const outcome = said(phone.calls.secure());
    await exchange.run(300);
    assert.is(await outcome, "done");
    for (const one of [alice, bob]) {
      const security = one.call()!.security;
      assert.is(security.state === "secure" && security.openBefore, true);
      assert.equal(
        stream(one).started.map((parameters) => parameters.security),
        ["clear", "srtp"],
      );
    }
    fit(alice, bob);
    assert.is(await said(alice.calls.secure()), "the call is private already");
    await Promise.all([bob.calls.rekey(), exchange.run(200)]);
    const after = alice.call()!.security;
    assert.ok(after.state === "secure" && after.openBefore && after.rekeys === 1);
  }
});

test("an open call stays open where the other phone cannot; and no private call becomes open", async () => {
  const { exchange, alice, bob } = await connected({ security: "preferred" }, { security: "off" });
  const outcome = said(alice.calls.secure());
  await exchange.run(300);
  assert.match(await outcome, /cannot take the call|wants it|private/);
  assert.is(alice.call()?.security.state, "open");
  assert.is(alice.call()?.state, "active");
  alice.calls.hold();
  await exchange.until("held", () => bob.call()?.heldByPeer === true);

  const downgrade = (text: string) =>
    lowering && /^INVITE /.test(text) ? text.replace("RTP/SAVP", "RTP/AVP").replace(/^a=key-mgmt.*\r\n/gm, "") : text;
  let lowering = false;
  const secured = await connected({ security: "preferred", tamper: downgrade }, { security: "preferred" });
  lowering = true;
  secured.alice.calls.hold();
  await secured.exchange.run(300);
  assert.is(secured.bob.call()?.security.state, "secure");
  assert.is(stream(secured.bob).started.length, 1);
  assert.ok(
    secured.exchange.network.sent.some(
      ({ text }) => /^SIP\/2.0 488/.test(text) && /this call stays secured/.test(text),
    ),
  );
});

test("a bad answer in the 2xx: ACK, then BYE with Reason and MIKEY's error; both screens say why; nothing was sent or played", async () => {
  const exchange = new Exchange();
  const tamper = (text: string) => (/^SIP\/2.0 200/.test(text) ? spoiled(text) : text);
  const [alice, bob] = [exchange.phone(1), exchange.phone(2, { tamper })];
  alice.calls.dial(bob.uri);
  await exchange.until("bob rings", () => bob.call()?.state === "ringing");
  bob.calls.answer();
  await exchange.until("the end", () => [alice, bob].every((phone) => phone.call()?.state === "ended"));
  const after = exchange.network.sent.filter((one) => one.from === 1).map(({ first }) => first.split(" ")[0]);
  assert.equal(after.slice(-2), ["ACK", "BYE"]);
  const bye = requests(exchange, "BYE")[0].text;
  assert.match(bye, /^Reason: SIP;cause=488;text="MIKEY: /m);
  assert.match(bye, /^Content-Type: application\/mikey\r$/m);
  assert.match(alice.call()!.end!.user, /shared key|signature|belong/);
  assert.is(bob.call()?.end?.code, "refused-by-peer");
  assert.match(bob.call()!.end!.user, /could not verify/);
  assert.is(stream(alice).started.length, 0);
  assert.is(stream(alice).keyed.length, 0);
});

test("a refused offer brings MIKEY's error, and the caller reads what it means", async () => {
  const exchange = new Exchange();
  const [alice, bob] = [exchange.phone(1, { psk: new Uint8Array(32).fill(7) }), exchange.phone(2)];
  alice.calls.dial(bob.uri);
  await exchange.until("the end", () => alice.call()?.state === "ended");
  const end = alice.call()!.end!;
  assert.is(end.status, 488);
  assert.match(end.text, /authentication failure/);
  assert.is(end.user, "The other phone could not verify this one: the keys or signatures do not fit.");
});

test.run();
