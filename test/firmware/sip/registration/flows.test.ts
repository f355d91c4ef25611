// Flows of registrations in virtual time: what keeps them, what their loss leads to, and when (RFC 5626 sections 4.2 to 4.5).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { silentLog } from "../../../../firmware/runtime/log.js";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import {
  type FlowOptions,
  Headers,
  type KeepAlive,
  Registrations,
  type SipAddress,
  type SipResponse,
} from "../../../../firmware/sip/index.js";
import { agent, type MemoryTransport, Network, seededRandom } from "../support.js";
import { Registrar, type RegistrarOptions } from "./registrar.js";

const INSTANCE = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
const outbound: RegistrarOptions = { headers: [["Require", "outbound"]] };
const hop = (number: number): SipAddress => ({ host: `192.0.2.${number}`, port: 5060, transport: "udp" });

/** One kept flow as the user agent was asked for it. */
interface Kept {
  readonly to: SipAddress;
  readonly options: FlowOptions;
  readonly fail: (text: string) => void;
  open: boolean;
}

interface Options {
  readonly registrar?: RegistrarOptions;
  readonly proxies?: readonly number[];
  readonly keepAlive?: KeepAlive;
}

/** alice@a.test at 192.0.2.1; its proxies are registrars themselves. */
function world({ registrar, proxies = [9], keepAlive }: Options = {}) {
  const time = new VirtualTime();
  const network = new Network(time);
  const registrars = proxies.map((number) => new Registrar(network, number, registrar));
  const transport: MemoryTransport = network.bind("192.0.2.1");
  const ua = agent(network, 1, { transport });
  const kept: Kept[] = [];
  const unreachable: SipAddress[] = [];
  const registrations = new Registrations({
    accounts: [
      {
        account: "sip:alice@a.test",
        registrar: "sip:a.test",
        expiresS: 600,
        gruu: false,
        ...(keepAlive ? { keepAlive } : {}),
        outboundProxies: proxies.map(hop),
      },
    ],
    instanceId: INSTANCE,
    ...{ clock: time, timers: time, log: silentLog, random: seededRandom("flows") },
    request: (method, target, done) => ua.request(method, target, done),
    contactUri: () => "sip:alice@192.0.2.1:5060",
    changed: () => {},
    keepOpen: (to, options, failed) => {
      const one: Kept = {
        to,
        options,
        open: true,
        fail: (text) => {
          one.open = false;
          failed(new Error(text));
        },
      };
      kept.push(one);
      return { address: to, close: () => void (one.open = false) };
    },
    unreachable: (to) => unreachable.push(to),
  });
  return {
    ...{ time, network, registrars, registrations, kept, unreachable, transport },
    run: (ms: number) => {
      for (let left = ms; left > 0; left -= 5) {
        for (const each of registrars) each.serve();
        time.advance(Math.min(5, left));
      }
    },
    state: (i = 0) => registrations.status()[i],
  };
}

test("outbound agreed on: the flow is kept with keep-alives that must be answered; without: with ones that need not", () => {
  const agreed = world({ registrar: { headers: [...outbound.headers!, ["Flow-Timer", "40"]] } });
  agreed.registrations.start();
  agreed.run(100);
  assert.is(agreed.kept.length, 1);
  assert.is(agreed.kept[0].to.host, "192.0.2.9");
  assert.is(agreed.kept[0].options.answered, true);
  assert.is(agreed.kept[0].options.everyMs, 40_000, "the server's Flow-Timer");
  assert.is(agreed.state().outbound, true);
  assert.is(agreed.state().flow, "udp 192.0.2.9:5060, kept by STUN");
  const plain = world();
  plain.registrations.start();
  plain.run(100);
  assert.is(plain.kept[0].options.answered, false);
  assert.is(plain.state().outbound, undefined);
  const known = world({ keepAlive: "answered" });
  known.registrations.start();
  known.run(100);
  assert.is(known.kept[0].options.answered, true, "the configuration says that it answers");
  const off = world({ keepAlive: "off", registrar: outbound });
  off.registrations.start();
  off.run(100);
  assert.is(off.kept.length, 0);
});

test("a refresh goes on keeping the same flow; switched off, it is let go", async () => {
  const { registrations, kept, run, registrars } = world({ registrar: outbound });
  registrations.start();
  run(100);
  run(520_000);
  assert.ok(registrars[0].seen.length >= 2);
  assert.is(kept.length, 1);
  assert.is(kept[0].open, true);
  const closed = registrations.close(2000);
  run(100);
  await closed;
  assert.is(kept[0].open, false);
});

