// Registrations in virtual time: what is asked for, when it is asked again, how trouble is met, what is left at the end.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { silentLog } from "../../../../firmware/runtime/log.js";
import { Secret } from "../../../../firmware/runtime/secret.js";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import {
  Authenticator,
  type RegistrationStatus,
  Registrations,
  type SipAddress,
} from "../../../../firmware/sip/index.js";
import { agent, Network, seededRandom } from "../support.js";
import { Registrar, type RegistrarOptions } from "./registrar.js";

const INSTANCE = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

interface WorldOptions {
  readonly registrar?: RegistrarOptions;
  readonly password?: string;
  readonly expiresS?: number;
  readonly instanceId?: string;
  readonly outboundProxies?: readonly SipAddress[];
}

/** alice@a.test at 192.0.2.1; the registrar of a.test at 192.0.2.9. */
function world(options: WorldOptions = {}) {
  const time = new VirtualTime();
  const network = new Network(time);
  const registrar = new Registrar(network, 9, options.registrar);
  const auth = new Authenticator({
    credentials: [{ user: "alice", secret: { password: new Secret(Buffer.from(options.password ?? "geheim")) } }],
    domain: "a.test",
    random: seededRandom("auth"),
  });
  const ua = agent(network, 1, { auth: () => auth });
  const changes: RegistrationStatus[] = [];
  let contact = "sip:alice@192.0.2.1:5060";
  const registrations = new Registrations({
    accounts: [
      {
        account: "sip:alice@a.test",
        registrar: "sip:192.0.2.9",
        expiresS: options.expiresS ?? 600,
        gruu: true,
        outboundProxies: options.outboundProxies ?? [],
      },
    ],
    ...(options.instanceId ? { instanceId: options.instanceId } : {}),
    clock: time,
    timers: time,
    random: seededRandom("registrations"),
    log: silentLog,
    request: (method, target, done) => ua.request(method, target, done),
    contactUri: () => contact,
    changed: (status) => changes.push(status),
  });
  return {
    ...{ time, network, registrar, ua, registrations, changes },
    move: (uri: string) => {
      contact = uri;
      registrations.readdress();
    },
    state: (i = 0) => registrations.status()[i],
  };
}

for (const algorithm of ["MD5", "SHA-256", "SHA-512-256"])
  test(`registers with ${algorithm}; the refresh carries credentials ahead, on one Call-ID with rising CSeq`, () => {
    const { registrar, registrations, state } = world({ registrar: { algorithms: [algorithm], grantS: 600 } });
    registrations.start();
    registrar.run(100);
    assert.is(state().state, "registered");
    assert.is(registrar.seen.length, 2);
    assert.is(registrar.bindings.get("sip:alice@192.0.2.1:5060")?.expiresS, 600);
    registrar.run(530_000);
    assert.is(registrar.seen.length, 3, "one refresh, and no further 401");
    const at = registrar.seen[2].atMs / 1000;
    assert.ok(at >= 450 && at <= 500, `refreshed after ${at} s`);
    const ids = new Set(registrar.seen.map(({ request }) => request.headers.get("Call-ID")));
    assert.is(ids.size, 1);
    const seqs = registrar.seen.map(({ request }) => Number(request.headers.get("CSeq")!.split(" ")[0]));
    assert.equal(seqs, [seqs[0], seqs[0] + 1, seqs[0] + 2]);
    const [first] = registrar.seen;
    assert.is(first.request.uri, "sip:192.0.2.9");
    assert.is(first.request.headers.get("To"), "<sip:alice@a.test>");
    assert.is(first.request.headers.get("Max-Forwards"), "70");
  });

test("a wrong password is said, and not tried again for a quarter of an hour at least", () => {
  const { registrar, registrations, state } = world({ registrar: { algorithms: ["MD5"] }, password: "falsch" });
  registrations.start();
  registrar.run(100);
  assert.is(state().state, "waiting");
  assert.is(state().failure?.status, 401);
  assert.match(state().failure!.text, /user name or password/);
  const tries = registrar.seen.length;
  assert.is(tries, 2);
  registrar.run(890_000);
  assert.is(registrar.seen.length, tries);
  registrar.run(920_000);
  assert.ok(registrar.seen.length > tries);
});

test("423: the registrar's minimum is asked for", () => {
  const { registrar, registrations, state } = world();
  registrar.instead = (request) =>
    Number(request.headers.get("Expires")) < 900 ? [423, [["Min-Expires", "900"]]] : undefined;
  registrations.start();
  registrar.run(100);
  assert.is(state().state, "registered");
  assert.equal(
    registrar.seen.map(({ request }) => request.headers.get("Expires")),
    ["600", "900"],
  );
});

test("a registrar that grants less than was asked for is refreshed in its interval; a very short one at half time", () => {
  const { registrar, registrations } = world({ registrar: { grantS: 60 } });
  registrations.start();
  registrar.run(31_000);
  assert.is(registrar.seen.length, 2);
  assert.ok(registrar.seen[1].atMs >= 29_900);
});

test("302: the registrar it names is asked; one that redirects in circles is given up", () => {
  const { network, registrar, registrations, state } = world();
  const other = new Registrar(network, 8);
  registrar.instead = () => [302, [["Contact", "<sip:192.0.2.8>"]]];
  registrations.start();
  for (let i = 0; i < 40; i++) {
    registrar.run(5);
    other.serve();
  }
  assert.is(state().state, "registered");
  assert.is(other.seen[0].request.uri, "sip:192.0.2.8");
  const circle = world();
  circle.registrar.instead = () => [302, [["Contact", "<sip:192.0.2.9>"]]];
  circle.registrations.start();
  circle.registrar.run(200);
  assert.is(circle.registrar.seen.length, 1);
  assert.is(circle.state().state, "waiting");
  assert.is(circle.state().failure?.status, 302);
});

