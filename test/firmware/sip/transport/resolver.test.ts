// RFC 3263: which server, over which transport, in which order; the cache, what is kept fresh, what is left to the last.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { silentLog } from "../../../../firmware/runtime/log.js";
import { fail, ok } from "../../../../firmware/runtime/result.js";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import { parseSipUri, type SipAddress, type SipUri } from "../../../../firmware/sip/index.js";
import type { DnsClient, RecordType } from "../../../../firmware/sip/transport/dns-client.js";
import { bySrv, type Transport } from "../../../../firmware/sip/transport/locate.js";
import { SipResolver } from "../../../../firmware/sip/transport/resolver.js";

type Zone = Record<string, unknown[] | "timeout">;

const naptr = (order: number, services: string, replacement: string, preference = 50, flags = "s") => ({
  order,
  preference,
  flags,
  services,
  regexp: "",
  replacement,
});
const srv = (target: string, port: number, priority = 10, weight = 100) => ({ priority, weight, port, target });

/** The zone of RFC 3263 section 4.1's example, and others. */
const example: Zone = {
  "NAPTR example.com": [
    naptr(90, "SIP+D2U", "_sip._udp.example.com"),
    naptr(50, "SIPS+D2T", "_sips._tcp.example.com"),
    naptr(90, "SIP+D2T", "_sip._tcp.example.com", 40),
    naptr(10, "SIP+D2S", "_sip._sctp.example.com"),
    naptr(20, "SIP+D2T", "ignored.example.com", 50, "u"),
  ],
  "SRV _sip._tcp.example.com": [srv("server1.example.com", 5060, 0, 1), srv("server2.example.com", 5070, 1, 1)],
  "SRV _sips._tcp.example.com": [srv("server1.example.com", 5061)],
  "SRV _sip._udp.example.com": [srv("server2.example.com", 5060)],
  "A server1.example.com": ["192.0.2.1"],
  "A server2.example.com": ["192.0.2.2", "192.0.2.3"],
};

function world(zone: Zone, transports: readonly Transport[] = ["udp", "tcp", "tls"], ttlS = 100) {
  const time = new VirtualTime();
  const asked: string[] = [];
  const dns: DnsClient = {
    async query(name: string, type: RecordType) {
      asked.push(`${type} ${name}`);
      const records = zone[`${type} ${name}`] ?? [];
      if (records === "timeout") return fail("timeout", "no answer");
      return ok({ records: records as never[], ttlS });
    },
  };
  const resolver = new SipResolver({
    clock: time,
    timers: time,
    log: silentLog,
    dns,
    transports,
    families: [4],
    random: () => 0,
  });
  const uriOf = (text: string): SipUri => {
    const uri = parseSipUri(text);
    if (!uri.ok) throw new Error(text);
    return uri.value;
  };
  const show = (to: SipAddress): string => `${to.transport} ${to.host}:${to.port}`;
  const route = (text: string): Promise<string[]> =>
    new Promise((resolve) =>
      resolver.resolve(uriOf(text), (found) =>
        resolve(found.ok ? [found.value, ...(found.value.alternatives ?? [])].map(show) : [found.error.code]),
      ),
    );
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  return { time, asked, resolver, route, uriOf, settle };
}

test("NAPTR by order and preference, then SRV by priority, then every address", async () => {
  const { route } = world(example);
  assert.equal(await route("sip:bob@example.com"), [
    "tls 192.0.2.1:5061",
    "tcp 192.0.2.1:5060",
    "tcp 192.0.2.2:5070",
    "tcp 192.0.2.3:5070",
    "udp 192.0.2.2:5060",
    "udp 192.0.2.3:5060",
  ]);
});

test("only transports that are here", async () => {
  const { route } = world(example, ["udp"]);
  assert.equal(await route("sip:bob@example.com"), ["udp 192.0.2.2:5060", "udp 192.0.2.3:5060"]);
});

test("sips takes TLS only; TLS servers must prove to be the domain, not the server's own name (RFC 5922 section 4)", async () => {
  const { route, resolver, uriOf, settle } = world(example);
  assert.equal(await route("sips:bob@example.com"), ["tls 192.0.2.1:5061"]);
  let name: string | undefined;
  resolver.resolve(uriOf("sips:bob@example.com"), (found) => {
    name = found.ok ? found.value.name : undefined;
  });
  await settle();
  assert.is(name, "example.com");
  assert.equal(await world(example, ["udp", "tcp"]).route("sips:bob@example.com"), ["transport"]);
  assert.equal(await route("sips:bob@example.com;transport=udp"), ["transport"]);
});

test("a transport parameter: no NAPTR is asked for", async () => {
  const { route, asked } = world(example);
  assert.equal(await route("sip:bob@example.com;transport=tcp"), [
    "tcp 192.0.2.1:5060",
    "tcp 192.0.2.2:5070",
    "tcp 192.0.2.3:5070",
  ]);
  assert.not.ok(asked.some((question) => question.startsWith("NAPTR")));
});

test("a port: addresses only; numbers: nothing is asked, maddr counts before the host", async () => {
  const { route, asked } = world({ "A example.com": ["192.0.2.9"] });
  assert.equal(await route("sip:bob@example.com:5080"), ["udp 192.0.2.9:5080"]);
  assert.equal(asked, ["A example.com"]);
  assert.equal(await route("sip:bob@192.0.2.4"), ["udp 192.0.2.4:5060"]);
  assert.equal(await route("sips:bob@192.0.2.4"), ["tls 192.0.2.4:5061"]);
  assert.equal(await route("sip:bob@192.0.2.4;transport=tls"), ["tls 192.0.2.4:5061"]);
  assert.equal(await route("sip:bob@example.com;maddr=192.0.2.5"), ["udp 192.0.2.5:5060"]);
  assert.equal(asked.length, 1);
});

