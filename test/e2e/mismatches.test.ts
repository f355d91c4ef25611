// The table of mismatches: two phones that do not fit, the SIP answer, and the words that people read at both ends.

import { randomBytes, randomInt } from "node:crypto";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createMikeyKeying, type KeyingAttributes, type KeyingSession } from "../../firmware/keying/index.js";
import { systemClock } from "../../firmware/runtime/index.js";
import { parse } from "../../firmware/sdp/index.js";
import { HandsetProcess, suiteFolder, writeSharedKey } from "../support/handset-process.js";
import { TestAuthority, validNow } from "../support/identities.js";
import { offerText, ScriptedPhone } from "../support/scripted-phone.js";
import { pause } from "../support/wait.js";

const folder = suiteFolder("mismatches");
const [good, rogue] = await Promise.all([
  TestAuthority.create(folder, "good-ca"),
  TestAuthority.create(folder, "rogue-ca"),
]);
const bobUri = "sip:bob@127.0.0.1";
const malloryUri = "sip:mallory@127.0.0.1";
const psk = randomBytes(32);
const key = writeSharedKey(join(folder, "right.hex"), psk.toString("hex"));
const otherKey = writeSharedKey(join(folder, "wrong.hex"), randomBytes(32).toString("hex"));
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

let alice: HandsetProcess;
let bob: HandsetProcess;
let mallory: ScriptedPhone;

/** Accounts of the calling handset, each wrong in its own way. */
const callers = {
  "wrong-key": { security: "required", keying: async () => shared(otherKey) },
  "other-ca": {
    security: "required",
    keying: async () => ({
      ...(await rogue.keyingFor("sip:other-ca@127.0.0.1")),
      trustAnchors: [good.file, rogue.file],
    }),
  },
  "old-method": { security: "required", keying: async () => shared(key, "psk") },
  "several-old": { security: "preferred", keying: async () => shared(key, ["dhhmac", "psk"]) },
  open: { security: "off", keying: async () => undefined },
  private: { security: "required", keying: async () => shared(key) },
  either: { security: "preferred", keying: async () => shared(key) },
} as const;
type Caller = keyof typeof callers;
const shared = (file: string, offer: string | string[] = "psk") => ({
  offer,
  sharedKeys: ["bob", "modern", "plain"].map((user) => ({ peer: `sip:${user}@127.0.0.1`, file })),
});

const table = suite("mismatches");

table.before(async () => {
  const users = Object.keys(callers) as Caller[];
  const accounts = await Promise.all(
    users.map(async (user) => ({
      uri: `sip:${user}@127.0.0.1`,
      security: callers[user].security,
      keying: await callers[user].keying(),
    })),
  );
  const forBob = await good.keyingFor(bobUri);
  const sharedKeys = [...users.map((user) => `sip:${user}@127.0.0.1`), malloryUri].map((peer) => ({ peer, file: key }));
  const start = (user: string, more: Record<string, unknown>) =>
    HandsetProcess.start({
      ...{
        folder: join(folder, user),
        user,
        security: "required",
        maxCalls: 4,
        offerBudget: { burst: 1000 },
        tap: true,
      },
      more,
    });
  [alice, bob, mallory] = await Promise.all([
    start("alice", { accounts }),
    start("bob", {
      accounts: [
        { uri: bobUri, security: "required", keying: { ...forBob, sharedKeys } },
        // Takes signed Diffie-Hellman alone.
        {
          uri: "sip:modern@127.0.0.1",
          security: "required",
          keying: { ...(await good.keyingFor("sip:modern@127.0.0.1")), accepts: ["dh"], sharedKeys },
        },
        { uri: "sip:plain@127.0.0.1", security: "off" },
      ],
    }),
    ScriptedPhone.open("mallory"),
  ]);
});
table.after(async () => {
  await Promise.all([alice?.stop(), bob?.stop(), mallory?.stop()]);
});

/** What the called phone says of the call it refused. */
async function calledReads(from: number, code: string): Promise<string> {
  const event = await bob.refused(from);
  assert.is(event.code, code);
  const { end } = await bob.call("its end", (call) => call.state === "ended", { from });
  assert.is(end?.code, code);
  const rang = bob.events.entries.slice(from).some((one) => one.type === "call" && one.call.state === "ringing");
  assert.not.ok(rang, "a call that is refused never rings");
  return end!.user;
}

