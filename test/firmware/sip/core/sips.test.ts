// sips URIs over real TLS on loopback: who takes them, and which Contact and Route they ask for (RFC 5630 section 5.1, RFC 3261 12.1.1).

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect as dialTls, type TLSSocket } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAuthority, type IssuedIdentity, issueServer } from "../../../../firmware/crypto/issue.js";
import { systemClock } from "../../../../firmware/runtime/clock.js";
import { ok } from "../../../../firmware/runtime/result.js";
import { systemTimers } from "../../../../firmware/runtime/timers.js";
import { sipsHop } from "../../../../firmware/sip/core/client-request.js";
import {
  Headers,
  type InviteDialog,
  openTls,
  type RequestOutcome,
  type SipAddress,
  type SipRequest,
  type SipTransport,
  UdpTransport,
  UserAgent,
} from "../../../../firmware/sip/index.js";
import { answersSips, needsSips, withContact } from "../../../../firmware/sip/transport/rewrite.js";
import { validNow } from "../../../support/identities.js";
import { eventually } from "../../../support/wait.js";
import { listen, outgoing, sdp } from "../support.js";

const sips = suite("sips");
const agents: UserAgent[] = [];
const sockets: TLSSocket[] = [];
let ca: IssuedIdentity;
let identity: { certificateChainPem: string; privateKeyPem: string };

sips.before(async () => {
  ca = await createAuthority({ commonName: "sips CA", ...validNow });
  const server = await issueServer(ca, { ...validNow, uris: ["sip:a.test", "sip:b.test", "sip:proxy.test"] });
  identity = { certificateChainPem: server.chainPem, privateKeyPem: server.privateKeyPem };
});
sips.after.each(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(agents.splice(0).map((ua) => ua.close()));
});

/** What an agent sent, as text with the transport it went by. */
interface Sent {
  readonly way: string;
  readonly text: string;
}