test("no NAPTR: SRV of each transport in our order; no SRV: the address; none: sip.DOMAIN (thesis section 2.2)", async () => {
  const noNaptr = { ...example, "NAPTR example.com": [] };
  assert.equal((await world(noNaptr, ["tcp", "udp"]).route("sip:bob@example.com"))[0], "tcp 192.0.2.1:5060");
  assert.equal(await world({ "A plain.example": ["192.0.2.7"] }).route("sip:a@plain.example"), ["udp 192.0.2.7:5060"]);
  assert.equal(await world({ "A sip.plain.example": ["192.0.2.8"] }).route("sip:a@plain.example"), [
    "udp 192.0.2.8:5060",
  ]);
  assert.equal(await world({}).route("sip:a@nobody.example"), ["name"]);
  assert.equal(await world({ "A plain.example": "timeout" }).route("sip:a@plain.example"), ["dns"]);
  const none = { "SRV _sip._udp.none.example": [srv(".", 0)], "A none.example": ["192.0.2.6"] };
  assert.equal(await world(none, ["udp"]).route("sip:a@none.example;transport=udp"), ["udp 192.0.2.6:5060"]);
});

test("weights: RFC 2782's draw", () => {
  const records = [srv("a", 1, 10, 0), srv("b", 2, 10, 60), srv("c", 3, 10, 40), srv("d", 4, 5, 0)];
  const first = { a: 0, b: 0, c: 0 } as Record<string, number>;
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  for (let i = 0; i < 10_000; i++) {
    const order = bySrv(records, random);
    assert.is(order[0].target, "d");
    assert.is(order.length, 4);
    first[order[1].target]++;
  }
  assert.ok(first.b > 5500 && first.b < 6400, `${first.b}`);
  assert.ok(first.c > 3600 && first.c < 4400, `${first.c}`);
  assert.ok(first.a > 20 && first.a < 300, `${first.a}`);
});

test("a known route is given at once, until its records run out; one look-up serves many askers", async () => {
  const { time, asked, resolver, route, uriOf, settle } = world(example);
  await Promise.all([route("sip:a@example.com"), route("sip:a@example.com")]);
  const questions = asked.length;
  assert.is(new Set(asked).size, questions, "no question twice");
  let atOnce = false;
  resolver.resolve(uriOf("sip:a@example.com"), (found) => {
    atOnce = found.ok;
  });
  assert.ok(atOnce);
  assert.is(asked.length, questions);
  time.advance(101_000);
  atOnce = false;
  resolver.resolve(uriOf("sip:a@example.com"), () => {
    atOnce = true;
  });
  assert.not.ok(atOnce);
  await settle();
  assert.ok(asked.length > questions);
});

test("a warm route never runs out: it is looked up again ahead of that", async () => {
  const { time, asked, resolver, uriOf, settle } = world(example);
  const uri = uriOf("sip:example.com");
  resolver.warm(uri);
  await settle();
  const questions = asked.length;
  for (let s = 0; s < 600; s++) {
    time.advance(1000);
    await settle();
    let atOnce = false;
    resolver.resolve(uri, (found) => {
      atOnce = found.ok;
    });
    assert.ok(atOnce, `known after ${s} s`);
  }
  assert.ok(asked.length >= 5 * questions && asked.length <= 12 * questions, `${asked.length} questions`);
  resolver.cool(uri);
  const before = asked.length;
  time.advance(600_000);
  await settle();
  assert.is(asked.length, before);
  resolver.close();
  assert.is(time.active, 0);
});

test("DNS gone: an old route is better than none", async () => {
  const zone: Zone = { ...example };
  const { time, route } = world(zone, ["udp"]);
  assert.is((await route("sip:a@example.com"))[0], "udp 192.0.2.2:5060");
  for (const key of Object.keys(zone)) zone[key] = "timeout";
  zone["A example.com"] = zone["A sip.example.com"] = zone["NAPTR example.com"] = "timeout";
  time.advance(200_000);
  assert.is((await route("sip:a@example.com"))[0], "udp 192.0.2.2:5060");
  time.advance(4_000_000);
  assert.equal(await route("sip:a@example.com"), ["dns"]);
});

test("a server that failed comes last for a while, longer each time; an answer clears it; Retry-After counts", async () => {
  const { time, resolver, route } = world(example, ["udp"], 100_000);
  const bad: SipAddress = { host: "192.0.2.2", port: 5060, transport: "udp" };
  await route("sip:a@example.com");
  const first = async (): Promise<string> => (await route("sip:a@example.com"))[0];
  resolver.report(bad, "failed");
  assert.is(await first(), "udp 192.0.2.3:5060");
  time.advance(16_000);
  assert.is(await first(), "udp 192.0.2.2:5060");
  resolver.report(bad, "failed");
  time.advance(16_000);
  assert.is(await first(), "udp 192.0.2.3:5060", "twice as long");
  time.advance(16_000);
  assert.is(await first(), "udp 192.0.2.2:5060");
  resolver.report(bad, "failed", 120);
  time.advance(100_000);
  assert.is(await first(), "udp 192.0.2.3:5060", "as Retry-After asks");
  resolver.report(bad, "answered");
  assert.is(await first(), "udp 192.0.2.2:5060");
});

test.run();
