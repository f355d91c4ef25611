// The lines of firmware/sip/README.md about the way messages travel, each checked by the test that is named after it.

import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAuthority, type IssuedIdentity, issueIdentity, issueServer } from "../../../../firmware/crypto/issue.js";
import { systemClock } from "../../../../firmware/runtime/clock.js";
import { silentLog } from "../../../../firmware/runtime/log.js";
import { ok } from "../../../../firmware/runtime/result.js";
import { systemTimers } from "../../../../firmware/runtime/timers.js";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import {
  openTcp,
  openTls,
  parseSipUri,
  type RequestOutcome,
  type Resolver,
  SipResolver,
  type SipTransport,
  type TlsConnectionInfo,
  UdpTransport,
  UserAgent,
} from "../../../../firmware/sip/index.js";
import type { DnsClient, RecordType } from "../../../../firmware/sip/transport/dns-client.js";
import { validNow } from "../../../support/identities.js";
import { eventually } from "../../../support/wait.js";
import { agent, outgoing, Peer, sdp } from "../support.js";
import { from, settle, to, world } from "../world.js";

const table = suite("SIP transports");
const agents: UserAgent[] = [];
table.after.each(async () => {
  await Promise.all(agents.splice(0).map((ua) => ua.close()));
});

/** A user agent on real sockets. */
function open(transport: readonly SipTransport[], resolver?: Resolver): UserAgent {
  const ua = new UserAgent({
    transport,
    clock: systemClock,
    timers: systemTimers,
    random: randomBytes,
    contact: { user: "u" },
    limits: { closeMs: 200 },
    ...(resolver ? { resolver } : {}),
  });
  agents.push(ua);
  return ua;
}
const udp = () => UdpTransport.open({ host: "127.0.0.1", port: 0 });
const tcp = (port = 0) => openTcp({ host: "127.0.0.1", port });
const asked = (ua: UserAgent, target: string, padding = ""): Promise<RequestOutcome> =>
  new Promise((resolve) =>
    ua.request(
      "OPTIONS",
      { target, from: { uri: "sip:me@127.0.0.1" }, ...(padding ? { headers: [["Subject", padding]] } : {}) },
      resolve,
    ),
  );
const counted = (ua: UserAgent, name: string): number => ua.counters()[name] ?? 0;

table("UDP", () => {
  const { time, network } = world();
  const bob = agent(network, 2);
  const peer = new Peer(network, 1);
  let asks = 0;
  const shown = (via: string): string => {
    peer.request(2, "OPTIONS", { Via: via, "Call-ID": `udp${asks++}` });
    time.advance(20);
    return peer.received.pop()?.message.headers.get("Via") ?? "nothing came here";
  };
  assert.is(
    shown("SIP/2.0/UDP phone.test;rport;branch=z9hG4bK1"),
    "SIP/2.0/UDP phone.test;rport=5060;branch=z9hG4bK1;received=192.0.2.1",
  );
  assert.is(shown("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK2"), "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK2");
  const relay = new Peer(network, 7);
  shown("SIP/2.0/UDP 192.0.2.1;maddr=192.0.2.7;branch=z9hG4bK3");
  assert.is(relay.kinds(), "200", "to maddr");
  peer.raw(2, "\r\n\r\n");
  time.advance(20);
  assert.is(counted(bob, "keep-alive"), 1);
  const alice = agent(network, 3);
  alice.request("OPTIONS", { target: to(2), from }, () => {});
  assert.match(network.sent.at(-1)?.text ?? "", /^Via: SIP\/2\.0\/UDP 192\.0\.2\.3:5060;rport;branch=z9hG4bK/m);
  time.advance(40_000);
});

table("TCP", async () => {
  const [a, b] = [await udp(), await udp()];
  const far = open([b, await tcp(b.local.port)]);
  const near = open([a, await tcp(a.local.port)]);
  const target = `sip:u@127.0.0.1:${b.local.port}`;
  assert.ok("ok" in (await asked(near, target)));
  assert.is(near.connections, 0, "a small request goes by UDP");
  assert.ok("ok" in (await asked(near, target, "x".repeat(1500))));
  assert.is(near.connections, 1, "a large one by TCP (RFC 3261 section 18.1.1)");
  assert.ok("ok" in (await asked(near, `${target};transport=tcp`)));
  assert.is(near.connections, 1, "the connection is used again");
  const c = await udp();
  const alone = open([c]);
  assert.ok("ok" in (await asked(near, `sip:u@127.0.0.1:${c.local.port}`, "x".repeat(1500))));
  assert.is(alone.connections, 0);
  assert.is(counted(alone, "requests-received"), 1, "who has no TCP gets it by UDP");
  assert.is(counted(far, "requests-received"), 3);
});

