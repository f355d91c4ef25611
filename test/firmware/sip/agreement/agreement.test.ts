// Security agreement in virtual time: a server of the RFC's own words, TLS and digest chosen, and somebody on the way who takes the better one out.

import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Secret } from "../../../../firmware/runtime/secret.js";
import { VirtualTime } from "../../../../firmware/runtime/virtual-time.js";
import {
  Authenticator,
  type ExtraHeaders,
  type RequestOutcome,
  readPairs,
  SecurityAgreement,
  type SipAddress,
  type SipRequest,
  type SipTransport,
} from "../../../../firmware/sip/index.js";
import { agent, type MemoryTransport, Network, outgoing, Peer, sdp, seededRandom } from "../support.js";

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");
const account = { uri: "sip:alice@a.test" };

/** Port 5061 of the in-memory network in the dress of TLS. */
function asTls(end: MemoryTransport): SipTransport {
  return {
    local: { ...end.local, transport: "tls" },
    reliable: true,
    maxBytes: end.maxBytes,
    start: (receiver) => end.start(receiver),
    send: (bytes, to, done) => end.send(bytes, to, done),
    close: () => end.close(),
  };
}

interface Options {
  readonly required?: boolean;
  readonly tls?: boolean;
  readonly password?: string | undefined;
  /** Its static list. */
  readonly list?: readonly string[];
  /** What somebody on the way makes of the list in a response to us. */
  readonly tamper?: (list: readonly string[]) => readonly string[];
  readonly challenge?: string | undefined;
}

const CHALLENGE = 'Digest realm="a.test", nonce="n1", qop="auth", algorithm=MD5';

/** alice at 192.0.2.1; her proxy at 192.0.2.9, UDP 5060 and TLS 5061, which goes by section 2.3.1. */
function world(options: Options = {}) {
  const { required = true, tls = true, list = ["ipsec-ike;q=0.1", "tls;q=0.2"], tamper = (same) => same } = options;
  const time = new VirtualTime();
  const network = new Network(time);
  const password = "password" in options ? options.password : "geheim";
  const agreement = new SecurityAgreement({ required, tls, digest: password !== undefined });
  const auth = new Authenticator({
    credentials:
      password === undefined ? [] : [{ user: "alice", secret: { password: new Secret(Buffer.from(password)) } }],
    domain: "a.test",
    random: seededRandom("agreement"),
    agreement,
  });
  const transport = [network.bind("192.0.2.1"), ...(tls ? [asTls(network.bind("192.0.2.1", 5061))] : [])];
  const ua = agent(network, 1, { transport, auth: () => auth });
  const proxy = { udp: new Peer(network, 9), tls: new Peer(network, 9, 5061) };
  const challenge = "challenge" in options ? options.challenge : CHALLENGE;
  const seen: { readonly way: "udp" | "tls"; readonly request: SipRequest }[] = [];
  const handled = { udp: 0, tls: 0 };

  /** 494 with the list, unless the request repeats it over TLS or under a digest. */
  function answer(way: "udp" | "tls", request: SipRequest): void {
    seen.push({ way, request });
    const verify = request.headers.all("Security-Verify").map((each) => each.replace(/;d-ver="[^"]*"/, ""));
    const whole = verify.join(", ") === list.join(", ") && (way === "tls" || proved(request));
    if (whole) return proxy[way].respond(request, 200, "p");
    const fields: ExtraHeaders = [
      ...tamper(list).map((each) => ["Security-Server", each] as const),
      ...(challenge === undefined ? [] : ([["Proxy-Authenticate", challenge]] as const)),
    ];
    proxy[way].respond(request, 494, "p", fields);
  }

  /** The d-ver of section 2.2, computed from its words. */
  function proved(request: SipRequest): boolean {
    const pairs = readPairs((request.headers.get("Proxy-Authorization") ?? "").replace(/^Digest /, ""));
    const sent = /;d-ver="([^"]*)"/.exec(request.headers.all("Security-Verify").join(", "))?.[1];
    if (!pairs || sent === undefined) return false;
    const a1 = md5(`alice:a.test:geheim`);
    const a2 = md5(`${request.method}:${request.uri}:Security-Server: ${list.join(", ")}`);
    const rest = ["nonce", "nc", "cnonce", "qop"].map((name) => pairs.get(name)).join(":");
    return sent === md5(`${a1}:${rest}:${a2}`);
  }

  const run = (ms: number): void => {
    for (let left = ms; left > 0; left -= 5) {
      for (const way of ["udp", "tls"] as const)
        for (; handled[way] < proxy[way].received.length; handled[way]++) {
          const { message } = proxy[way].received[handled[way]];
          if (message.kind === "request" && message.method !== "ACK") answer(way, message);
        }
      time.advance(Math.min(5, left));
    }
  };
  const nextHop: SipAddress = { host: "192.0.2.9", port: 5060, transport: "udp" };
  const ask = (method = "OPTIONS", hop = nextHop): RequestOutcome => {
    let outcome: RequestOutcome | undefined;
    ua.request(method, { target: "sip:bob@b.test", from: account, nextHop: hop }, (got) => (outcome = got));
    run(300);
    if (!outcome) throw new Error("no outcome");
    return outcome;
  };
  return { ...{ time, network, ua, proxy, seen, run, ask, agreement, nextHop } };
}

