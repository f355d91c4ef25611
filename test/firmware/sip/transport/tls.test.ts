// TLS between user agents on loopback: who is believed and who is not, client certificates, resumed sessions, verification that ages.

import { randomBytes, X509Certificate } from "node:crypto";
import { connect as dialTcp } from "node:net";
import { createServer as createTlsServer, connect as dialTls } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  createAuthority,
  createIntermediate,
  type IssuedIdentity,
  issueIdentity,
  issueServer,
} from "../../../../firmware/crypto/issue.js";
import { type Clock, systemClock } from "../../../../firmware/runtime/clock.js";
import { ok } from "../../../../firmware/runtime/result.js";
import { systemTimers } from "../../../../firmware/runtime/timers.js";
import {
  openTls,
  type RequestOutcome,
  type Resolver,
  type SipAddress,
  type TlsConnectionInfo,
  type TlsOptions,
  UserAgent,
} from "../../../../firmware/sip/index.js";
import { identityProblem, sipDomains } from "../../../../firmware/sip/transport/tls-identity.js";
import { validNow } from "../../../support/identities.js";
import { eventually } from "../../../support/wait.js";
import { outgoing } from "../support.js";

const tls = suite("tls");
const agents: UserAgent[] = [];
let ca: IssuedIdentity;
let stranger: IssuedIdentity;
let server: IssuedIdentity;
let alice: IssuedIdentity;

const pair = (issued: IssuedIdentity) => ({
  certificateChainPem: issued.chainPem,
  privateKeyPem: issued.privateKeyPem,
});

tls.before(async () => {
  ca = await createAuthority({ commonName: "Test CA", pathLength: 1, ...validNow });
  stranger = await createAuthority({ commonName: "Stranger CA", ...validNow });
  server = await issueServer(ca, { ...validNow, uris: ["sip:example.test"], dnsNames: ["proxy.example.test"] });
  alice = await issueIdentity(ca, { ...validNow, uri: "sip:alice@example.test" });
});
tls.after.each(async () => {
  await Promise.all(agents.splice(0).map((ua) => ua.close()));
});

interface Opened {
  readonly ua: UserAgent;
  readonly connected: TlsConnectionInfo[];
}

async function open(options: Partial<TlsOptions> = {}, at?: { readonly port: number }): Promise<Opened> {
  const connected: TlsConnectionInfo[] = [];
  const transport = await openTls({
    host: "127.0.0.1",
    port: 0,
    trustAnchorsPem: [ca.certificatePem],
    connected: (info) => connected.push(info),
    ...options,
  });
  // Any name is at the other end; whom it must prove to be stays the name.
  const resolver: Resolver = {
    resolve: (uri, done) => {
      const person = uri.user && `sip:${uri.user}@${uri.host}`;
      done(ok({ host: "127.0.0.1", port: at?.port ?? uri.port ?? 5061, transport: "tls", name: uri.host, person }));
    },
  };
  const ua = new UserAgent({
    transport,
    clock: systemClock,
    timers: systemTimers,
    random: randomBytes,
    contact: { user: "u" },
    resolver,
    limits: { closeMs: 300 },
  });
  agents.push(ua);
  return { ua, connected };
}

function ask(ua: UserAgent, target: string): Promise<RequestOutcome> {
  return new Promise((resolve) => ua.request("OPTIONS", { target, from: { uri: "sip:me@example.test" } }, resolve));
}

function why(outcome: RequestOutcome): string {
  return "failed" in outcome ? outcome.failed.reason : "answered";
}

tls("a server is believed when its certificate is for the domain asked for", async () => {
  const bob = await open({ identity: pair(server) });
  const phone = await open({}, bob.ua.local);
  assert.ok("ok" in (await ask(phone.ua, "sip:example.test;transport=tls")));
  assert.equal(
    phone.connected.map(({ protocol, verified, resumed, name }) => ({ protocol, verified, resumed, name })),
    [{ protocol: "TLSv1.3", verified: true, resumed: false, name: "example.test" }],
  );
});

const refused: readonly (readonly [string, () => Promise<IssuedIdentity>, string, RegExp])[] = [
  ["another domain", async () => server, "sip:other.test", /not for other\.test/],
  ["the host's name instead of the domain's", async () => server, "sip:proxy.example.test", /not for proxy/],
  [
    "a wildcard",
    () => issueServer(ca, { ...validNow, dnsNames: ["*.example.test"] }),
    "sip:sub.example.test",
    /not for sub\.example\.test/,
  ],
  [
    "only a common name",
    () => issueServer(ca, { ...validNow, commonName: "example.test" }),
    "sip:example.test",
    /not for example\.test/,
  ],
  [
    "somebody else's certificate",
    () => issueIdentity(ca, { ...validNow, uri: "sip:mallory@example.test" }),
    "sip:bob@example.test",
    /not for example\.test/,
  ],
  [
    "an authority nobody trusts",
    () => issueServer(stranger, { ...validNow, uris: ["sip:example.test"] }),
    "sip:example.test",
    /does not trust/,
  ],
  [
    "an expired certificate",
    () => issueServer(ca, { notBeforeMs: Date.now() - 9e8, notAfterMs: Date.now() - 1e6, uris: ["sip:example.test"] }),
    "sip:example.test",
    /expired/,
  ],
];
for (const [what, make, target, wanted] of refused)
  tls(`refused: ${what}`, async () => {
    const bob = await open({ identity: pair(await make()) });
    const phone = await open({}, bob.ua.local);
    const outcome = await ask(phone.ua, target);
    assert.match(why(outcome), wanted);
    assert.is(bob.ua.counters()["requests-received"], 0, "nothing was sent");
    assert.is(phone.ua.counters()["tls-refused"], 1);
  });