table("TLS", async () => {
  const ca = await createAuthority({ commonName: "table CA", ...validNow });
  const server = await issueServer(ca, { ...validNow, uris: ["sip:b.test"] });
  const person = await issueIdentity(ca, { ...validNow, uri: "sip:bob@b.test" });
  const pair = (one: IssuedIdentity) => ({ certificateChainPem: one.chainPem, privateKeyPem: one.privateKeyPem });
  const met: TlsConnectionInfo[] = [];
  const tls = (one: IssuedIdentity | undefined, connected?: (info: TlsConnectionInfo) => void) =>
    openTls({
      host: "127.0.0.1",
      port: 0,
      trustAnchorsPem: [ca.certificatePem],
      ...(one ? { identity: pair(one) } : {}),
      ...(connected ? { connected } : {}),
    });
  const b = await tls(server);
  open([b]);
  const at = (port: number): Resolver => ({
    resolve: ({ user, host }, done) =>
      done(
        ok({
          host: "127.0.0.1",
          port,
          transport: "tls",
          name: host,
          ...(user ? { person: `sip:${user}@${host}` } : {}),
        }),
      ),
  });
  const near = open([await tls(undefined, (info) => met.push(info))], at(b.local.port));
  assert.ok("ok" in (await asked(near, "sip:b.test;transport=tls")));
  assert.ok("failed" in (await asked(near, "sip:c.test;transport=tls")), "a certificate for another domain");
  assert.equal(
    met.map(({ protocol, verified }) => [protocol, verified]),
    [["TLSv1.3", true]],
  );
  const phone = await tls(person);
  open([phone]);
  const caller = open([await tls(undefined)], at(phone.local.port));
  assert.ok("ok" in (await asked(caller, "sip:bob@b.test;transport=tls")), "the person's own telephone");
  assert.ok("failed" in (await asked(caller, "sip:carol@b.test;transport=tls")));
});

table("sips", async () => {
  const ca = await createAuthority({ commonName: "table CA", ...validNow });
  const server = await issueServer(ca, { ...validNow, uris: ["sip:b.test"] });
  const identity = { certificateChainPem: server.chainPem, privateKeyPem: server.privateKeyPem };
  const both = async () => [
    await udp(),
    await openTls({ host: "127.0.0.1", port: 0, identity, trustAnchorsPem: [ca.certificatePem] }),
  ];
  const far = open(await both());
  const port = far.locals[1].port;
  const resolver: Resolver = {
    resolve: (_uri, done) => done(ok({ host: "127.0.0.1", port, transport: "tls", name: "b.test" })),
  };
  const near = open(await both(), resolver);
  const outcome = await asked(near, "sips:b.test");
  assert.ok("ok" in outcome);
  assert.match(outcome.ok.headers.get("Contact") ?? "", /^<sips:/);
  const clear = open([await udp()]);
  const refused = await new Promise<RequestOutcome>((resolve) =>
    clear.request(
      "OPTIONS",
      { target: "sips:b.test", from: { uri: "sip:me@127.0.0.1" }, nextHop: far.locals[0] },
      resolve,
    ),
  );
  assert.ok("failed" in refused, "a sips request never goes in clear");
});

/** The zone of RFC 3263 section 4.1's example. */
const zone: Record<string, unknown[]> = {
  "NAPTR example.com": [
    { order: 90, preference: 50, flags: "s", services: "SIP+D2U", regexp: "", replacement: "_sip._udp.example.com" },
    { order: 50, preference: 50, flags: "s", services: "SIPS+D2T", regexp: "", replacement: "_sips._tcp.example.com" },
  ],
  "SRV _sips._tcp.example.com": [{ priority: 0, weight: 1, port: 5061, target: "server1.example.com" }],
  "SRV _sip._udp.example.com": [{ priority: 0, weight: 1, port: 5070, target: "server2.example.com" }],
  "A server1.example.com": ["192.0.2.1"],
  "A server2.example.com": ["192.0.2.2"],
  "A sip.only.test": ["192.0.2.3"],
};

