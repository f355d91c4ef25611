// The lines of firmware/sip/README.md about accounts, each checked by the test that is named after it.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { silentLog } from "../../../../firmware/runtime/log.js";
import { Secret } from "../../../../firmware/runtime/secret.js";
import {
  Authenticator,
  type ExtraHeaders,
  Headers,
  Registrations,
  readPairs,
  SecurityAgreement,
  type SipResponse,
} from "../../../../firmware/sip/index.js";
import { Registrar } from "../registration/registrar.js";
import { agent, Peer, seededRandom } from "../support.js";
import { from, to, world } from "../world.js";

const table = suite("SIP accounts");
const password = () => ({ password: new Secret(Buffer.from("geheim")) });
const authenticator = (agreement?: SecurityAgreement) =>
  new Authenticator({
    credentials: [{ user: "alice", realm: "*", secret: password() }],
    domain: "a.test",
    random: seededRandom("table"),
    ...(agreement ? { agreement } : {}),
  });
const challenge = (status: 401 | 407, ...values: string[]): SipResponse => {
  const name = status === 401 ? "WWW-Authenticate" : "Proxy-Authenticate";
  const fields: ExtraHeaders = values.map((value) => [name, value] as const);
  return { kind: "response", status, reason: "", headers: new Headers(fields), body: new Uint8Array(0) };
};
const digest = (realm: string, algorithm: string, qop = "auth"): string =>
  `Digest realm="${realm}", nonce="n-${realm}", algorithm=${algorithm}, qop="${qop}"`;

table("authentication", () => {
  const request = { method: "INVITE", uri: "sip:b@b.test", body: Buffer.from("x") };
  const attempt = authenticator().begin("a.test");
  // A chain: the registrar's 401, then a proxy's 407; both sets of credentials are sent on.
  assert.equal(attempt.challenged(challenge(401, digest("a.test", "MD5"), digest("a.test", "SHA-256"))), {
    retry: true,
  });
  assert.equal(attempt.challenged(challenge(407, digest("proxy", "SHA-512-256", "auth-int"))), { retry: true });
  const sent = attempt
    .headers(request)
    .map(([name, value]) => [name, readPairs(value.replace(/^Digest /, ""))] as const);
  assert.equal(
    sent.map(([name, pairs]) => [name, pairs?.get("realm"), pairs?.get("algorithm"), pairs?.get("qop")]).sort(),
    [
      ["Authorization", "a.test", "SHA-256", "auth"],
      ["Proxy-Authorization", "proxy", "SHA-512-256", "auth-int"],
    ],
  );
  assert.equal(attempt.challenged(challenge(401, digest("a.test", "SHA-256"))), {
    retry: false,
    why: "wrong-credentials",
  });
  assert.equal(authenticator().begin("a.test").challenged(challenge(401, 'Basic realm="a.test"')), {
    retry: false,
    why: "unsupported",
  });
});

table("security agreement", () => {
  const { time, network } = world();
  const proxy = new Peer(network, 9);
  const auth = authenticator(new SecurityAgreement({ required: true, tls: false, digest: true }));
  const ua = agent(network, 1, { auth: () => auth });
  let status = 0;
  const nextHop = { host: "192.0.2.9", port: 5060, transport: "udp" } as const;
  ua.request("OPTIONS", { target: to(2), from, nextHop }, (outcome) => {
    status = "ok" in outcome ? outcome.ok.status : outcome.failed.status;
  });
  time.advance(10);
  const first = proxy.last("OPTIONS");
  assert.ok(first.headers.has("Security-Client") && first.headers.all("Require").includes("sec-agree"));
  proxy.respond(first, 494, "p", [
    ["Security-Server", "digest;d-alg=md5;q=0.2"],
    ["Proxy-Authenticate", digest("a.test", "MD5")],
  ]);
  time.advance(10);
  const second = proxy.last("OPTIONS");
  assert.match(second.headers.get("Security-Verify") ?? "", /^digest;.*d-ver="[0-9a-f]{32}"/);
  proxy.respond(second, 200, "p");
  time.advance(10);
  assert.is(status, 200);
});

/** alice@a.test at 192.0.2.1, her registrar at 192.0.2.9. */
function registering(algorithms: readonly string[]) {
  const { time, network } = world();
  const registrar = new Registrar(network, 9, { algorithms, headers: [["Service-Route", "<sip:edge.test;lr>"]] });
  const auth = new Authenticator({
    credentials: [{ user: "alice", secret: password() }],
    domain: "a.test",
    random: seededRandom("auth"),
  });
  const ua = agent(network, 1, { auth: () => auth });
  const registrations = new Registrations({
    accounts: [
      { account: "sip:alice@a.test", registrar: "sip:192.0.2.9", expiresS: 600, gruu: true, outboundProxies: [] },
    ],
    instanceId: "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    ...{ clock: time, timers: time, log: silentLog, random: seededRandom("registrations") },
    request: (method, target, done) => ua.request(method, target, done),
    contactUri: () => "sip:alice@192.0.2.1:5060",
    changed: () => {},
  });
  return { registrar, registrations, state: () => registrations.status()[0] };
}

table("registration", async () => {
  const { registrar, registrations, state } = registering(["SHA-256"]);
  let tooBrief = true;
  registrar.instead = () => {
    if (!tooBrief) return undefined;
    tooBrief = false;
    return [423, [["Min-Expires", "900"]]];
  };
  registrations.start();
  registrar.run(200);
  assert.is(state().state, "registered");
  const contact = registrar.seen.at(-1)?.request.headers.get("Contact") ?? "";
  assert.match(contact, /\+sip\.instance="<urn:uuid:[0-9a-f-]+>";reg-id=1/);
  assert.is(registrar.bindings.get("sip:alice@192.0.2.1:5060")?.expiresS, 900, "423");
  const before = registrar.seen.length;
  registrar.run(880_000);
  assert.is(registrar.seen.length, before + 1, "one refresh within the interval");
  const closing = registrations.close(1000);
  registrar.run(500);
  await closing;
  assert.is(registrar.bindings.size, 0, "taken back at the end");
});

table("not: security agreement for IPsec (`ipsec-ike`, `ipsec-man`)", () => {
  const { time, network } = world();
  const proxy = new Peer(network, 9);
  const auth = authenticator(new SecurityAgreement({ required: true, tls: false, digest: true }));
  const ua = agent(network, 1, { auth: () => auth });
  let failure = 0;
  const nextHop = { host: "192.0.2.9", port: 5060, transport: "udp" } as const;
  ua.request("OPTIONS", { target: to(2), from, nextHop }, (outcome) => {
    failure = "failed" in outcome ? outcome.failed.status : 0;
  });
  time.advance(10);
  proxy.respond(proxy.last("OPTIONS"), 494, "p", [["Security-Server", "ipsec-ike;q=0.2, ipsec-man;q=0.1"]]);
  time.advance(10);
  assert.is(failure, 494, "nothing of the list is ours: the request has failed");
  assert.is(proxy.kinds(), "OPTIONS");
});

table.run();
