// Where responses go and what the server writes into Via (RFC 3261 18.2.1, 18.2.2; RFC 3581), and next hops from URIs.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SipAddress } from "../../../../firmware/sip/contract.js";
import { parseMessage, parseSipUri, parseVia, printVia } from "../../../../firmware/sip/grammar/index.js";
import { responseTarget, stampRequest, stampVia, systemResolver } from "../../../../firmware/sip/transport/index.js";

const at = (host: string, port: number): SipAddress => ({ host, port, transport: "udp" });

function route(via: string, source: SipAddress): { via: string; target: string } {
  const parsed = parseVia(via);
  if (!parsed.ok) throw new Error(via);
  const stamped = stampVia(parsed.value, source);
  const { host, port } = responseTarget(stamped, source);
  return { via: printVia(stamped), target: `${host} ${port}` };
}

test("received and rport: the table of both RFCs", () => {
  const cases: [via: string, source: SipAddress, stamped: string, target: string][] = [
    ["SIP/2.0/UDP 192.0.2.4:5070", at("192.0.2.4", 9988), "SIP/2.0/UDP 192.0.2.4:5070", "192.0.2.4 5070"],
    ["SIP/2.0/UDP 192.0.2.4", at("192.0.2.4", 9988), "SIP/2.0/UDP 192.0.2.4", "192.0.2.4 5060"],
    // RFC 3261's example: a name gets received.
    [
      "SIP/2.0/UDP bobspc.biloxi.com:5060",
      at("192.0.2.4", 9988),
      "SIP/2.0/UDP bobspc.biloxi.com:5060;received=192.0.2.4",
      "192.0.2.4 5060",
    ],
    // RFC 3581's example: behind a NAT.
    [
      "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff",
      at("192.0.2.1", 9988),
      "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1",
      "192.0.2.1 9988",
    ],
    // With rport, received is written even when it is the same.
    [
      "SIP/2.0/UDP 192.0.2.4:5070;rport",
      at("192.0.2.4", 5070),
      "SIP/2.0/UDP 192.0.2.4:5070;rport=5070;received=192.0.2.4",
      "192.0.2.4 5070",
    ],
    // What the client claims is replaced by what was seen.
    [
      "SIP/2.0/UDP 192.0.2.4;received=203.0.113.9;rport=1",
      at("192.0.2.4", 7),
      "SIP/2.0/UDP 192.0.2.4;received=192.0.2.4;rport=7",
      "192.0.2.4 7",
    ],
    ["SIP/2.0/UDP [2001:db8::1]:5062", at("2001:db8:0::1", 7), "SIP/2.0/UDP [2001:db8::1]:5062", "2001:db8:0::1 5062"],
    [
      "SIP/2.0/UDP [2001:db8::1]",
      at("2001:db8::2", 7),
      "SIP/2.0/UDP [2001:db8::1];received=2001:db8::2",
      "2001:db8::2 5060",
    ],
    [
      "SIP/2.0/UDP 192.0.2.4:5064;maddr=192.0.2.50;rport",
      at("192.0.2.4", 7),
      "SIP/2.0/UDP 192.0.2.4:5064;maddr=192.0.2.50;rport=7;received=192.0.2.4",
      "192.0.2.50 5064",
    ],
    [
      "SIP/2.0/UDP 192.0.2.4:5064;maddr=name.example",
      at("192.0.2.4", 7),
      "SIP/2.0/UDP 192.0.2.4:5064;maddr=name.example",
      "192.0.2.4 5064",
    ],
  ];
  for (const [via, source, stamped, target] of cases) assert.equal(route(via, source), { via: stamped, target }, via);
});

test("a response on a stream goes back where the request came from", () => {
  const via = parseVia("SIP/2.0/TCP h:5070;maddr=192.0.2.50");
  assert.ok(via.ok);
  const source: SipAddress = { host: "192.0.2.9", port: 4711, transport: "tcp" };
  // And where the connection is gone, to where the client listens (section 18.2.2).
  const listening = { host: "192.0.2.9", port: 5070, transport: "tcp", name: "h" };
  if (via.ok) assert.equal(responseTarget(via.value, source), { ...source, alternatives: [listening] });
});

test("a link-local source keeps its zone for sending, not in the Via", () => {
  assert.equal(route("SIP/2.0/UDP h;rport", at("fe80::1%eth0", 7)), {
    via: "SIP/2.0/UDP h;rport=7;received=fe80::1",
    target: "fe80::1%eth0 7",
  });
});

test("only the top Via of the request is changed", () => {
  const parsed = parseMessage(
    Buffer.from(
      "OPTIONS sip:a@b SIP/2.0\r\nX: y\r\nVia: SIP/2.0/UDP h1;rport, SIP/2.0/UDP h2;rport\r\nVia: SIP/2.0/UDP h3;rport\r\n\r\n",
    ),
  );
  assert.ok(parsed.ok && parsed.value.kind === "request");
  if (!parsed.ok || parsed.value.kind !== "request") return;
  const via = parseVia("SIP/2.0/UDP h1;rport");
  if (!via.ok) throw new Error();
  const request = stampRequest(parsed.value, via.value, stampVia(via.value, at("192.0.2.1", 9)));
  assert.equal(request.headers.all("Via"), [
    "SIP/2.0/UDP h1;rport=9;received=192.0.2.1",
    "SIP/2.0/UDP h2;rport",
    "SIP/2.0/UDP h3;rport",
  ]);
  assert.is(stampRequest(parsed.value, via.value, via.value), parsed.value);
});

test("next hops: numeric at once, defaults, maddr, transports that are not here", () => {
  const resolve = (text: string, local = "192.0.2.9"): string => {
    const uri = parseSipUri(text);
    if (!uri.ok) throw new Error(text);
    let answer = "later";
    systemResolver([at(local, 5060)]).resolve(uri.value, (result) => {
      answer = result.ok ? `${result.value.host} ${result.value.port}` : result.error.code;
    });
    return answer;
  };
  assert.is(resolve("sip:a@192.0.2.1"), "192.0.2.1 5060");
  assert.is(resolve("sip:a@192.0.2.1:5080;transport=UDP"), "192.0.2.1 5080");
  assert.is(resolve("sip:a@[2001:db8::1]:5080"), "2001:db8::1 5080");
  assert.is(resolve("sip:a@example.com:5080;maddr=192.0.2.7"), "192.0.2.7 5080");
  assert.is(resolve("sip:a@192.0.2.1;transport=tcp"), "transport");
  assert.is(resolve("sips:a@192.0.2.1"), "transport");
});

test("a name goes through the system's resolver", async () => {
  const uri = parseSipUri("sip:a@localhost:5099");
  if (!uri.ok) throw new Error();
  const result = await new Promise<string>((done) =>
    systemResolver([at("127.0.0.1", 5060)]).resolve(uri.value, (found) =>
      done(found.ok ? `${found.value.host} ${found.value.port}` : found.error.code),
    ),
  );
  assert.match(result, /^127\.0\.0\.1 5099$/);
});

test.run();
