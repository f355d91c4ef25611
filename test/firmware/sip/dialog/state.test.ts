// Dialog state: identifiers, route sets loose and strict, targets, sequence numbers (RFC 3261 section 12).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { contactOf, DialogState, recordRoutes } from "../../../../firmware/sip/dialog/state.js";
import {
  makeResponse,
  parseMessage,
  printSipUri,
  readEssentials,
  type SipRequest,
  type SipResponse,
} from "../../../../firmware/sip/grammar/index.js";

function invite(...more: string[]): SipRequest {
  const parsed = parseMessage(
    Buffer.from(
      [
        "INVITE sip:bob@biloxi.com SIP/2.0",
        "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK1",
        'From: "Alice, \\"A\\"" <sip:alice@atlanta.com>;tag=a;other=x',
        "To: sip:bob@biloxi.com",
        "Call-ID: c1",
        "CSeq: 100 INVITE",
        ...more,
        "",
        "",
      ].join("\r\n"),
    ),
  );
  if (!parsed.ok || parsed.value.kind !== "request") throw new Error("bad test request");
  return parsed.value;
}
const read = (message: SipRequest | SipResponse) => {
  const essentials = readEssentials(message);
  if (!essentials.ok) throw new Error(essentials.error.text);
  return essentials.value;
};
const ok = (request: SipRequest, ...headers: [string, string][]): SipResponse =>
  makeResponse(request, 200, { toTag: "b", headers });

test("caller: tags, URIs, target from Contact, routes reversed (12.1.2)", () => {
  const request = invite("Contact: <sip:alice@pc33.atlanta.com>");
  const response = ok(
    request,
    ["Contact", "<sip:bob@192.0.2.4>"],
    ["Record-Route", "<sip:p2;lr>, <sip:p1;lr>"],
    ["Record-Route", "<sip:p0;lr;x=1>;y"],
  );
  const state = DialogState.uac(request, read(request), response, read(response));
  assert.is(state.key, "c1 a b");
  assert.is(state.localUri, "sip:alice@atlanta.com");
  assert.is(state.remoteUri, "sip:bob@biloxi.com");
  assert.is(state.remoteTarget, "sip:bob@192.0.2.4");
  assert.equal(state.routeSet, ["<sip:p0;lr;x=1>;y", "<sip:p1;lr>", "<sip:p2;lr>"]);
  const bye = state.compose("BYE", { via: "V" });
  assert.is(bye.uri, "sip:bob@192.0.2.4");
  assert.equal(bye.headers.all("Route"), ["<sip:p0;lr;x=1>;y", "<sip:p1;lr>", "<sip:p2;lr>"]);
  assert.is(bye.headers.get("CSeq"), "101 BYE");
  assert.is(bye.headers.get("From"), '"Alice, \\"A\\"" <sip:alice@atlanta.com>;tag=a;other=x');
  assert.is(bye.headers.get("To"), "sip:bob@biloxi.com;tag=b");
  assert.is(printSipUri(state.nextHop()!), "sip:p0;lr;x=1");
  assert.is(state.compose("INVITE", { via: "V" }).headers.get("CSeq"), "102 INVITE");
  assert.is(state.compose("ACK", { via: "V", seq: 100 }).headers.get("CSeq"), "100 ACK");
  assert.is(state.compose("BYE", { via: "V" }).headers.get("CSeq"), "103 BYE");
});

test("callee: routes in order, target from Contact, From becomes To (12.1.1)", () => {
  const request = invite(
    "Contact: <sip:alice@192.0.2.1:5070>",
    "Record-Route: <sip:p2;lr>",
    "Record-Route: <sip:p1;lr>",
  );
  const state = DialogState.uas(request, read(request), "b", 500);
  assert.is(state.key, "c1 b a");
  const bye = state.compose("BYE", { via: "V" });
  assert.is(bye.uri, "sip:alice@192.0.2.1:5070");
  assert.equal(bye.headers.all("Route"), ["<sip:p2;lr>", "<sip:p1;lr>"]);
  assert.is(bye.headers.get("From"), "sip:bob@biloxi.com;tag=b");
  assert.is(bye.headers.get("To"), 'From: "Alice, \\"A\\"" <sip:alice@atlanta.com>;tag=a;other=x'.slice(6));
  assert.is(bye.headers.get("CSeq"), "500 BYE");
  assert.equal(recordRoutes(request), [
    ["Record-Route", "<sip:p2;lr>"],
    ["Record-Route", "<sip:p1;lr>"],
  ]);
});

test("strict routing: the example of section 12.2.1.1", () => {
  const request = invite(
    "Contact: <sip:user@remoteua>",
    "Record-Route: <sip:proxy1>, <sip:proxy2>, <sip:proxy3;lr>, <sip:proxy4>",
  );
  const state = DialogState.uas(request, read(request), "b", 1);
  const bye = state.compose("BYE", { via: "V" });
  assert.is(bye.uri, "sip:proxy1");
  assert.is(bye.headers.all("Route").join(","), "<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>,<sip:user@remoteua>");
  assert.is(printSipUri(state.nextHop()!), "sip:proxy1");
});

test("a strict router's URI loses what a Request-URI may not hold", () => {
  const request = invite("Contact: <sip:user@remoteua>", "Record-Route: <sip:p;method=INVITE;x=1?a=b>");
  const state = DialogState.uas(request, read(request), "b", 1);
  assert.is(state.compose("BYE", { via: "V" }).uri, "sip:p;x=1");
});

test("the caller's route set and target are taken anew from the 2xx (13.2.2.4)", () => {
  const request = invite();
  const early = makeResponse(request, 180, { toTag: "b", headers: [["Contact", "<sip:early@h>"]] });
  const state = DialogState.uac(request, read(request), early, read(early));
  assert.equal(state.routeSet, []);
  state.learnFrom(ok(request, ["Contact", "<sip:late@h>"], ["Record-Route", "<sip:p;lr>"]));
  assert.equal(state.routeSet, ["<sip:p;lr>"]);
  assert.is(state.remoteTarget, "sip:late@h");
  state.refreshTarget(ok(request));
  assert.is(state.remoteTarget, "sip:late@h");
});

test("sequence numbers of the peer: gaps are allowed, going back and standing still are not", () => {
  const request = invite();
  const callee = DialogState.uas(request, read(request), "b", 1);
  assert.not(callee.takeSeq(100));
  assert.not(callee.takeSeq(99));
  assert.ok(callee.takeSeq(101));
  assert.ok(callee.takeSeq(4294967295));
  assert.not(callee.takeSeq(102));
  const response = ok(request);
  const caller = DialogState.uac(request, read(request), response, read(response));
  assert.ok(caller.takeSeq(7));
  assert.not(caller.takeSeq(7));
});

test("peers without tags or Contact (RFC 2543)", () => {
  const old = invite();
  const request: SipRequest = { ...old, headers: invite().headers };
  assert.is(contactOf(request), undefined);
  const state = DialogState.uas(request, { ...read(request), fromTag: undefined }, "b", 1);
  assert.is(state.key, "c1 b ");
  assert.is(state.remoteTarget, "sip:alice@atlanta.com");
});

test.run();