table("names", async () => {
  const time = new VirtualTime();
  const questions: string[] = [];
  const dns: DnsClient = {
    async query(name: string, type: RecordType) {
      questions.push(`${type} ${name}`);
      return ok({ records: (zone[`${type} ${name}`] ?? []) as never[], ttlS: 100 });
    },
  };
  const resolver = new SipResolver({
    ...{ clock: time, timers: time, log: silentLog, dns, families: [4], random: () => 0 },
    transports: ["udp", "tcp", "tls"],
  });
  const ways = (text: string): Promise<string[]> =>
    new Promise((resolve) => {
      const uri = parseSipUri(text);
      assert.ok(uri.ok);
      resolver.resolve(uri.value, (found) =>
        resolve(
          found.ok
            ? [found.value, ...(found.value.alternatives ?? [])].map(
                (one) => `${one.transport} ${one.host}:${one.port}`,
              )
            : [],
        ),
      );
    });
  assert.equal(await ways("sip:example.com"), ["tls 192.0.2.1:5061", "udp 192.0.2.2:5070"]);
  const before = questions.length;
  await ways("sip:example.com");
  assert.is(questions.length, before, "kept for its time to live");
  assert.equal(
    (await ways("sip:only.test")).slice(0, 1),
    ["udp 192.0.2.3:5060"],
    "sip.DOMAIN where there is nothing else",
  );
  resolver.report({ host: "192.0.2.1", port: 5061, transport: "tls" }, "failed");
  assert.equal(await ways("sip:example.com"), ["udp 192.0.2.2:5070", "tls 192.0.2.1:5061"], "who failed comes last");
  resolver.close();
});

table("flows", async () => {
  const seen: string[] = [];
  let answers = true;
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      seen.push(data.toString());
      if (answers) socket.write("\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const near = open([await openTcp({ host: "127.0.0.1", port: 0, limits: { pongMs: 150 } })]);
  let lost = 0;
  const flow = near.keepOpen(
    { host: "127.0.0.1", port, transport: "tcp" },
    { everyMs: 40, answered: true },
    () => lost++,
  );
  await eventually("three pings", 20_000, () => seen.join("").split("\r\n\r\n").length > 3);
  assert.is(lost, 0);
  answers = false;
  await eventually("the loss", 20_000, () => lost === 1);
  flow?.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

table("floods", () => {
  const { time, network } = world();
  const rate = { requestsPerSource: 1, requestsBurst: 2, refusalsPerSource: 100 };
  const bob = agent(network, 2, { rate });
  const peer = new Peer(network, 1);
  for (let i = 0; i < 5; i++) peer.request(2, "OPTIONS", { "Call-ID": `c${i}` });
  time.advance(20);
  assert.is(peer.kinds(), "200 200 503 503 503");
  assert.match(peer.last(503).headers.get("Retry-After") ?? "", /^[0-9]+$/);
  const other = new Peer(network, 3);
  other.request(2, "OPTIONS");
  time.advance(20);
  assert.is(other.kinds(), "200", "another source is not touched");
  assert.is(counted(bob, "rate-refused"), 3);
});

table("transactions", () => {
  const { time, network, log } = world();
  const alice = agent(network, 1);
  // Nobody there: timers A and B, E and F.
  const started = time.now();
  alice.invite({ target: to(9), from, body: sdp("x") }, outgoing(log, "alice"));
  alice.request("OPTIONS", { target: to(9), from }, () => {});
  time.advance(32_100);
  const at = (method: string) =>
    network.sent.filter(({ first }) => first.startsWith(method)).map(({ atMs }) => atMs - started);
  assert.equal(at("INVITE"), [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
  assert.equal(at("OPTIONS"), [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  assert.is(log.at(-1), "alice failed 408 timeout");
  // The server's side: a copy brings the same answer, the same request by another path is merged.
  const peer = new Peer(network, 3);
  const again = { Via: "SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKsame" };
  peer.request(1, "OPTIONS", again);
  peer.request(1, "OPTIONS", again);
  time.advance(20);
  peer.request(1, "OPTIONS", { Via: "SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKother" });
  time.advance(20);
  assert.is(peer.kinds(), "200 200 482");
  assert.is(peer.received[0].text, peer.received[1].text);
  settle(time, alice);
});

table("not: sips: without TLS", () => {
  const { time, network } = world();
  agent(network, 2);
  const peer = new Peer(network, 1);
  peer.request(2, "OPTIONS", { uri: "sips:u2@192.0.2.2" });
  time.advance(20);
  assert.is(peer.kinds(), "416");
});

table("not: DNSSEC, DNS over TLS", async () => {
  // A TLS server has to be whom the name in the URI says, whatever the DNS has made of it.
  const ca = await createAuthority({ commonName: "table CA", ...validNow });
  const liar = await issueServer(ca, { ...validNow, uris: ["sip:liar.test"] });
  const identity = { certificateChainPem: liar.chainPem, privateKeyPem: liar.privateKeyPem };
  const options = { host: "127.0.0.1", port: 0, trustAnchorsPem: [ca.certificatePem] };
  const b = await openTls({ ...options, identity });
  open([b]);
  const resolver: Resolver = {
    resolve: ({ host }, done) => done(ok({ host: "127.0.0.1", port: b.local.port, transport: "tls", name: host })),
  };
  const outcome = await asked(open([await openTls(options)], resolver), "sip:honest.test;transport=tls");
  assert.ok("failed" in outcome);
  assert.match(outcome.failed.reason, /liar\.test.*not for honest\.test/);
});

table.run();
