// Which messages belong to one transaction (RFC 3261 sections 17.1.3, 17.2.3).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseMessage, readEssentials, type SipRequest } from "../../../../firmware/sip/grammar/index.js";
import { mergeKey, responseKey, serverKey } from "../../../../firmware/sip/transaction/index.js";

interface Parts {
  readonly method?: string;
  readonly via?: string;
  readonly to?: string;
  readonly from?: string;
  readonly seq?: number;
  readonly uri?: string;
  readonly callId?: string;
}

function received(parts: Parts) {
  const { method = "INVITE", uri = "sip:b@h", via = "SIP/2.0/UDP a:5060;branch=z9hG4bK1", to = "<sip:b@h>" } = parts;
  const { from = "<sip:a@h>;tag=1", seq = 1, callId = "c" } = parts;
  const text = `${method} ${uri} SIP/2.0\r\nVia: ${via}\r\nTo: ${to}\r\nFrom: ${from}\r\nCall-ID: ${callId}\r\nCSeq: ${seq} ${method}\r\n\r\n`;
  const parsed = parseMessage(Buffer.from(text));
  if (!parsed.ok) throw new Error(parsed.error.text);
  const essentials = readEssentials(parsed.value);
  if (!essentials.ok) throw new Error(essentials.error.text);
  return { ...essentials.value, request: parsed.value as SipRequest };
}
const key = (parts: Parts, method = parts.method ?? "INVITE"): string => serverKey(received(parts), method);

test("with the magic cookie: branch, sent-by and method decide, nothing else", () => {
  const same = key({});
  assert.is(key({ uri: "sip:other@h", to: "<sip:x@y>;tag=9", seq: 7, callId: "d" }), same);
  assert.is(key({ via: "SIP/2.0/UDP A:5060;rport;branch=Z9HG4BK1" }), same);
  assert.is(key({ method: "ACK" }, "INVITE"), same);
  assert.is(key({ method: "CANCEL" }, "INVITE"), same);
  assert.is.not(key({ method: "CANCEL" }), same);
  assert.is.not(key({ via: "SIP/2.0/UDP a:5060;branch=z9hG4bK2" }), same);
  assert.is.not(key({ via: "SIP/2.0/UDP other:5060;branch=z9hG4bK1" }), same);
  assert.is.not(key({ via: "SIP/2.0/UDP a:5061;branch=z9hG4bK1" }), same);
  assert.is.not(key({ via: "SIP/2.0/UDP a;branch=z9hG4bK1" }), same);
});

test("without it: Request-URI, From tag, Call-ID, CSeq and the whole top Via; the To tag too, except for INVITE and its ACK", () => {
  for (const via of ["SIP/2.0/UDP a", "SIP/2.0/UDP a;branch=old", "SIP/2.0/UDP a;branch=z9hG4bK"]) {
    const same = key({ via });
    assert.is(key({ via, method: "ACK", to: "<sip:b@h>;tag=9" }, "INVITE"), same);
    for (const other of [
      { uri: "sip:x@h" },
      { from: "<sip:a@h>;tag=2" },
      { callId: "d" },
      { seq: 2 },
      { via: `${via};x` },
    ])
      assert.is.not(key({ via, ...other }), same, JSON.stringify(other));
    assert.is.not(
      key({ via, method: "BYE", to: "<sip:b@h>;tag=1" }),
      key({ via, method: "BYE", to: "<sip:b@h>;tag=2" }),
    );
  }
});

test("responses: the branch of the top Via and the method in CSeq", () => {
  assert.is(responseKey(received({})), responseKey(received({ uri: "sip:x@y", callId: "z" })));
  assert.is.not(responseKey(received({})), responseKey(received({ method: "CANCEL" })));
  assert.is(responseKey(received({ via: "SIP/2.0/UDP a" })), undefined);
});

test("merged requests: From tag, Call-ID and CSeq", () => {
  const same = mergeKey(received({}));
  assert.is(mergeKey(received({ via: "SIP/2.0/UDP z;branch=z9hG4bK9", uri: "sip:x@y" })), same);
  for (const other of [{ from: "<sip:a@h>;tag=2" }, { callId: "d" }, { seq: 2 }, { method: "OPTIONS" }])
    assert.is.not(mergeKey(received(other)), same);
});

test.run();