const ways = ({ seen }: { readonly seen: readonly { readonly way: string }[] }) => seen.map(({ way }) => way).join(" ");
const problem = (outcome: RequestOutcome): string | undefined =>
  "failed" in outcome ? (outcome.failed.authentication ?? String(outcome.failed.status)) : undefined;

test("section 4.1: asked in clear, TLS is chosen, everything after goes over TLS with the server's list", () => {
  const all = world();
  assert.ok("ok" in all.ask());
  assert.is(ways(all), "udp tls");
  const [first, second] = all.seen.map(({ request }) => request.headers);
  assert.equal(first.all("Security-Client"), ["tls", "digest"]);
  assert.not.ok(first.has("Security-Verify"));
  assert.equal(second.all("Security-Verify"), ["ipsec-ike;q=0.1", "tls;q=0.2"]);
  assert.not.ok(second.has("Security-Client"));
  for (const headers of [first, second]) {
    assert.is(headers.get("Require"), "sec-agree");
    assert.is(headers.get("Proxy-Require"), "sec-agree");
  }
  const seqs = [first, second].map((headers) => Number(headers.get("CSeq")!.split(" ")[0]));
  assert.is(seqs[1], seqs[0] + 1);
  assert.is(all.agreement.mechanism, "tls");
  assert.ok("ok" in all.ask("MESSAGE"));
  assert.is(ways(all), "udp tls tls", "no second negotiation");
});

test("a call: the INVITE agrees, its ACK and CANCEL say nothing of it", () => {
  const all = world();
  const log: string[] = [];
  all.ua.invite(
    { target: "sip:bob@b.test", from: account, nextHop: all.nextHop, body: sdp("offer") },
    outgoing(log, "alice", { accepted: (dialog) => dialog.ack() }),
  );
  all.run(300);
  assert.ok(log.includes("alice accepted 200"), log.join());
  assert.is(ways(all), "udp tls");
  const acks = [...all.proxy.udp.received, ...all.proxy.tls.received].filter(({ text }) => text.startsWith("ACK"));
  assert.ok(acks.length >= 1);
  for (const { text } of acks) assert.not.match(text, /Security-|sec-agree/);
});

test("digest is chosen: the challenge of the 494 is answered, d-ver protects the list", () => {
  const all = world({ tls: false, list: ["tls;q=0.2", "digest;d-qop=auth;d-alg=MD5;q=0.1"] });
  assert.ok("ok" in all.ask());
  assert.is(ways(all), "udp udp");
  assert.match(all.seen[1].request.headers.all("Security-Verify")[1], /^digest;.*;d-ver="[0-9a-f]{32}"$/);
  assert.ok("ok" in all.ask("MESSAGE"), "the next request carries it ahead");
  assert.is(ways(all), "udp udp udp");
});

test("algorithm and qop of the list count, not those of the challenge (section 2.4)", () => {
  const all = world({
    tls: false,
    list: ["digest;d-qop=auth-int;d-alg=SHA-256;q=0.1"],
    challenge: 'Digest realm="a.test", nonce="n1", qop="auth", algorithm=MD5',
  });
  all.ask();
  const field = all.seen[1].request.headers.get("Proxy-Authorization")!;
  assert.match(field, /algorithm=SHA-256/);
  assert.match(field, /qop=auth-int/);
});

test("bidding down: TLS is taken out of the list; the server refuses what is repeated to it, and TLS is taken after all", () => {
  const list = ["tls;q=0.2", "digest;d-qop=auth;d-alg=MD5;q=0.1"];
  let attacks = 1;
  const all = world({ list, tamper: (same) => (attacks-- > 0 ? same.slice(1) : same) });
  assert.ok("ok" in all.ask());
  assert.is(ways(all), "udp udp tls");
  assert.not.match(all.seen[1].request.headers.all("Security-Verify").join(), /tls/);
});