test("a flow that had worked and fails: registered anew at once, with the same reg-id; the server is said to be unreachable", () => {
  const { registrations, kept, run, registrars, state, unreachable } = world({ registrar: outbound });
  registrations.start();
  run(100);
  kept[0].options.alive!();
  const before = registrars[0].seen.length;
  kept[0].fail("a keep-alive was not answered");
  assert.is(state().state, "registering", "the binding is gone with its flow");
  assert.match(state().failure!.text, /way to the server was lost: a keep-alive was not answered/);
  run(50);
  assert.is(state().state, "registered");
  assert.is(registrars[0].seen.length, before + 1);
  assert.match(registrars[0].seen.at(-1)!.request.headers.get("Contact")!, /;reg-id=1;/);
  assert.is(kept.length, 2, "a new flow");
  assert.equal(
    unreachable.map(({ host }) => host),
    ["192.0.2.9"],
  );
});

test("RFC 5626 4.5: a flow whose keep-alives were never answered counts as a failure; the waits double", () => {
  const { registrations, kept, run, registrars, state } = world({ registrar: outbound });
  registrations.start();
  run(100);
  const gaps: number[] = [];
  for (let i = 0; i < 4; i++) {
    const mark = registrars[0].seen.length;
    const at = registrars[0].seen.at(-1)!.atMs;
    kept.at(-1)!.fail("a keep-alive was not answered");
    assert.is(state().state, "waiting");
    run(30_000 * 2 ** i + 500);
    assert.is(registrars[0].seen.length, mark + 1, `try ${i}`);
    gaps.push((registrars[0].seen.at(-1)!.atMs - at) / 1000);
  }
  gaps.forEach((gap, i) => {
    const upper = 30 * 2 ** i;
    assert.ok(gap >= upper / 2 && gap <= upper + 1, `wait ${i} of ${gap} s, wanted ${upper / 2} to ${upper}`);
  });
  // An answer at last: the next loss is met at once.
  kept.at(-1)!.options.alive!();
  kept.at(-1)!.fail("the connection was closed");
  run(50);
  assert.is(state().state, "registered");
});

test("RFC 5626 4.5: while another flow works the base is 90 s, when all have failed 30 s", () => {
  const { registrations, kept, run, registrars, state } = world({ registrar: outbound, proxies: [9, 8] });
  registrations.start();
  run(100);
  assert.equal(
    kept.map(({ to }) => to.host),
    ["192.0.2.9", "192.0.2.8"],
  );
  const lost = (i: number) => kept.findLast(({ to, open }) => open && to.host === hop(i).host)!.fail("gone");
  lost(9);
  const wait = state(0).retryAtMs! - state(0).failure!.atMs;
  assert.ok(wait >= 45_000 && wait <= 90_000, `${wait}`);
  lost(8);
  const all = state(1).retryAtMs! - state(1).failure!.atMs;
  assert.ok(all >= 15_000 && all <= 30_000, `${all}`);
  run(31_000);
  assert.is(state(1).state, "registered");
  assert.is(registrars[1].seen.length, 2);
});

test("four outbound proxies: reg-id 1 to 4, a Call-ID and a flow each; calls go by the first that works", () => {
  const proxies = [9, 8, 7, 6];
  const { registrations, registrars, run, kept } = world({ registrar: outbound, proxies });
  registrations.start();
  run(100);
  const requests = registrars.map(({ seen }) => seen[0].request);
  assert.equal(
    requests.map(({ headers }) => /;reg-id=(\d)/.exec(headers.get("Contact")!)?.[1]),
    ["1", "2", "3", "4"],
  );
  assert.is(new Set(requests.map(({ headers }) => headers.get("Call-ID"))).size, 4);
  const route = () => registrations.route("sip:alice@a.test").nextHop?.host;
  assert.is(route(), "192.0.2.9");
  for (const one of kept) one.options.alive!();
  registrars[0].instead = () => null;
  kept[0].fail("gone");
  assert.is(route(), "192.0.2.8");
});

test("a registrar without outbound keeps the binding when the connection breaks; the phone comes back by itself", () => {
  const { registrations, kept, run, registrars, state } = world({ keepAlive: "answered" });
  registrations.start();
  run(100);
  kept[0].options.alive!();
  kept[0].fail("the connection was closed");
  assert.is(state().state, "registered");
  run(50);
  assert.is(registrars[0].seen.length, 2);
});

test("a refresh that its flow no longer carries is made over a new one at once", () => {
  const { registrations, kept, run, registrars, state, transport } = world({ registrar: outbound });
  registrations.start();
  run(100);
  kept[0].options.alive!();
  run(440_000);
  const before = registrars[0].seen.length;
  registrars[0].instead = () => null;
  // The refresh is lost on the way: 32 s later a new flow is tried.
  for (let i = 0; i < 200 && registrars[0].seen.length === before; i++) run(500);
  transport.fail = undefined;
  registrars[0].instead = () => undefined;
  run(33_000);
  assert.is(state().state, "registered");
  assert.is(kept.filter(({ open }) => open).length, 1);
});

