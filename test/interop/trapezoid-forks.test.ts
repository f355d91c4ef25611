// Two telephones of one person behind Kamailio, one of which does not know the caller: a call rings both, whatever it leaves out.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { TestAuthority } from "../support/identities.js";
import { Started } from "../support/started.js";
import { eventually } from "../support/wait.js";
import { kamailioMissing, Trapezoid } from "./kamailio.js";
import { requireOrSkip } from "./tools.js";

const forks = suite("forks of a call that names certificates");
const missing = kamailioMissing();
if (requireOrSkip(missing ?? "kamailio", missing === undefined)) {
  const folder = suiteFolder("forks");
  const phones = new Started();
  let net: Trapezoid;
  let authority: TestAuthority;

  forks.before(async () => {
    net = await Trapezoid.start({ folder: join(folder, "net"), transports: ["udp"] });
    authority = await TestAuthority.create(folder, "forks");
  });
  forks.after(() => net?.stop());
  forks.after.each(() => phones.stop());

  /** A handset that signs, registered at its domain over UDP. */
  async function phone(name: string, user: "alice" | "bob"): Promise<HandsetProcess> {
    const domain = user === "alice" ? net.a : net.b;
    const uri = `sip:${user}@${domain.name}`;
    const passwordFile = join(folder, `${name}.password`);
    writeFileSync(passwordFile, `${user}pw\n`, { mode: 0o600 });
    const handset = await phones.keep(
      HandsetProcess.start({
        folder: join(folder, name),
        user,
        security: "required",
        keying: await authority.keyingFor(uri),
        tap: true,
        account: {
          ...{ uri, register: true, registerExpiresS: 60, auth: { user, passwordFile } },
          outboundProxies: [{ host: domain.address, port: 5060 }],
        },
      }),
    );
    await eventually(`${name} registered`, 30_000, async () =>
      (await handset.status()).registrations.every(({ state }) => state === "registered"),
    );
    return handset;
  }

  /** Sizes of the INVITEs that Alice has sent. */
  const invites = (alice: HandsetProcess): number[] =>
    alice
      .sip()
      .filter(({ text }) => text.startsWith("INVITE "))
      .map(({ text }) => text.length);

  forks("the phone that has never heard of the caller asks, and both ring; either can take the call", async () => {
    const [alice, first] = await Promise.all([phone("alice", "alice"), phone("first", "bob")]);
    const all = [first];
    const call = async (taker: HandsetProcess): Promise<void> => {
      const from = all.map((one) => one.now);
      const id = await alice.dial("sip:bob@b.test");
      const ringing = await Promise.all(
        all.map((one, i) => one.call("ringing", ({ state }) => state === "ringing", { from: from[i] })),
      );
      await taker.ask("answer", {});
      const { security } = await alice.state(id, "active");
      assert.is(security.state === "secure" && security.peer.identity, "sip:bob@b.test");
      await alice.ask("hangup", {});
      await Promise.all([alice.ended(id), ...all.map((one, i) => one.ended(ringing[i].id))]);
    };
    await call(first);
    const full = Math.max(...invites(alice));
    const second = await phone("second", "bob");
    all.push(second);
    const before = invites(alice).length;
    await call(second);
    const [shorter] = invites(alice).slice(before);
    assert.ok(shorter < full - 500, `${shorter} after ${full}`);
    assert.ok(second.sip().some(({ text }) => /^OPTIONS [\s\S]*^Accept: application\/pkix-pkipath/m.test(text)));
    assert.match(second.log, /caller-asked/);
    // It knows Alice now, and she it: nobody asks any more.
    const asked = second.sip().filter(({ text }) => text.startsWith("OPTIONS")).length;
    await call(first);
    await call(second);
    assert.is(second.sip().filter(({ text }) => text.startsWith("OPTIONS")).length, asked);
    assert.not.match(first.log, /caller-asked/);
  });
}
forks.run();