tls("not verified only where the configuration names the host, and it is said", async () => {
  const bob = await open({ identity: pair(await issueServer(stranger, { ...validNow, uris: ["sip:x.test"] })) });
  const phone = await open({ insecureHosts: ["lab.test"] }, bob.ua.local);
  assert.ok("ok" in (await ask(phone.ua, "sip:lab.test")));
  assert.equal(
    phone.connected.map((info) => info.verified),
    [false],
  );
  assert.match(why(await ask(phone.ua, "sip:x.test")), /does not trust/);
});

tls("a chain with an intermediate authority; a DNS name where there is no SIP URI", async () => {
  const middle = await createIntermediate(ca, { commonName: "Middle", ...validNow });
  const bob = await open({ identity: pair(await issueServer(middle, { ...validNow, dnsNames: ["Example.test"] })) });
  const phone = await open({}, bob.ua.local);
  assert.is(why(await ask(phone.ua, "sip:EXAMPLE.test")), "answered");
});

tls("a telephone is believed by its owner's certificate (thesis section 3.3.1)", async () => {
  const bob = await open({ identity: pair(await issueIdentity(ca, { ...validNow, uri: "sip:bob@example.test" })) });
  const phone = await open({}, bob.ua.local);
  assert.ok("ok" in (await ask(phone.ua, "sip:bob@example.test")));
});

tls("the caller's certificate is known to the callee; without one nobody is proved", async () => {
  const bob = await open({ identity: pair(server) });
  const seen: (readonly string[] | undefined)[] = [];
  bob.ua.events = {
    invite(call) {
      seen.push(call.source.identities);
      call.reject(486);
    },
  };
  const mallory = await issueIdentity(stranger, { ...validNow, uri: "sip:alice@example.test" });
  for (const identity of [pair(alice), undefined, pair(mallory)]) {
    const { ua } = await open({ identity }, bob.ua.local);
    await new Promise<void>((resolve) =>
      ua.invite(
        { target: "sip:example.test", from: { uri: "sip:alice@example.test" } },
        { ...outgoing([], ""), failed: () => resolve() },
      ),
    );
  }
  assert.equal(seen, [["sip:alice@example.test"], [], []]);
});

tls("a certificate may be required: who shows none, or one that cannot be verified, is not let in", async () => {
  const bob = await open({ identity: pair(server), clientCertificates: "required" });
  const known = await open({ identity: pair(alice) }, bob.ua.local);
  assert.ok("ok" in (await ask(known.ua, "sip:example.test")));
  const unknown = await open({}, bob.ua.local);
  const outcome = await ask(unknown.ua, "sip:example.test");
  assert.ok("failed" in outcome && outcome.failed.cause === "transport", why(outcome));
  await eventually("the refusal to be counted", 20_000, () => bob.ua.counters()["tls-refused"] === 1);
});

tls("requests come back over the connection of who has proved to be whom they are for (RFC 5923)", async () => {
  const bob = await open({ identity: pair(server) });
  const phone = await open({ identity: pair(alice) }, bob.ua.local);
  assert.ok("ok" in (await ask(phone.ua, "sip:example.test")));
  const back = (target: string): Promise<RequestOutcome> =>
    new Promise((resolve) =>
      bob.ua.request(
        "OPTIONS",
        {
          target,
          from: { uri: "sip:example.test" },
          nextHop: { ...phone.ua.local, name: "example.test", person: target } as SipAddress,
        },
        resolve,
      ),
    );
  assert.ok("ok" in (await back("sip:alice@example.test")));
  assert.is(bob.ua.connections, 1, "the same connection");
  assert.match(why(await back("sip:carol@example.test")), /not for example\.test/);
});

/** Closes every connection of a phone, then lets it ask again. */
async function again({ ua, connected }: Opened): Promise<boolean> {
  const before = connected.length;
  assert.ok("ok" in (await ask(ua, "sip:example.test")));
  await eventually("the ticket", 20_000, () => connected.length > before);
  return connected[before].resumed;
}