test("503 to a refresh: the flow stays (RFC 5626 4.2.2), 403 ends it", () => {
  const { registrations, kept, run, registrars, state } = world({ registrar: outbound });
  registrations.start();
  run(100);
  kept[0].options.alive!();
  registrars[0].instead = () => [503, [["Retry-After", "20"]]];
  run(500_000);
  assert.is(kept.length, 1);
  assert.is(kept[0].open, true);
  registrars[0].instead = () => [403];
  run(60_000);
  assert.is(kept[0].open, false);
  assert.is(state().state, "waiting");
});

test("a Path in the answer is shown and used for nothing (RFC 3327 section 5.1)", () => {
  const { registrations, run, state } = world({
    registrar: { headers: [["Path", "<sip:edge.a.test;lr;ob>, <sip:inner.a.test;lr>"]] },
  });
  registrations.start();
  run(100);
  assert.equal(state().path, ["<sip:edge.a.test;lr;ob>", "<sip:inner.a.test;lr>"]);
  assert.equal(registrations.route("sip:alice@a.test").routes, []);
});

/** Registrations whose requests end here. */
function captured(account: string, registrar: string, sent = (secure: boolean) => (secure ? "sips:x" : "sip:x")) {
  const time = new VirtualTime();
  const asked: Parameters<ConstructorParameters<typeof Registrations>[0]["request"]>[1][] = [];
  const registrations = new Registrations({
    accounts: [{ account, registrar, expiresS: 600, gruu: false, outboundProxies: [] }],
    ...{ clock: time, timers: time, log: silentLog, random: seededRandom("captured") },
    request: (_method, target, done) => {
      asked.push(target);
      const contact = `<${sent(target.target.startsWith("sips:"))}>;expires=600`;
      const headers = new Headers([["Contact", contact]]);
      const response: SipResponse = { kind: "response", status: 200, reason: "OK", headers, body: new Uint8Array(0) };
      done({ ok: response, atMs: 0, way: { host: "192.0.2.9", port: 5061, transport: "tls" } });
    },
    contactUri: () => "sip:alice@192.0.2.1:5060",
    contactSent: (_account, _to, secure) => sent(secure),
    changed: () => {},
  });
  return { registrations, asked, state: () => registrations.status()[0].state };
}

test("RFC 5630 5.1.1.1: From and To are sips where the contacts are, and sip where they are", () => {
  for (const [account, registrar, record] of [
    ["sips:alice@a.test", "sips:a.test", "sips:alice@a.test"],
    ["sip:alice@a.test", "sips:a.test", "sips:alice@a.test"],
    ["sips:alice@a.test", "sip:a.test", "sip:alice@a.test"],
    ["sip:alice@a.test", "sip:a.test", "sip:alice@a.test"],
  ] as const) {
    const { registrations, asked, state } = captured(account, registrar);
    registrations.start();
    assert.is(state(), "registered");
    assert.is(asked[0].to, record);
    assert.is(asked[0].from.uri, record);
    assert.is(asked[0].account, account, "credentials are the account's");
  }
});

test("another address: what is taken away is the contact as the registrar has it, not as we think of it", () => {
  let uri = "sip:alice@192.0.2.1:5060";
  const time = new VirtualTime();
  const asked: (readonly string[])[] = [];
  const registrations = new Registrations({
    accounts: [
      { account: "sip:alice@a.test", registrar: "sip:a.test", expiresS: 600, gruu: false, outboundProxies: [] },
    ],
    ...{ clock: time, timers: time, log: silentLog, random: seededRandom("moved") },
    request: (_method, target, done) => {
      asked.push(target.contacts!);
      const headers = new Headers([["Contact", `<${uri};transport=tcp>;expires=600`]]);
      const response: SipResponse = { kind: "response", status: 200, reason: "OK", headers, body: new Uint8Array(0) };
      done({ ok: response, atMs: 0, way: { host: "192.0.2.9", port: 5060, transport: "tcp" } });
    },
    contactUri: () => uri,
    contactSent: () => `${uri};transport=tcp`,
    changed: () => {},
  });
  registrations.start();
  uri = "sip:alice@192.0.2.77:5060";
  registrations.readdress();
  assert.equal(asked.at(-1), [
    "<sip:alice@192.0.2.77:5060>;expires=600",
    "<sip:alice@192.0.2.1:5060;transport=tcp>;expires=0",
  ]);
});

test.run();
