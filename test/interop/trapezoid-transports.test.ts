// The trapezoid over UDP, TCP and TLS: the proxies are found by NAPTR and SRV, calls go across both domains, plain and MIKEY-secured.

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { issueIdentity } from "../../firmware/crypto/issue.js";
import { HandsetProcess, suiteFolder, writeSharedKey } from "../support/handset-process.js";
import { validNow } from "../support/identities.js";
import { keyingMethodNames, keyingMethods, personFiles } from "../support/methods.js";
import { Started } from "../support/started.js";
import { writeTone } from "../support/tones.js";
import { eventually } from "../support/wait.js";
import { kamailioMissing, Trapezoid } from "./kamailio.js";
import { requireOrSkip } from "./tools.js";

const missing = kamailioMissing();
const tones = { alice: 700, bob: 1000 } as const;
type User = keyof typeof tones;
/** The transport over which every method is tried; the methods do not know what carries them. */
const methodsOver = "tcp";

if (requireOrSkip(missing ?? "kamailio", missing === undefined))
  for (const transport of ["udp", "tcp", "tls"] as const) {
    const trapezoid = suite(`trapezoid over ${transport}`);
    const folder = suiteFolder(`trapezoid-${transport}`);
    const phones = new Started();
    const sharedKey = join(folder, "key.hex");
    let net: Trapezoid;
    let count = 0;

    trapezoid.before(async () => {
      for (const user of ["alice", "bob"] as const) writeTone(join(folder, `${user}.wav`), tones[user], 5);
      writeSharedKey(sharedKey, randomBytes(32).toString("hex"));
      net = await Trapezoid.start({ folder: join(folder, "net"), transports: [transport] });
    });
    trapezoid.after(() => net?.stop());
    trapezoid.after.each(() => phones.stop());

    /** With a certificate of its own the phone takes connections over TLS as well. */
    async function phone(
      user: User,
      security: "off" | "required",
      more: Readonly<Record<string, unknown>> = {},
    ): Promise<HandsetProcess> {
      const mine = join(folder, `${user}${count++}`);
      const passwordFile = `${mine}.password`;
      writeFileSync(passwordFile, `${user}pw\n`, { mode: 0o600 });
      const peer = user === "alice" ? "sip:bob@b.test" : "sip:alice@a.test";
      const domain = user === "alice" ? "a.test" : "b.test";
      const issued = await issueIdentity(net.authority, { uri: `sip:${user}@${domain}`, ...validNow });
      const [certificate, privateKey] = [`${mine}.crt`, `${mine}.key`];
      writeFileSync(certificate, issued.chainPem);
      writeFileSync(privateKey, issued.privateKeyPem, { mode: 0o600 });
      return phones.keep(
        HandsetProcess.start({
          folder: mine,
          user,
          security,
          keying: security === "off" ? undefined : { offer: "psk", sharedKeys: [{ peer, file: sharedKey }], ...more },
          says: join(folder, `${user}.wav`),
          tap: true,
          sip: {
            transports: ["udp", "tcp", "tls"],
            tls: { certificate, privateKey, trustAnchors: [net.authorityFile] },
            resolver: { servers: [net.dns] },
          },
          // No address, no port, no transport: all of it is the domain's to say.
          account: {
            uri: `sip:${user}@${domain}`,
            register: true,
            registerExpiresS: 60,
            auth: { user, passwordFile },
            outboundProxies: [{ host: domain }],
          },
        }),
      );
    }

    const registered = (one: HandsetProcess): Promise<unknown> =>
      eventually(`${one.options.user} registered`, 20_000, async () =>
        (await one.status()).registrations.every(({ state }) => state === "registered"),
      );

    for (const security of ["off", "required"] as const)
      trapezoid(
        `${security === "off" ? "a plain" : "a MIKEY-secured"} call each way, hung up from each side`,
        async () => {
          const [alice, bob] = await Promise.all([phone("alice", security), phone("bob", security)]);
          for (const one of [alice, bob]) await registered(one);
          for (const [caller, callee, uri] of [
            [alice, bob, "sip:bob@b.test"],
            [bob, alice, "sip:alice@a.test"],
          ] as const) {
            const heard = (): number[] => [
              caller.heard(tones[callee.options.user as User]).toneMs,
              callee.heard(tones[caller.options.user as User]).toneMs,
            ];
            const before = heard();
            const from = callee.now;
            const here = await caller.dial(uri);
            const there = (await callee.call("ringing", (call) => call.state === "ringing", { from })).id;
            await callee.ask("answer", {});
            const [a, b] = await Promise.all([caller.state(here, "active"), callee.state(there, "active")]);
            for (const call of [a, b]) assert.is(call.security.state, security === "off" ? "open" : "secure");
            await eventually("both hear each other", 20_000, () => heard().every((ms, i) => ms > before[i] + 500));
            await callee.ask("hangup", {});
            assert.is((await caller.ended(here)).end?.by, "peer");
            await callee.ended(there);
          }
          for (const one of [alice, bob]) {
            const ways = new Set(one.sip().map((message) => (message as unknown as { transport: string }).transport));
            // Over UDP a MIKEY offer with credentials is too large for one datagram's worth (RFC 3261 section 18.1.1).
            if (transport === "udp") assert.ok(ways.has("udp") && !ways.has("tls"), [...ways].join(" "));
            else assert.equal([...ways], [transport]);
          }
          for (const domain of [net.a, net.b]) {
            assert.match(domain.log, new RegExp(`REGISTER .*/${transport}`));
            assert.match(domain.log, new RegExp(`INVITE .*/${transport}`));
          }
          assert.match(net.dnsLog, /query\[NAPTR\] a\.test/);
          assert.match(net.dnsLog, /query\[SRV\] _sips?\._(udp|tcp)\.a\.test/);
        },
      );

    if (transport === methodsOver)
      trapezoid(
        "every method of key agreement across both domains, keys changed by UPDATE and by re-INVITE",
        async () => {
          const people = { alice: "sip:alice@a.test", bob: "sip:bob@b.test" } as const;
          const authority = { identity: net.authority, file: net.authorityFile };
          const [mine, theirs] = await Promise.all([
            personFiles(folder, authority, people.alice, "rsa-r"),
            personFiles(folder, authority, people.bob, "rsa-r"),
          ]);
          // One pair of phones: what alice offers is set for one call after the other, bob takes whatever comes.
          const bob = await phone("bob", "required", { ...theirs, rekeyBy: "update" });
          await registered(bob);
          for (const method of keyingMethodNames.filter((one) => one !== "psk")) {
            const { label: _label, ...offer } = keyingMethods[method];
            const signed = method === "dhhmac" ? {} : { ...mine, peerCertificates: [theirs!.certificate] };
            const alice = await phone("alice", "required", { ...signed, ...offer });
            await registered(alice);
            const from = bob.now;
            const before = bob.heard(tones.alice).toneMs;
            const here = await alice.dial(people.bob);
            const there = (await bob.call("ringing", (call) => call.state === "ringing", { from })).id;
            await bob.ask("answer", {});
            const calls = await Promise.all([alice.state(here, "active"), bob.state(there, "active")]);
            for (const { security } of calls)
              assert.match(
                security.state === "secure" ? security.peer.method : security.state,
                keyingMethods[method].label,
              );
            await alice.ask("rekey", {});
            await bob.ask("rekey", {});
            await eventually(
              "both hear each other",
              20_000,
              () => alice.heard(tones.bob).toneMs > 300 && bob.heard(tones.alice).toneMs > before + 300,
            );
            for (const one of [alice, bob]) {
              const voice = await eventually("two changes of keys", 20_000, async () => {
                const [call] = (await one.status()).calls;
                return call.security.state === "secure" && call.security.rekeys === 2 && call.voice;
              });
              assert.is((voice as { packetsLost: number }).packetsLost, 0);
            }
            await alice.ask("hangup", {});
            await Promise.all([alice.ended(here), bob.ended(there)]);
            await alice.stop();
          }
        },
      );

    trapezoid.run();
  }
