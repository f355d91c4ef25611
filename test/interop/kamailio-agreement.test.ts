// A whole handset and a Kamailio that wants an agreement on security (RFC 3329): asked in clear, registered and called over TLS.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { Started } from "../support/started.js";
import { eventually } from "../support/wait.js";
import { kamailioMissing, Trapezoid } from "./kamailio.js";
import { requireOrSkip } from "./tools.js";

const missing = kamailioMissing();
const agreement = suite("security agreement");

if (requireOrSkip(missing ?? "kamailio", missing === undefined)) {
  const folder = suiteFolder("agree");
  const phones = new Started();
  let net: Trapezoid;

  agreement.before(async () => {
    net = await Trapezoid.start({ folder: join(folder, "net"), agreement: true });
  });
  agreement.after(() => net?.stop());
  agreement.after.each(() => phones.stop());

  function phone(
    user: "alice" | "bob",
    name: string,
    more: object,
    transports = ["udp", "tcp", "tls"],
  ): Promise<HandsetProcess> {
    const mine = join(folder, name);
    mkdirSync(mine);
    const passwordFile = `${mine}.password`;
    writeFileSync(passwordFile, `${user}pw\n`, { mode: 0o600 });
    const domain = user === "alice" ? "a.test" : "b.test";
    return phones.keep(
      HandsetProcess.start({
        folder: mine,
        user,
        security: "off",
        tap: true,
        sip: {
          transports,
          tls: { trustAnchors: [net.authorityFile] },
          resolver: { servers: [net.dns] },
        },
        account: {
          uri: `sip:${user}@${domain}`,
          register: true,
          auth: { user, passwordFile },
          outboundProxies: [{ host: domain, transport: "udp" }],
          ...more,
        },
      }),
    );
  }

  const settled = (one: HandsetProcess): Promise<unknown> =>
    eventually(`${one.options.user} has an outcome`, 20_000, async () => {
      const [{ state }] = (await one.status()).registrations;
      return state === "registered" || state === "waiting";
    });

  agreement("TLS is agreed on: no password in clear, calls go over TLS too, `sotto status` says so", async () => {
    const alice = await phone("alice", "alice", { securityAgreement: "required" });
    const bob = await phone("bob", "bob", { securityAgreement: "required" });
    await Promise.all([settled(alice), settled(bob)]);
    for (const one of [alice, bob]) {
      const [registration] = (await one.status()).registrations;
      assert.is(registration.state, "registered", JSON.stringify(registration.failure));
      assert.is(registration.agreement, "tls");
      assert.match(registration.flow ?? "", /^tls .*:5061/);
    }
    const from = bob.now;
    const id = await alice.dial("sip:bob@b.test");
    const there = (await bob.call("ringing", (call) => call.state === "ringing", { from })).id;
    await bob.ask("answer", {});
    await Promise.all([alice.state(id, "active"), bob.state(there, "active")]);
    await alice.ask("hangup", {});
    await bob.ended(there);
    const sent = alice.sip().filter(({ direction }) => direction === "sent");
    const clear = sent.filter(({ transport }) => transport !== "tls");
    assert.is(clear.length, 1, "one question in clear");
    assert.match(clear[0].text, /^REGISTER [\s\S]*^Security-Client: tls, digest\r$/m);
    assert.not.match(clear[0].text, /^(?:Proxy-)?Authorization:/m);
    assert.match(net.a.log, /AGREED REGISTER tls/);
    assert.match(net.a.log, /AGREED INVITE tls/);
    for (const { text } of sent.filter((each) => /^(?:ACK|CANCEL) /.test(each.text)))
      assert.not.match(text, /Security-|sec-agree/);
  });

  agreement("where TLS cannot be had nothing is agreed on, and the phone says so", async () => {
    const alice = await phone("alice", "clear", { securityAgreement: "required" }, ["udp"]);
    await settled(alice);
    const [{ state, failure }] = (await alice.status()).registrations;
    assert.is(state, "waiting");
    assert.is(failure?.status, 494);
    assert.is(failure?.text, "The server and this phone could not agree on a secure way to talk");
    assert.not.match(JSON.stringify(alice.sip()), /Authorization:/);
  });
}

agreement.run();
