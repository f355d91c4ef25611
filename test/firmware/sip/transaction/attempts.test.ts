// A request and the servers of its domain: on to the next one on silence, transport error and 503, and what the resolver is told (RFC 3263 section 4.3).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { silentLog } from "../../../../firmware/runtime/log.js";
import { ok } from "../../../../firmware/runtime/result.js";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import {
  type DnsClient,
  type OutgoingInvite,
  type RequestOutcome,
  type SipAddress,
  type SipRequest,
  SipResolver,
  type SipTransport,
} from "../../../../firmware/sip/index.js";
import { agent, Network, outgoing, Peer, sdp, seededRandom } from "../support.js";

const from = { uri: "sip:alice@a.test" };

/** b.test has servers 192.0.2.11, .12, .13 of falling priority; some sends fail at once. */
function world(servers = [11, 12, 13]) {
  const time = new VirtualTime();
  const network = new Network(time);
  const refuses = new Set<number>();
  const end = network.bind("192.0.2.1");
  const transport: SipTransport = {
    local: end.local,
    reliable: false,
    maxBytes: end.maxBytes,
    start: (receiver) => end.start(receiver),
    send: (bytes, to, done) => {
      if (refuses.has(Number(to.host.split(".")[3]))) done(new Error("port unreachable"), time.now());
      else end.send(bytes, to, done);
    },
    close: () => end.close(),
  };
  const dns: DnsClient = {
    query: async (name, type) => {
      const records =
        type === "SRV" && name === "_sip._udp.b.test"
          ? servers.map((number, i) => ({ priority: i, weight: 0, port: 5060, target: `192.0.2.${number}` }))
          : [];
      return ok({ records: records as never, ttlS: 3600 });
    },
  };
  const resolver = new SipResolver({
    ...{ clock: time, timers: time, log: silentLog, dns },
    transports: ["udp"],
    families: [4],
    random: () => 0,
  });
  const reports: string[] = [];
  const report = resolver.report.bind(resolver);
  resolver.report = (to, outcome, retryAfterS) => {
    reports.push([`.${to.host.split(".")[3]} ${outcome}`, retryAfterS].filter((each) => each !== undefined).join(" "));
    report(to, outcome, retryAfterS);
  };
  const peers = new Map(servers.map((number) => [number, new Peer(network, number)]));
  const ua = agent(network, 1, { transport, resolver, random: seededRandom("attempts") });
  const outcomes: RequestOutcome[] = [];
  const ask = async (): Promise<void> => {
    ua.request("OPTIONS", { target: "sip:b.test", from }, (outcome) => outcomes.push(outcome));
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  /** Names of the servers that have the request, in order of arrival. */
  const got = (method = "OPTIONS"): string =>
    [...peers]
      .flatMap(([number, peer]) =>
        peer.received
          .filter(({ message }) => message.kind === "request" && message.method === method)
          .slice(0, 1)
          .map(({ atMs }) => ({ number, atMs })),
      )
      .sort((a, b) => a.atMs - b.atMs)
      .map(({ number }) => number)
      .join(" ");
  return {
    ...{ time, network, refuses, resolver, reports, ua, outcomes, ask, got },
    peer: (number: number) => peers.get(number)!,
  };
}

const status = (outcome: RequestOutcome | undefined): number | string | undefined =>
  outcome && ("ok" in outcome ? outcome.ok.status : `${outcome.failed.status} ${outcome.failed.cause}`);

test("silence: after 4 s the next server is asked, in a transaction of its own; the silent one comes last from then on", async () => {
  const { time, peer, got, ask, outcomes, reports, network } = world();
  await ask();
  time.advance(3900);
  assert.is(got(), "11");
  time.advance(200);
  assert.is(got(), "11 12");
  const [first, second] = [peer(11).last("OPTIONS"), peer(12).last("OPTIONS")] as SipRequest[];
  for (const name of ["Call-ID", "CSeq", "From", "To"])
    assert.is(first.headers.get(name), second.headers.get(name), name);
  assert.is.not(first.headers.get("Via"), second.headers.get("Via"));
  peer(12).respond(second, 200, "x");
  time.advance(10);
  assert.is(status(outcomes[0]), 200);
  assert.equal(reports, [".11 failed", ".12 answered"]);
  network.sent.length = 0;
  await ask();
  time.advance(10);
  assert.is(network.sent[0].to, 12, "the next request begins with the one that answered");
});

test("an answer of the silent one that comes late is as good", async () => {
  const { time, peer, ask, outcomes } = world();
  await ask();
  time.advance(4100);
  peer(11).respond(peer(11).last("OPTIONS"), 200, "x");
  time.advance(10);
  assert.is(status(outcomes[0]), 200);
  peer(12).respond(peer(12).last("OPTIONS"), 500, "y");
  time.advance(40_000);
  assert.is(outcomes.length, 1);
});

test("a transport error: the next server at once", async () => {
  const { time, peer, got, ask, outcomes, reports, refuses } = world();
  refuses.add(11).add(12);
  await ask();
  time.advance(10);
  assert.is(got(), "13");
  peer(13).respond(peer(13).last("OPTIONS"), 200, "x");
  time.advance(10);
  assert.is(status(outcomes[0]), 200);
  assert.equal(reports, [".11 failed", ".12 failed", ".13 answered"]);
});

test("503: the next server at once; its Retry-After goes to the resolver, any other answer is final", async () => {
  const { time, peer, got, ask, outcomes, reports } = world();
  await ask();
  time.advance(10);
  peer(11).respond(peer(11).last("OPTIONS"), 503, "x", [["Retry-After", "120 (upgrade)"]]);
  time.advance(10);
  assert.is(got(), "11 12");
  peer(12).respond(peer(12).last("OPTIONS"), 404, "y");
  time.advance(10);
  assert.is(status(outcomes[0]), "404 response");
  assert.is(got(), "11 12");
  assert.equal(reports, [".11 failed 120", ".12 answered"]);
});

test("every server fails: the last one's word is the outcome, once", async () => {
  const { time, peer, ask, outcomes } = world();
  await ask();
  for (const number of [11, 12, 13]) {
    time.advance(10);
    peer(number).respond(peer(number).last("OPTIONS"), 503, "x");
  }
  time.advance(40_000);
  assert.equal(outcomes.map(status), ["503 response"]);
  const silent = world();
  await silent.ask();
  silent.time.advance(45_000);
  assert.equal(silent.outcomes.map(status), ["408 timeout"]);
  assert.is(silent.ua.size().client, 0);
});

test("a server that has failed is asked again when its time is over, and each failure doubles it", async () => {
  const { time, resolver } = world([11, 12]);
  const first = async (): Promise<number> => {
    let host = "";
    resolver.resolve({ scheme: "sip", host: "b.test", params: [], headers: [] }, (found) => {
      if (found.ok) host = found.value.host;
    });
    for (let i = 0; i < 20; i++) await Promise.resolve();
    return Number(host.split(".")[3]);
  };
  const bad: SipAddress = { host: "192.0.2.11", port: 5060, transport: "udp" };
  const good = { ...bad, host: "192.0.2.12" };
  for (const seconds of [15, 30, 60, 120, 240, 480, 600, 600]) {
    resolver.report(bad, "failed");
    time.advance(seconds * 1000 - 1000);
    resolver.report(good, "answered");
    assert.is(await first(), 12, `after ${seconds - 1} s`);
    time.advance(1000);
    resolver.report(good, "answered");
    assert.is(await first(), 11, `after ${seconds} s`);
  }
  resolver.report(bad, "failed", 3000);
  time.advance(599_000);
  resolver.report(good, "answered");
  assert.is(await first(), 12, "a Retry-After counts, up to ten minutes");
});

function call(all: ReturnType<typeof world>): { log: string[]; invite: OutgoingInvite } {
  const log: string[] = [];
  const invite = all.ua.invite(
    { target: "sip:bob@b.test", from, body: sdp("offer") },
    outgoing(log, "alice", { accepted: (dialog) => dialog.ack() }),
  );
  return { log, invite };
}

test("INVITE: silence and 503 lead on, a 180 settles it", async () => {
  const all = world();
  const { log } = call(all);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  all.time.advance(4100);
  assert.is(all.got("INVITE"), "11 12");
  all.peer(12).respond(all.peer(12).last("INVITE"), 503, "x");
  all.time.advance(20);
  assert.is(all.got("INVITE"), "11 12 13");
  all.peer(13).respond(all.peer(13).last("INVITE"), 180, "y", all.peer(13).contact);
  all.time.advance(20_000);
  all.peer(13).respond(all.peer(13).last("INVITE"), 200, "y", all.peer(13).contact, "answer");
  all.time.advance(20);
  assert.ok(log.includes("alice accepted 200"), log.join());
  assert.ok(all.peer(12).kinds().endsWith("ACK"), "a 503 is acknowledged too");
});

test("INVITE: 100 within 4 s keeps it where it is; a 503 behind it leads on all the same", async () => {
  const all = world();
  const { log } = call(all);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  all.time.advance(1000);
  all.peer(11).respond(all.peer(11).last("INVITE"), 100, undefined);
  all.time.advance(20_000);
  assert.is(all.got("INVITE"), "11");
  all.peer(11).respond(all.peer(11).last("INVITE"), 503, "x");
  all.time.advance(20);
  assert.is(all.got("INVITE"), "11 12");
  all.peer(12).respond(all.peer(12).last("INVITE"), 486, "y");
  all.time.advance(20);
  assert.ok(log.includes("alice failed 486 response"), log.join());
});

test("CANCEL goes to the server that has the call, under its branch", async () => {
  const all = world();
  const { log, invite } = call(all);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  all.time.advance(4100);
  all.peer(12).respond(all.peer(12).last("INVITE"), 180, "x", all.peer(12).contact);
  all.time.advance(20);
  invite.cancel();
  all.time.advance(20);
  const branch = (message: { headers: { get(name: string): string | undefined } }): string =>
    /branch=([^;]+)/.exec(message.headers.get("Via")!)![1];
  assert.is(branch(all.peer(12).last("CANCEL")), branch(all.peer(12).last("INVITE")));
  assert.not.match(all.peer(11).kinds(), /CANCEL/);
  all.peer(12).respond(all.peer(12).last("CANCEL"), 200, "x");
  all.peer(12).respond(all.peer(12).last("INVITE"), 487, "x");
  all.time.advance(20);
  assert.ok(log.includes("alice failed 487 response"), log.join());
});

test.run();