test("silence and 503: tries come at the back-off of RFC 5626 4.5, Retry-After is obeyed, and it recovers by itself", () => {
  const { registrar, registrations, state } = world();
  registrar.instead = () => [503];
  registrations.start();
  registrar.run(2_000_000);
  const times = registrar.seen.map(({ atMs }) => atMs / 1000);
  const gaps = times.slice(1).map((each, i) => each - times[i]);
  gaps.slice(0, 6).forEach((gap, i) => {
    const upper = Math.min(1800, 30 * 2 ** i);
    assert.ok(gap >= upper / 2 - 0.1 && gap <= upper + 0.1, `gap ${i} is ${gap}`);
  });
  assert.is(state().state, "waiting");
  assert.ok(state().retryAtMs! > 0);
  registrar.instead = () => undefined;
  registrar.run(1_900_000);
  assert.is(state().state, "registered");
  assert.is(state().failure?.status, 503, "the last failure stays visible");
  const polite = world();
  polite.registrar.instead = () => [503, [["Retry-After", "300 (maintenance)"]]];
  polite.registrations.start();
  polite.registrar.run(299_000);
  assert.is(polite.registrar.seen.length, 1);
  polite.registrar.run(5_000);
  assert.is(polite.registrar.seen.length, 2);
});

test("a registrar that is gone for a while: the binding counts until it ends, then the state says so", () => {
  const { registrar, registrations, state, changes } = world();
  registrations.start();
  registrar.run(100);
  registrar.instead = () => null;
  registrar.run(560_000);
  assert.is(state().state, "registered", "the binding still holds");
  assert.match(state().failure!.text, /does not answer/);
  registrar.run(45_000);
  assert.is(state().state === "registered", false);
  registrar.instead = () => undefined;
  registrar.run(130_000);
  assert.is(state().state, "registered");
  assert.ok(changes.length > 2);
});

test("another address: registered at once, and the old binding is taken away", () => {
  const { registrar, registrations, move } = world();
  registrations.start();
  registrar.run(100);
  move("sip:alice@192.0.2.77:5060");
  registrar.run(100);
  assert.equal([...registrar.bindings.keys()], ["sip:alice@192.0.2.77:5060"]);
});

test("switched off: the binding is taken back, also when a REGISTER was under way", async () => {
  const { registrar, registrations, time, state } = world();
  registrations.start();
  registrar.run(100);
  const closed = registrations.close(2000);
  registrar.run(100);
  await closed;
  assert.is(registrar.bindings.size, 0);
  assert.is(registrar.seen.at(-1)!.request.headers.get("Expires"), "0");
  assert.is(state().state, "off");
  const busy = world();
  busy.registrations.start();
  busy.time.advance(2);
  const done = busy.registrations.close(2000);
  busy.registrar.run(200);
  await done;
  assert.is(busy.registrar.bindings.size, 0);
  time.advance(60_000);
  assert.is(time.active, 0, "no timer is left");
});

test("switched off while the registrar is silent: not longer than the limit", async () => {
  const { registrar, registrations, time } = world();
  registrations.start();
  registrar.run(100);
  registrar.instead = () => null;
  const closed = registrations.close(2000);
  time.advance(2001);
  await closed;
});

test("outbound: instance and reg-id in the contact, GRUU and Service-Route are used, a first hop without it is met (439)", () => {
  const gruu = "sip:alice@a.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
  const { registrar, registrations, state } = world({
    instanceId: INSTANCE,
    registrar: {
      contactParams: `;pub-gruu="${gruu}";temp-gruu="sip:tmp1@a.test;gr"`,
      headers: [
        ["Service-Route", "<sip:orig@192.0.2.9;lr>, <sip:second.a.test;lr>"],
        ["Require", "outbound"],
      ],
    },
  });
  registrations.start();
  registrar.run(100);
  const [{ request }] = registrar.seen;
  assert.is(
    request.headers.get("Contact"),
    `<sip:alice@192.0.2.1:5060>;+sip.instance="<${INSTANCE}>";reg-id=1;expires=600`,
  );
  assert.is(request.headers.get("Supported"), "path");
  assert.equal(request.headers.all("Supported"), ["path", "outbound", "gruu"]);
  assert.is(state().publicGruu, gruu);
  assert.equal(registrations.route("sip:alice@a.test").routes, ["<sip:orig@192.0.2.9;lr>", "<sip:second.a.test;lr>"]);
  assert.is(registrations.contact("sip:alice@a.test"), `<${gruu}>`);
  const plain = world({ instanceId: INSTANCE });
  plain.registrar.instead = (each) => (/reg-id/.test(each.headers.get("Contact")!) ? [439] : undefined);
  plain.registrations.start();
  plain.registrar.run(100);
  assert.is(plain.state().state, "registered");
});

test("two outbound proxies: two flows; calls go by the one that works", () => {
  const hop = (number: number): SipAddress => ({ host: `192.0.2.${number}`, port: 5060, transport: "udp" });
  const { network, registrar, registrations, state } = world({
    instanceId: INSTANCE,
    outboundProxies: [hop(9), hop(8)],
  });
  const second = new Registrar(network, 8);
  registrar.instead = () => [503];
  registrations.start();
  for (let i = 0; i < 40; i++) {
    registrar.run(5);
    second.serve();
  }
  assert.is(state(0).state, "waiting");
  assert.is(state(1).state, "registered");
  assert.is(state(1).via, "192.0.2.8:5060");
  assert.match(second.seen[0].request.headers.get("Contact")!, /;reg-id=2;/);
  assert.equal(registrations.route("sip:alice@a.test").nextHop, hop(8));
});

test.run();