// Caller, called account, SIP status, the called phone's word for it; what each screen says.
const rows: [string, Caller, string, number, string, RegExp, RegExp][] = [
  [
    "a wrong shared key",
    ...(["wrong-key", "bob", 488, "wrong-psk"] as const),
    /^The other phone could not verify this one: the keys or signatures do not fit\.$/,
    /^The two phones do not have the same shared key\.$/,
  ],
  [
    "a certificate from another authority",
    ...(["other-ca", "bob", 488, "unknown-ca"] as const),
    /^The other phone does not accept this phone's certificate\.$/,
    /^The other phone's certificate comes from an authority this phone does not trust\.$/,
  ],
  [
    "a method the other phone does not take",
    ...(["old-method", "modern", 488, "unsupported-method"] as const),
    /^The other phone has no keys for the way this one secures calls\.$/,
    /^The two phones have no security settings in common\.$/,
  ],
  [
    "several methods, none of which it takes: no fall-back to an open call",
    ...(["several-old", "modern", 488, "unsupported-method"] as const),
    /^The other phone has no keys for the way this one secures calls\.$/,
    /^The two phones have no security settings in common\.$/,
  ],
  [
    "open calls private",
    ...(["open", "bob", 488, "not-secured"] as const),
    /secured call required: offer RTP\/SAVP/,
    /^The caller's phone could not make the call private the way this one wants it$/,
  ],
  [
    "private calls open",
    ...(["private", "plain", 488, "no-clear-line"] as const),
    /only RTP\/AVP is accepted here/,
    /^The caller's phone could not make the call private the way this one wants it$/,
  ],
];
for (const [name, caller, called, status, code, callerReads, bobReads] of rows)
  table(name, async () => {
    const from = bob.now;
    const fromHere = alice.now;
    const { id } = await alice.ask("dial", {
      uri: `sip:${called}@127.0.0.1:${bob.sipPort}`,
      account: `sip:${caller}@127.0.0.1`,
    });
    const { end } = await alice.call("the end", (call) => call.id === id && call.state === "ended", { from: fromHere });
    assert.is(end?.status, status);
    assert.match(end!.user, callerReads);
    assert.match(await calledReads(from, code), bobReads);
  });

table(
  "a phone that would rather be private calls an open one: open for the whole of the call, and both screens say so",
  async () => {
    const from = bob.now;
    const { id } = await alice.ask("dial", {
      uri: `sip:plain@127.0.0.1:${bob.sipPort}`,
      account: "sip:either@127.0.0.1",
    });
    const there = (await bob.call("ringing", (call) => call.state === "ringing", { from })).id;
    await bob.ask("answer", { id: there });
    const calls = await Promise.all([alice.state(id, "active"), bob.state(there, "active")]);
    for (const { security } of calls) assert.is(security.state, "open");
    const asked = await alice.ask("secure", { id }).then(
      () => "secured",
      (error: Error) => error.message,
    );
    assert.match(asked, /this call stays as it is|cannot take the call/);
    const display = (phone: HandsetProcess) =>
      phone.events.entries
        .filter((one) => one.type === "device" && one.device === "display")
        .map((one) => JSON.stringify(one));
    for (const phone of [alice, bob]) assert.match(display(phone).join(), /NOT PRIVATE/);
    await alice.ask("hangup", { id });
    const ended = await Promise.all([alice.ended(id), bob.ended(there)]);
    for (const { security } of ended) assert.is(security.state, "open");
  },
);

/** An offer of mallory's; what is wrong with it comes in `options` or is done to it afterwards. */
async function offered(options: Partial<Parameters<typeof createMikeyKeying>[0]> = {}, localUri = malloryUri) {
  const session = createMikeyKeying({
    ...{ offer: "psk", psk: { key: new Uint8Array(psk), name: "mallory" }, clock: systemClock, random, ...options },
  }).open("offerer", { localUri, peerUri: bobUri, ssrc: randomInt(1, 2 ** 31) }, { keys: () => {} });
  const made = await session.offer();
  if (!made.ok) throw new Error(made.error.text);
  return { session, lines: made.value.session.map(({ value }) => `a=key-mgmt:${value}`) };
}
const sdp = (lines: readonly string[]) => offerText({ port: 40_000, profile: "RTP/SAVP", session: [...lines] });
const identityOf = (issued: { chainPem: string; privateKeyPem: string }) => ({
  offer: "dh" as const,
  psk: undefined,
  identity: { certificateChainPem: issued.chainPem, privateKeyPem: issued.privateKeyPem },
  trustAnchorsPem: good.identity.certificatePem,
});