/** A server that answers OPTIONS and closes after each. */
async function closing(identity: IssuedIdentity, maxVersion: "TLSv1.2" | "TLSv1.3") {
  const listener = createTlsServer(
    { cert: identity.chainPem, key: identity.privateKeyPem, minVersion: "TLSv1.2", maxVersion },
    (socket) => {
      socket.on("error", () => {});
      socket.on("data", (data) => {
        const lines = `${data}`.split("\r\n").filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line));
        socket.end(`SIP/2.0 200 OK\r\n${lines.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`);
      });
    },
  );
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return { port: (listener.address() as { port: number }).port, close: () => listener.close() };
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const)
  tls(`${version}: a session is resumed, and verified anew when the verification has aged`, async () => {
    const listener = await closing(server, version);
    let ahead = 0;
    const clock: Clock = { now: () => systemClock.now(), wallMs: () => systemClock.wallMs() + ahead };
    const phone = await open({ clock, rememberMs: 60_000 }, listener);
    const seen: boolean[] = [];
    for (const aheadMs of [0, 0, 30_000, 70_000, 70_000, 0]) {
      ahead = aheadMs;
      seen.push(await again(phone));
      await eventually("the connection to end", 20_000, () => phone.ua.connections === 0);
    }
    assert.equal(seen, [false, true, true, false, true, false]);
    assert.ok(phone.connected.every((info) => info.protocol === version && info.verified));
    listener.close();
  });

tls("a server that shows another certificate than before is noticed", async () => {
  const phone = await open({ rememberMs: 3_600_000 }, undefined);
  const first = await closing(server, "TLSv1.3");
  const target = `sip:example.test:${first.port}`;
  assert.ok("ok" in (await ask(phone.ua, target)));
  first.close();
  await eventually("its end", 20_000, () => phone.ua.connections === 0);
  const other = await issueServer(ca, { ...validNow, uris: ["sip:example.test"] });
  const listener = createTlsServer({ cert: other.chainPem, key: other.privateKeyPem }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.destroy());
  });
  await new Promise<void>((resolve) => listener.listen(first.port, "127.0.0.1", resolve));
  await ask(phone.ua, target);
  assert.equal(
    phone.connected.map((info) => info.changed),
    [false, true],
  );
  listener.close();
});

tls("slow-loris: who does not finish the handshake, or says nothing after it, is closed and counted", async () => {
  const bob = await open({ identity: pair(server), limits: { messageMs: 250 } });
  const { port } = bob.ua.local;
  const closed: string[] = [];
  const silent = dialTcp({ host: "127.0.0.1", port });
  const halfway = dialTcp({ host: "127.0.0.1", port }, () =>
    halfway.write(Buffer.from("1603010200010001fc0303", "hex")),
  );
  const mute = dialTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  const dripping = dialTls({ host: "127.0.0.1", port, rejectUnauthorized: false }, () =>
    dripping.write("OPTIONS sip:u"),
  );
  const drip = setInterval(() => dripping.writable && dripping.write("u"), 50);
  for (const [name, socket] of Object.entries({ silent, halfway, mute, dripping })) {
    socket.on("error", () => {});
    socket.on("close", () => closed.push(name));
  }
  await eventually("all of them closed", 20_000, () => closed.length === 4);
  clearInterval(drip);
  assert.is(bob.ua.connections, 0);
  const { "connections-slow": slow = 0, "tls-refused": refused = 0 } = bob.ua.counters();
  assert.ok(slow + refused >= 4, JSON.stringify(bob.ua.counters()));
});

tls("TLS 1.1 and plain TCP are not answered", async () => {
  const bob = await open({ identity: pair(server) });
  const old = await new Promise<string>((resolve) => {
    const socket = dialTls(
      {
        host: "127.0.0.1",
        port: bob.ua.local.port,
        rejectUnauthorized: false,
        maxVersion: "TLSv1.1",
        minVersion: "TLSv1",
      },
      () => resolve("open"),
    );
    socket.on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
  });
  assert.not.equal(old, "open");
  await eventually("the refusal to be counted", 20_000, () => bob.ua.counters()["tls-refused"] >= 1 || old !== "open");
});

tls("identities: what RFC 5922 section 7.1 takes from a certificate", () => {
  const domains = (issued: IssuedIdentity): readonly string[] =>
    sipDomains(new X509Certificate(issued.certificatePem).raw);
  assert.equal(domains(server), ["example.test"], "DNS names do not count where there is a SIP URI");
  assert.equal(domains(alice), []);
  const certificate = new X509Certificate(server.certificatePem);
  const to: SipAddress = { host: "192.0.2.1", port: 5061, transport: "tls" };
  assert.is(identityProblem(certificate, { ...to, name: "example.test." }), undefined, "a final dot says nothing");
  assert.match(identityProblem(certificate, to) ?? "", /not for 192\.0\.2\.1/);
});

tls.run();
