// The trapezoid: alice@a.test and bob@b.test register with their own Kamailio and call each other across both, whatever dies meanwhile.

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HandsetProcess, suiteFolder, writeSharedKey } from "../support/handset-process.js";
import { Started } from "../support/started.js";
import { writeTone } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";
import { type Domain, kamailioMissing, Trapezoid } from "./kamailio.js";
import { requireOrSkip } from "./tools.js";

const hz = { alice: 620, bob: 1130 } as const;
type User = keyof typeof hz;
/** How much tone each end must hear, and how long it may take on a machine that is busy. */
const HEARD_MS = 1000;
const TALK_MS = 30_000;

const missing = kamailioMissing();
if (requireOrSkip(missing ?? "kamailio", missing === undefined))
  for (const algorithm of ["MD5", "SHA-256"] as const) {
    const trapezoid = suite(`trapezoid, ${algorithm}`);
    const folder = suiteFolder("trapezoid");
    const sharedKey = join(folder, "shared.hex");
    const phones = new Started();
    let net: Trapezoid;
    let count = 0;

    trapezoid.before(async () => {
      for (const user of ["alice", "bob"] as const) writeTone(join(folder, `${user}.wav`), hz[user], 10);
      writeSharedKey(sharedKey, randomBytes(32).toString("hex"));
      net = await Trapezoid.start({ folder: join(folder, "net"), algorithm, transports: ["udp"] });
    });
    trapezoid.after(() => net?.stop());
    trapezoid.after.each(() => phones.stop());

    const domainOf = (user: User): Domain => (user === "alice" ? net.a : net.b);

    /** A handset of that user that registers at its domain over UDP. */
    function phone(
      user: User,
      security: "off" | "required",
      account: object = {},
      password = `${user}pw`,
    ): Promise<HandsetProcess> {
      const mine = join(folder, `${user}${count++}`);
      const passwordFile = `${mine}.password`;
      writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
      const peer = user === "alice" ? "sip:bob@b.test" : "sip:alice@a.test";
      const domain = domainOf(user);
      return phones.keep(
        HandsetProcess.start({
          folder: mine,
          user,
          security,
          keying: security === "off" ? undefined : { offer: "psk", sharedKeys: [{ peer, file: sharedKey }] },
          says: join(folder, `${user}.wav`),
          tap: true,
          account: {
            uri: `sip:${user}@${domain.name}`,
            register: true,
            registerExpiresS: 60,
            auth: { user, passwordFile },
            outboundProxies: [{ host: domain.address, port: 5060 }],
            ...account,
          },
        }),
      );
    }

    const registered = (handset: HandsetProcess, limitMs = 30_000): Promise<unknown> =>
      eventually(`${handset.options.user} registered`, limitMs, async () =>
        (await handset.status()).registrations.every(({ state }) => state === "registered"),
      );

    async function both(security: "off" | "required", account: object = {}) {
      const [alice, bob] = await Promise.all([phone("alice", security, account), phone("bob", security, account)]);
      await Promise.all([registered(alice), registered(bob)]);
      return { alice, bob };
    }

    /** A call that is up. */
    async function connect(caller: HandsetProcess, callee: HandsetProcess, to: string) {
      const from = callee.now;
      const id = await caller.dial(to);
      const there = (await callee.call("ringing", (call) => call.state === "ringing", { from })).id;
      await callee.ask("answer", {});
      const [here, other] = await Promise.all([caller.state(id, "active"), callee.state(there, "active")]);
      return { id, there, here, other };
    }

    /** From now on both ends hear enough of each other. */
    async function bothHear(alice: HandsetProcess, bob: HandsetProcess): Promise<void> {
      const heard = () => [alice.heard(hz.bob).toneMs, bob.heard(hz.alice).toneMs];
      const before = heard();
      await eventually("both hear each other", TALK_MS, () => heard().every((ms, i) => ms > before[i] + HEARD_MS));
    }

    for (const security of ["off", "required"] as const)
      trapezoid(`${security === "off" ? "a plain" : "a MIKEY-secured"} call each way across both proxies`, async () => {
        const { alice, bob } = await both(security);
        for (const [caller, callee, to] of [
          [alice, bob, "sip:bob@b.test"],
          [bob, alice, "sip:alice@a.test"],
        ] as const) {
          const { id, there, here, other } = await connect(caller, callee, to);
          const wanted = security === "off" ? "open" : "secure";
          assert.is(here.security.state, wanted);
          assert.is(other.security.state, wanted);
          await bothHear(alice, bob);
          await callee.ask("hangup", {});
          await Promise.all([caller.ended(id), callee.ended(there)]);
        }
        const asked = alice.sip().find(({ text }) => /^WWW-Authenticate:/m.test(text))?.text ?? "";
        assert.match(asked, new RegExp(`algorithm=${algorithm}\\b`));
        assert.ok(net.a.log.includes("INVITE") && net.b.log.includes("INVITE"), "both proxies were on the way");
      });

    trapezoid("GRUUs as contacts: calls end from either side", async () => {
      const { alice, bob } = await both("off", { gruu: true });
      assert.match((await bob.status()).registrations[0].publicGruu ?? "", /^sip:bob@b\.test;gr=/);
      for (const first of [true, false]) {
        const { id, there } = await connect(alice, bob, "sip:bob@b.test");
        await (first ? alice : bob).ask("hangup", {});
        await Promise.all([alice.ended(id), bob.ended(there)]);
      }
      assert.ok(alice.sip().some(({ text }) => /^ACK sip:bob@b\.test;gr=/.test(text)));
    });

    trapezoid("a wrong password: `sotto status` says so, and the phone does not hammer the registrar", async () => {
      const alice = await phone("alice", "off", {}, "wrong");
      await eventually("the failure", 20_000, async () => (await alice.status()).registrations[0].failure);
      const [{ state, failure }] = (await alice.status()).registrations;
      assert.is(state, "waiting");
      assert.is(failure?.status, 401);
      assert.match(failure?.text ?? "", /user name or password/);
      const sent = alice.sip().filter(({ text }) => text.startsWith("REGISTER")).length;
      assert.is(sent, 2);
      assert.not.match(JSON.stringify(alice.sip()) + alice.log, /wrong\\n|"wrong"/);
    });

    trapezoid("a Kamailio killed and started again while a phone registers, and in a call: both recover", async () => {
      await net.a.kill();
      const alice = await phone("alice", "required");
      const bob = await phone("bob", "required");
      await registered(bob);
      await pause(700);
      await net.a.start();
      await registered(alice);
      const { id, there } = await connect(bob, alice, "sip:alice@a.test");
      await net.a.kill();
      await bothHear(alice, bob);
      await net.a.start();
      await bob.ask("hangup", {});
      await Promise.all([bob.ended(id), alice.ended(there)]);
      // The new Kamailio knows nobody: the next refresh makes alice reachable again.
      const mark = net.a.log.length;
      await eventually("a refresh", 60_000, () => net.a.log.slice(mark).includes("REQUEST REGISTER"));
      await registered(alice);
      const again = await connect(bob, alice, "sip:alice@a.test");
      await bob.ask("hangup", {});
      await alice.ended(again.there);
    });

    trapezoid("switched off: the registrar forgets the phone, calls get its answer", async () => {
      const { alice, bob } = await both("off");
      await bob.stop();
      const id = await alice.dial("sip:bob@b.test");
      const end = (await alice.ended(id)).end;
      assert.ok([404, 480].includes(end?.status ?? 0), JSON.stringify(end));
    });

    trapezoid.run();
  }