test("bidding down, over and over: the phone gives up and says that somebody may be there; nothing is done in clear", () => {
  const list = ["tls;q=0.2", "digest;d-qop=auth;d-alg=MD5;q=0.1"];
  const all = world({ list, tamper: (same) => same.slice(1) });
  assert.is(problem(all.ask()), "agreement-changed");
  assert.is(ways(all), "udp udp");
  assert.is(all.agreement.mechanism, undefined, "the next request begins anew");
});

test("bidding down: a plain challenge in place of the agreement gets no credentials", () => {
  const all = world();
  all.proxy.udp.received.length = 0;
  let outcome: RequestOutcome | undefined;
  all.ua.request(
    "OPTIONS",
    { target: "sip:bob@b.test", from: account, nextHop: all.nextHop },
    (got) => (outcome = got),
  );
  all.time.advance(10);
  all.proxy.udp.respond(all.proxy.udp.last("OPTIONS"), 407, "m", [["Proxy-Authenticate", CHALLENGE]]);
  all.time.advance(50);
  assert.is(problem(outcome!), "no-agreement");
  assert.is(all.proxy.udp.received.length, 1);
});

test("an answer as if nothing had been asked is no answer", () => {
  const all = world();
  let outcome: RequestOutcome | undefined;
  all.ua.request(
    "OPTIONS",
    { target: "sip:bob@b.test", from: account, nextHop: all.nextHop },
    (got) => (outcome = got),
  );
  all.time.advance(10);
  all.proxy.udp.respond(all.proxy.udp.last("OPTIONS"), 200, "m");
  all.time.advance(50);
  assert.is(problem(outcome!), "no-agreement");
});

test("nothing in common, no list, a list with equal preferences, a digest without its challenge: no agreement", () => {
  assert.is(problem(world({ tls: false, list: ["ipsec-ike;q=0.1", "tls;q=0.2"] }).ask()), "no-agreement");
  assert.is(problem(world({ list: ["tls;q=0.1", "digest;q=0.1"] }).ask()), "no-agreement");
  assert.is(problem(world({ tamper: () => [] }).ask()), "494");
  const bare = world({ tls: false, list: ["digest;q=0.1"], challenge: undefined });
  assert.ok(["unsupported", "no-credentials"].includes(problem(bare.ask())!));
  assert.is(problem(world({ tls: false, list: ["digest;d-alg=SHA3;q=0.1"] }).ask()), "no-agreement");
});

test("where TLS is the way anyway the procedure is not used (section 2.3.1)", () => {
  const all = world();
  all.proxy.tls.received.length = 0;
  let outcome: RequestOutcome | undefined;
  const hop: SipAddress = { host: "192.0.2.9", port: 5061, transport: "tls" };
  all.ua.request("OPTIONS", { target: "sip:bob@b.test", from: account, nextHop: hop }, (got) => (outcome = got));
  all.time.advance(10);
  assert.not.match(all.proxy.tls.received[0].text, /Security-|sec-agree/);
  all.proxy.tls.respond(all.proxy.tls.last("OPTIONS"), 200, "p");
  all.time.advance(10);
  assert.ok(outcome && "ok" in outcome);
});

test("only supported: said in Supported, agreed on when the server asks with 421 (section 2.3.2)", () => {
  const all = world({ required: false });
  let outcome: RequestOutcome | undefined;
  all.ua.request(
    "OPTIONS",
    { target: "sip:bob@b.test", from: account, nextHop: all.nextHop },
    (got) => (outcome = got),
  );
  all.time.advance(10);
  const asked = all.proxy.udp.last("OPTIONS");
  assert.ok(asked.headers.all("Supported").includes("sec-agree"));
  assert.not.ok(asked.headers.has("Require"));
  all.proxy.udp.respond(asked, 421, "p", [
    ["Require", "sec-agree"],
    ["Security-Server", "ipsec-ike;q=0.1, tls;q=0.2"],
  ]);
  all.time.advance(20);
  const second = all.proxy.tls.last("OPTIONS");
  assert.equal(second.headers.all("Security-Verify"), ["ipsec-ike;q=0.1", "tls;q=0.2"]);
  assert.is(second.headers.get("Require"), "sec-agree");
  all.proxy.tls.respond(second as SipRequest, 200, "p");
  all.time.advance(20);
  assert.ok(outcome && "ok" in outcome);
});

test("reset with its connection: agreed anew", () => {
  const all = world();
  all.ask();
  all.agreement.reset();
  all.ask();
  assert.is(ways(all), "udp tls udp tls");
});

test.run();