function watched(transport: SipTransport, sent: Sent[]): SipTransport {
  return new Proxy(transport, {
    get(target, name) {
      if (name === "send")
        return (bytes: Uint8Array, to: SipAddress, done: Parameters<SipTransport["send"]>[2]) => {
          sent.push({ way: to.transport, text: Buffer.from(bytes).toString() });
          target.send(bytes, to, done);
        };
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** An agent on UDP and TLS; every name is at `other`'s TLS port. */
async function open(other: () => UserAgent | undefined = () => undefined) {
  const sent: Sent[] = [];
  const udp = await UdpTransport.open({ host: "127.0.0.1", port: 0 });
  const tls = await openTls({ host: "127.0.0.1", port: 0, identity, trustAnchorsPem: [ca.certificatePem] });
  const asked: string[] = [];
  const ua: UserAgent = new UserAgent({
    transport: [watched(udp, sent), watched(tls, sent)],
    clock: systemClock,
    timers: systemTimers,
    random: randomBytes,
    contact: { user: "u" },
    limits: { closeMs: 300 },
    resolver: {
      resolve: (uri, done) => {
        asked.push(`${uri.scheme}:${uri.host}`);
        // The test's agents share one machine: a dialog's targets are addresses, and prove to be a.test all the same.
        const port = uri.port ?? other()?.locals[1].port ?? 5061;
        done(ok({ host: "127.0.0.1", port, transport: "tls", name: "a.test" }));
      },
    },
  });
  agents.push(ua);
  return { ua, sent, asked, tls: ua.locals[1], udp: ua.locals[0] };
}

function field(text: string, name: string): string {
  return new RegExp(`^${name}: (.*)$`, "im").exec(text)?.[1].trim() ?? "";
}

function requestText(method: string, uri: string, transport: string, more: readonly string[] = []): string {
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${transport} 127.0.0.1:9;rport;branch=z9hG4bK${Math.random().toString(36).slice(2)}`,
    "Max-Forwards: 70",
    "From: <sip:peer@b.test>;tag=1",
    "To: <sip:u@a.test>",
    `Call-ID: ${Math.random().toString(36).slice(2)}`,
    `CSeq: 1 ${method}`,
    ...more,
    "Content-Length: 0",
    "",
    "",
  ].join("\r\n");
}

/** Sends over TLS; the first final response. */
async function overTls(to: SipAddress, text: string): Promise<string> {
  const socket = dialTls({ host: to.host, port: to.port, rejectUnauthorized: false });
  sockets.push(socket);
  let got = "";
  socket.on("data", (data) => (got += data));
  socket.on("error", () => {});
  socket.write(text);
  await eventually("a final response", 20_000, () => /SIP\/2\.0 [2-6]\d\d[\s\S]*\r\n\r\n/.test(got));
  return got.slice(got.search(/SIP\/2\.0 [2-6]/));
}

async function overUdp(to: SipAddress, text: string): Promise<string> {
  const socket = createSocket("udp4");
  const got = new Promise<string>((resolve) => socket.on("message", (data) => resolve(`${data}`)));
  socket.send(text, to.port, to.host);
  try {
    return await got;
  } finally {
    socket.close();
  }
}

sips(
  "with TLS a sips Request-URI is taken over TLS, and answered with a sips Contact; over UDP it is refused",
  async () => {
    const { tls, udp } = await open();
    const answer = await overTls(tls, requestText("OPTIONS", "sips:u@a.test", "TLS"));
    assert.match(answer, /^SIP\/2\.0 200/);
    assert.is(field(answer, "Contact"), `<sips:u@127.0.0.1:${tls.port}>`);
    assert.match(
      await overUdp(udp, requestText("OPTIONS", "sips:u@a.test", "UDP")),
      /^SIP\/2\.0 400 .*sips without TLS/,
    );
    assert.match(await overTls(tls, requestText("OPTIONS", "tel:+123", "TLS")), /^SIP\/2\.0 416/);
  },
);

sips("a sips INVITE with a sip Contact is used inconsistently: 400 (RFC 5630 section 5.1.2)", async () => {
  const { tls, ua } = await open();
  ua.events = { invite: (call) => call.reject(486) };
  const ask = (uri: string, contact: string, more: readonly string[] = []) =>
    overTls(tls, requestText("INVITE", uri, "TLS", [`Contact: <${contact}>`, ...more]));
  assert.match(await ask("sips:u@a.test", "sip:peer@127.0.0.1"), /^SIP\/2\.0 400/);
  assert.match(await ask("sips:u@a.test", "sips:peer@127.0.0.1"), /^SIP\/2\.0 486/);
});

sips(
  "our Contact in a 2xx: sips where the request, its first Record-Route, or else its Contact is; sip otherwise",
  async () => {
    const { tls, ua } = await open();
    ua.events = { invite: (call) => void call.accept({ body: sdp("answer") }) };
    const contact = async (uri: string, theirs: string, more: readonly string[] = []) =>
      field(await overTls(tls, requestText("INVITE", uri, "TLS", [`Contact: <${theirs}>`, ...more])), "Contact");
    const secure = `<sips:u@127.0.0.1:${tls.port}>`;
    const plain = `<sip:u@127.0.0.1:${tls.port};transport=tls>`;
    assert.is(await contact("sips:u@a.test", "sips:p@127.0.0.1"), secure);
    assert.is(await contact("sip:u@a.test", "sip:p@127.0.0.1"), plain);
    assert.is(await contact("sip:u@a.test", "sips:p@127.0.0.1"), secure);
    assert.is(await contact("sip:u@a.test", "sip:p@127.0.0.1", ["Record-Route: <sips:proxy.test;lr>"]), secure);
    assert.is(await contact("sip:u@a.test", "sips:p@127.0.0.1", ["Record-Route: <sip:proxy.test;lr>"]), plain);
  },
);

sips("a sips call: every message of it over TLS, every Contact and target sips, re-INVITE included", async () => {
  const bob = await open();
  const alice = await open(() => bob.ua);
  const log: string[] = [];
  const dialogs = {} as { alice: InviteDialog };
  bob.ua.events = {
    invite: (call) =>
      listen(call.accept({ body: sdp("answer") }), log, "bob", {
        reinvite: (again) => again.accept({ body: sdp("again") }),
      }),
  };
  alice.ua.invite(
    { target: "sips:bob@a.test", from: { uri: "sips:alice@a.test" }, body: sdp("offer") },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        dialogs.alice = dialog;
        dialog.ack();
      },
    }),
  );
  await eventually("the call", 20_000, () => log.includes("bob acked"));
  dialogs.alice.reinvite(sdp("hold"), (outcome) => {
    log.push("ok" in outcome ? "reinvited" : `failed ${outcome.failed.status}`);
    dialogs.alice.ack();
  });
  await eventually("the re-INVITE", 20_000, () => log.includes("reinvited") && log.lastIndexOf("bob acked") > 1);
  dialogs.alice.bye();
  await eventually("the end", 20_000, () => log.includes("bob ended by peer"));
  assert.ok([...alice.sent, ...bob.sent].every(({ way }) => way === "tls"));
  const requests = [...alice.sent, ...bob.sent].filter(({ text }) => !text.startsWith("SIP/2.0"));
  for (const { text } of requests) assert.match(text, /^[A-Z]+ sips:/);
  for (const { text } of [...alice.sent, ...bob.sent]) {
    const contact = field(text, "Contact");
    if (contact) assert.match(contact, /^<sips:u@127\.0\.0\.1:\d+>$/);
  }
  assert.ok(requests.filter(({ text }) => text.startsWith("INVITE")).length === 2);
});

sips("a sips request never goes by a clear next hop: the same proxy is asked for TLS", async () => {
  const proxy = await open();
  const { ua, sent, asked } = await open(() => proxy.ua);
  const outcome = await new Promise<RequestOutcome>((resolve) =>
    ua.request(
      "OPTIONS",
      {
        target: "sips:bob@b.test",
        from: { uri: "sips:alice@a.test" },
        nextHop: { host: "127.0.0.1", port: proxy.udp.port, transport: "udp" },
        routes: ["<sip:first.test;lr>", '"Second" <sip:second.test;lr>;x=1'],
      },
      resolve,
    ),
  );
  assert.ok("ok" in outcome, JSON.stringify(outcome));
  assert.equal(
    sent.map(({ way }) => way),
    ["tls"],
  );
  assert.equal(asked, ["sips:127.0.0.1"]);
  assert.is(field(sent[0].text, "Route"), '<sips:first.test;lr>, "Second" <sips:second.test;lr>;x=1');
  assert.match(field(sent[0].text, "Contact"), /^<sips:/);
});

sips("a refusal of sips is not answered by trying sip (RFC 5630 section 5.1.1)", async () => {
  for (const [status, headers] of [
    [416, []],
    [480, [["Warning", '380 a.test "SIPS Not Allowed"']]],
    [302, [["Contact", "<sip:bob@127.0.0.1>"]]],
  ] as const) {
    const bob = await open();
    const alice = await open(() => bob.ua);
    bob.ua.events = { invite: (call) => call.reject(status, { headers }) };
    const log: string[] = [];
    alice.ua.invite(
      { target: "sips:bob@a.test", from: { uri: "sips:alice@a.test" }, body: sdp("offer") },
      outgoing(log, "alice"),
    );
    await eventually("the refusal", 20_000, () => log.some((line) => line.startsWith("alice failed")));
    assert.ok(log.includes(`alice failed ${status} response`), log.join());
    assert.is(alice.sent.filter(({ text }) => text.startsWith("INVITE")).length, 1);
  }
});

sips("the rules by themselves: requests, responses, GRUUs", () => {
  const request = (uri: string, ...fields: readonly (readonly [string, string])[]): SipRequest => ({
    kind: "request",
    method: "INVITE",
    uri,
    headers: new Headers(fields),
    body: new Uint8Array(0),
  });
  assert.ok(needsSips(request("sips:b@b.test")));
  assert.ok(needsSips(request("sip:b@b.test", ["Route", "<sips:p.test;lr>, <sip:q.test;lr>"])));
  assert.not.ok(needsSips(request("sip:b@b.test", ["Route", "<sip:p.test;lr>, <sips:q.test;lr>"])));
  assert.ok(answersSips(request("sip:b@b.test", ["Contact", '"sips:x" <sips:c@c.test>'])));
  assert.not.ok(answersSips(request("sip:b@b.test", ["Contact", '"sips:x" <sip:c@c.test>'])));
  const contact = (value: string, wanted: string) =>
    withContact(new Headers([["Contact", value]]), "sip:u@192.0.2.1:5060", wanted).get("Contact");
  const gruu = "a.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
  assert.is(contact(`<sip:alice@${gruu}>`, "sips:u@192.0.2.1:5061"), `<sips:alice@${gruu}>`);
  assert.is(contact(`<sips:alice@${gruu}>`, "sip:u@192.0.2.1:5060"), `<sip:alice@${gruu}>`);
  assert.is(contact("<sip:alice@192.0.2.1:5060;ob>", "sips:u@192.0.2.1:5061"), "<sips:alice@192.0.2.1:5061;ob>");
  assert.is(
    contact("<sip:alice@192.0.2.77:5060>;expires=0", "sips:u@192.0.2.1:5061"),
    "<sip:alice@192.0.2.77:5060>;expires=0",
  );
  assert.is(contact("<sip:someone@c.test;grx=1>", "sips:u@192.0.2.1:5061"), "<sip:someone@c.test;grx=1>");
  assert.equal(sipsHop({ host: "2001:db8::1" }), {
    scheme: "sips",
    host: "[2001:db8::1]",
    params: [],
    headers: [],
  });
});

sips.run();