/** Sends an offer; bob refuses it. @returns what the caller's screen would say, where MIKEY told it. */
async function refusedWith(
  lines: readonly string[],
  code: string,
  words: RegExp,
  session?: KeyingSession,
): Promise<string | undefined> {
  const from = bob.now;
  const { failure, warning, body } = await mallory.failure(mallory.call(bob.uri, sdp(lines)));
  assert.is(failure.status, 488);
  assert.match(warning, /^(399|306) 127\.0\.0\.1 ".+"$/);
  assert.match(await calledReads(from, code), words);
  const answer = body ? parse(body) : undefined;
  if (!session || !answer?.ok) return undefined;
  const said: KeyingAttributes = { session: answer.value.attributes, media: [] };
  return (await session.explain!(said))?.user;
}

table("an expired certificate, and one for another address", async () => {
  const short = { notBeforeMs: validNow.notBeforeMs, notAfterMs: Date.now() + 4000 };
  const late = await offered(identityOf(await good.issue(malloryUri, short)));
  const eve = await offered(identityOf(await good.issue("sip:eve@127.0.0.1")), "sip:eve@127.0.0.1");
  const named = await refusedWith(
    eve.lines,
    "identity-mismatch",
    /proved to be somebody else than expected/,
    eve.session,
  );
  assert.is(named, "The other phone knows this one by another name than it called itself.");
  await pause(Math.max(0, short.notAfterMs + 1100 - Date.now()));
  const told = await refusedWith(late.lines, "certificate-expired", /certificate has expired/, late.session);
  assert.is(told, "The other phone does not accept this phone's certificate.");
});

table("a clock that is off", async () => {
  const clock = { now: () => systemClock.now(), wallMs: () => systemClock.wallMs() + 3_600_000 };
  const { lines, session } = await offered({ clock });
  const told = await refusedWith(lines, "clock-skew", /clocks of the two phones differ too much/, session);
  assert.is(told, "The clocks of the two phones differ too much. Check date and time.");
});

table("an offer sent again", async () => {
  const { lines, session } = await offered();
  const from = bob.now;
  const first = mallory.call(bob.uri, sdp(lines));
  await first.steps.until("180", (one) => one.step === "provisional" && one.status === 180);
  first.invite.cancel();
  await first.steps.until("487", (one) => one.step === "failed" && one.failure.status === 487);
  await bob.call("the missed call", (call) => call.state === "ended", { from });
  // Whoever sends it again is told nothing but that.
  assert.is(await refusedWith(lines, "replayed", /An old call request was sent again by someone/, session), undefined);
});

table("the key agreement stripped; and of several offers one stripped, two swapped, the best spoiled", async () => {
  await refusedWith([], "missing-key-mgmt", /could not make the call private/);
  const several = { offer: ["dhhmac", "psk"] as const };
  const weakened = /Someone on the way tried to weaken the call's security/;
  const one = await offered(several);
  await refusedWith(one.lines.slice(1), "bidding-down", weakened, one.session);
  const two = await offered(several);
  await refusedWith([...two.lines].reverse(), "bidding-down", weakened, two.session);
  const three = await offered(several);
  const spoiled = three.lines[0].replace(/(\S)(\S{8})$/, (_, at, tail) => `${at === "A" ? "B" : "A"}${tail}`);
  await refusedWith([spoiled, three.lines[1]], "wrong-psk", /same shared key/, three.session);
  // As they were made they ring.
  const four = await offered(several);
  const call = mallory.call(bob.uri, sdp(four.lines));
  await call.steps.until("180", (step) => step.step === "provisional" && step.status === 180);
  call.invite.cancel();
  await call.steps.until("487", (step) => step.step === "failed" && step.failure.status === 487);
});

table("nothing clear was ever offered, answered or sent in any of the private ones", async () => {
  const clear = alice
    .sip()
    .filter(
      ({ direction, text }) =>
        direction === "sent" &&
        /^INVITE /.test(text) &&
        /^(?:From|f):.*(?:wrong-key|other-ca|old-method|private)@/m.test(text),
    );
  assert.ok(clear.length >= 4);
  for (const { text } of clear) assert.not.match(text, /m=audio [1-9]\d* RTP\/AVP /);
});

table.run();
