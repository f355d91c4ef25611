// Registrations at a Kamailio that works with flows (RFC 5626): keep-alives it answers, flows that break, what `sotto status` says meanwhile.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAuthority, issueIdentity } from "../../firmware/crypto/issue.js";
import type { RegistrationStatus } from "../../firmware/sip/index.js";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { validNow } from "../support/identities.js";
import { Started } from "../support/started.js";
import { eventually, pause } from "../support/wait.js";
import { kamailioMissing, Trapezoid } from "./kamailio.js";
import { requireOrSkip } from "./tools.js";

const missing = kamailioMissing();
const flows = suite("flows at Kamailio");
type Transport = "udp" | "tcp" | "tls";

if (requireOrSkip(missing ?? "kamailio", missing === undefined)) {
  const folder = suiteFolder("flows");
  const phones = new Started();
  const bobs = new Started();
  let net: Trapezoid;
  let recovery: Promise<void>;
  let count = 0;

  flows.before(async () => {
    net = await Trapezoid.start({ folder: join(folder, "net"), algorithm: "SHA-256", outbound: true });
  });
  flows.after(() => net?.stop());
  flows.before(() => {
    // Takes half a minute for the RFC's sake; the other tests run meanwhile.
    recovery = recover();
    recovery.catch(() => {});
  });
  flows.after.each(() => phones.stop());

  interface PhoneOptions {
    readonly user?: "alice" | "bob";
    readonly tls?: object;
    readonly account?: object;
    readonly ha1?: string;
    /** A further account. */
    readonly second?: object;
  }

  /** alice's phone, at a.test over that transport (or bob's, at b.test). */
  function phone(transport: Transport, options: PhoneOptions = {}): Promise<HandsetProcess> {
    const { user = "alice" } = options;
    const domain = user === "alice" ? "a.test" : "b.test";
    const mine = join(folder, `${transport}${count++}`);
    mkdirSync(mine, { recursive: true });
    const passwordFile = `${mine}.password`;
    writeFileSync(passwordFile, options.ha1 ?? `${user}pw\n`, { mode: 0o600 });
    const account = {
      uri: `sip:${user}@${domain}`,
      security: "off",
      register: true,
      registerExpiresS: 600,
      auth: { user, ...(options.ha1 === undefined ? { passwordFile } : { ha1File: passwordFile }) },
      outboundProxies: [{ host: domain, transport }],
      ...options.account,
    };
    const accounts = options.second ? { accounts: [account, options.second] } : {};
    return (user === "alice" ? phones : bobs).keep(
      HandsetProcess.start({
        folder: mine,
        user,
        security: "off",
        tap: true,
        sip: {
          transports: ["udp", "tcp", "tls"],
          tls: options.tls ?? { trustAnchors: [net.authorityFile] },
          resolver: { servers: [net.dns] },
        },
        account,
        more: { log: { level: "debug", file: join(mine, `${user}.log`) }, ...accounts },
      }),
    );
  }

  /** b.test is killed under two registered phones and started again. */
  async function recover(): Promise<void> {
    const pair = await Promise.all([phone("tcp", { user: "bob" }), phone("tls", { user: "bob" })]);
    await Promise.all(pair.map((one) => registered(one)));
    await pause(300);
    await net.b.kill();
    for (const one of pair) {
      await until(one, "the loss", ({ state }) => state === "waiting");
      const { failure, retryAtMs, flow } = await registration(one);
      assert.match(failure?.text ?? "", /The server cannot be reached/);
      assert.is(flow, undefined);
      const wait = retryAtMs! - failure!.atMs;
      assert.ok(wait >= 14_000 && wait <= 30_000, `RFC 5626 4.5: ${wait} ms`);
    }
    await net.b.start();
    await Promise.all(pair.map((one) => registered(one, 60_000)));
    assert.match(
      (await registration(pair[0])).failure?.text ?? "",
      /cannot be reached/,
      "the last failure stays to be seen",
    );
  }

  const registration = async (handset: HandsetProcess): Promise<RegistrationStatus> =>
    (await handset.status()).registrations[0];

  const until = (
    handset: HandsetProcess,
    what: string,
    fits: (status: RegistrationStatus) => boolean,
    limitMs = 30_000,
  ) => eventually(what, limitMs, async () => fits(await registration(handset)));

  const registered = (handset: HandsetProcess, limitMs?: number): Promise<unknown> =>
    until(handset, "registered", ({ state }) => state === "registered", limitMs);

  const registers = (handset: HandsetProcess): number =>
    handset.sip().filter(({ direction, text }) => direction === "sent" && text.startsWith("REGISTER")).length;

  flows(
    "outbound agreed on over UDP, TCP and TLS, and Kamailio answers the keep-alives every few seconds",
    async () => {
      const kept = async (transport: Transport): Promise<void> => {
        const alice = await phone(transport);
        await registered(alice);
        const status = await registration(alice);
        assert.is(status.outbound, true);
        const port = transport === "tls" ? 5061 : 5060;
        const way = transport === "udp" ? "STUN" : "pings";
        assert.is(status.flow, `${transport} ${net.a.address}:${port}, kept by ${way}`);
        assert.match(alice.sip().find(({ text }) => text.startsWith("SIP/2.0 200"))!.text, /^Flow-Timer: 5\r$/m);
        const sent = registers(alice);
        if (transport === "udp")
          await eventually(
            "answers to STUN",
            20_000,
            async () => ((await alice.status()).counters["keep-alive"] ?? 0) >= 3,
          );
        // Longer than an interval and the 10 s a pong may take.
        else await pause(16_000);
        assert.is((await registration(alice)).failure, undefined);
        assert.is(registers(alice), sent, "nothing had to be made again");
      };
      await Promise.all([kept("udp"), kept("tcp"), kept("tls")]);
    },
  );

  flows(
    "an authority nobody trusts: the phone says whom it does not trust and why, and says nothing to the server",
    async () => {
      const other = await createAuthority({ commonName: "Other CA", ...validNow });
      const file = join(folder, "other.crt");
      writeFileSync(file, other.certificatePem);
      const mark = net.a.log.length;
      const alice = await phone("tls", { tls: { trustAnchors: [file] } });
      await until(alice, "the failure", ({ failure }) => failure !== undefined);
      const { state, failure } = await registration(alice);
      assert.is(state, "waiting");
      assert.match(
        failure!.text,
        /a\.test cannot be trusted: its certificate is from an authority this phone does not trust/,
      );
      assert.not.match(net.a.log.slice(mark), /REGISTER/);
      assert.is(registers(alice), 0);
    },
  );

  flows("a host that the configuration names is not verified, and the log says so", async () => {
    const alice = await phone("tls", { tls: { insecureHosts: ["a.test"] } });
    await registered(alice);
    assert.match(alice.log, /tls-not-verified.*a\.test/);
    assert.match(alice.log, /"tls-connected".*"verified":false/);
  });

  flows("HA1 in a file of mode 600 does; in one that others can read the phone does not start", async () => {
    const right = `SHA-256:${createHash("sha256").update("alice:a.test:alicepw").digest("hex")}\n`;
    await registered(await phone("udp", { ha1: right }));
    const file = join(folder, "open.ha1");
    writeFileSync(file, right, { mode: 0o644 });
    let words = "";
    try {
      await phone("udp", { account: { auth: { user: "alice", ha1File: file } } });
    } catch (error) {
      words = (error as Error).message;
    }
    assert.match(words, /open\.ha1 can be read by others \(mode 644\); allowed: mode 600/);
  });

  flows(
    "TLS secrets: a configuration alone writes none; with the environment's consent too, into a file of mode 600",
    async () => {
      const keyLogFile = join(folder, "keys.txt");
      const tls = { trustAnchors: [net.authorityFile], keyLogFile };
      let words = "";
      try {
        await phone("tls", { tls });
      } catch (error) {
        words = (error as Error).message;
      }
      assert.match(words, /keyLogFile: undoes TLS/);
      process.env["SOTTO_TLS_KEY_LOG"] = "allow";
      try {
        await registered(await phone("tls", { tls }));
      } finally {
        delete process.env["SOTTO_TLS_KEY_LOG"];
      }
      assert.is(statSync(keyLogFile).mode & 0o777, 0o600);
      assert.match(readFileSync(keyLogFile, "utf8"), /^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} /m);
    },
  );

  flows("killed: said at once with the reason, registered again by itself when it is back", async () => {
    try {
      await recovery;
    } finally {
      await bobs.stop();
    }
  });

  flows("sips: registered with sips contacts, a call across both domains goes over TLS on every hop", async () => {
    const pair = await Promise.all(
      (["alice", "bob"] as const).map(async (user) => {
        const domain = user === "alice" ? "a.test" : "b.test";
        const issued = await issueIdentity(net.authority, { uri: `sip:${user}@${domain}`, ...validNow });
        const [certificate, privateKey] = ["crt", "key"].map((end) => join(folder, `sips-${user}.${end}`));
        writeFileSync(certificate, issued.chainPem);
        writeFileSync(privateKey, issued.privateKeyPem, { mode: 0o600 });
        return phone("tls", {
          user,
          tls: { certificate, privateKey, trustAnchors: [net.authorityFile] },
          account: { uri: `sips:${user}@${domain}` },
        });
      }),
    );
    try {
      const [alice, bob] = pair;
      await Promise.all(pair.map((one) => registered(one)));
      const register = alice.sip().find(({ text }) => text.startsWith("REGISTER"))!.text;
      assert.match(register, /^REGISTER sips:a\.test SIP\/2\.0\r$/m);
      assert.match(register, /^Contact: <sips:alice@127\.0\.0\.1:\d+>;/m);
      const marks = [net.a.log.length, net.b.log.length];
      const from = bob.now;
      const id = await alice.dial("sips:bob@b.test");
      const there = (await bob.call("ringing", (call) => call.state === "ringing", { from })).id;
      await bob.ask("answer", {});
      await Promise.all([alice.state(id, "active"), bob.state(there, "active")]);
      await bob.ask("hangup", {});
      await alice.ended(id);
      for (const [i, domain] of [net.a, net.b].entries()) {
        const requests = domain.log.slice(marks[i]).match(/REQUEST (?:INVITE|ACK|BYE) .*/g) ?? [];
        assert.ok(requests.length >= 3, requests.join("\n"));
        for (const request of requests) assert.match(request, /REQUEST [A-Z]+ sips:.*\/tls$/);
      }
      assert.ok(pair.every((one) => one.sip().every(({ transport }) => transport === "tls")));
      const invite = bob.sip().find(({ text }) => text.startsWith("INVITE"))!.text;
      assert.match(invite, /^INVITE sips:bob@/);
      const answer = bob.sip().find(({ text }) => /^SIP\/2\.0 200[\s\S]*CSeq: \d+ INVITE/.test(text))!.text;
      assert.match(answer, /^Contact: <sips:/m);
    } finally {
      await bobs.stop();
    }
  });

  flows("two accounts in one phone: each at its own registrar with its own password, both are called", async () => {
    const passwordFile = join(folder, "bob.second");
    writeFileSync(passwordFile, "bobpw\n", { mode: 0o600 });
    const second = {
      uri: "sip:bob@b.test",
      security: "off",
      register: true,
      auth: { user: "bob", passwordFile },
      outboundProxies: [{ host: "b.test", transport: "tcp" }],
    };
    const both = await phone("udp", { second });
    await eventually("both registered", 20_000, async () => {
      const all = (await both.status()).registrations;
      return all.length === 2 && all.every(({ state }) => state === "registered");
    });
    const caller = await phone("tls");
    await registered(caller);
    for (const uri of ["sip:bob@b.test", "sip:alice@a.test"]) {
      const from = both.now;
      const id = await caller.dial(uri);
      await both.call(`a call to ${uri}`, (call) => call.state === "ringing", { from });
      await caller.ask("hangup", {});
      await caller.ended(id);
    }
  });
}

flows.run();
