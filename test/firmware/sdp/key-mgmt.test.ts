// a=key-mgmt: the messages RFC 4567 section 5.1 prints, and its grammar.

import { createHash } from "node:crypto";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { keyingOf, keyMgmtProtocols, parse, parseKeyMgmt, print, printKeyMgmt } from "../../../firmware/sdp/index.js";

const test = suite("key-mgmt");

// RFC 4567 section 5.1; the RFC wraps the attribute over three lines, a description has it on one.
const message =
  "AQAFgM0XflABAAAAAAAAAAAAAAsAyONQ6gAAAAAGEEoo2pee4hp2UaDX8ZE22YwKAAAPZG9uYWxkQGR1Y2suY29tAQAAAAAAAQAk0JKpgaVkDaawi9whVBtBt" +
  "0KZ14ymNuu62+Nv3ozPLygwK/GbAV9iemnGUIZ19fWQUOSrzKTAv9zV";
const offer =
  "v=0\r\no=alice 2891092738 2891092738 IN IP4 w-land.example.com\r\ns=Cool stuff\r\ne=alice@w-land.example.com\r\nt=0 0\r\n" +
  `c=IN IP4 w-land.example.com\r\na=key-mgmt:mikey ${message}\r\nm=audio 49000 RTP/SAVP 98\r\na=rtpmap:98 AMR/8000\r\n` +
  "m=video 52230 RTP/SAVP 31\r\na=rtpmap:31 H261/90000\r\n";

test("RFC 4567 section 5.1 offer", () => {
  const result = parse(offer);
  if (!result.ok) throw new Error(result.error.text);
  const keying = keyingOf(result.value, result.value.media[0]);
  assert.equal(keying, { session: [{ name: "key-mgmt", value: `mikey ${message}` }], media: [] });
  const read = parseKeyMgmt(keying.session[0].value!);
  if (!read.ok) throw new Error(read.error.text);
  assert.is(read.value.protocol, "mikey");
  // MIKEY common header (RFC 3830 section 6.1): version 1, data type 0 (PSK initiator), next payload 5 (T), V set, CSB id.
  assert.is(Buffer.from(read.value.data).subarray(0, 8).toString("hex"), "01000580cd177e50");
  assert.is(read.value.data.length, 132);
  assert.ok(Buffer.from(read.value.data).includes("donald@duck.com"));
  assert.equal(printKeyMgmt(read.value), keying.session[0]);
  assert.ok(print(result.value).includes(`\r\na=key-mgmt:mikey ${message}\r\n`));
});

test("grammar", () => {
  const code = (text: string) => {
    const result = parseKeyMgmt(text);
    return result.ok ? "ok" : result.error.code;
  };
  assert.is(code("mikey AQID"), "ok");
  assert.is(code(" mikey AQID"), "ok"); // RFC 4567 section 3.1: 0*1SP
  assert.is(code("mikey AQI="), "ok");
  assert.is(code("  mikey AQID"), "bad-key-mgmt");
  assert.is(code("mikey"), "bad-key-mgmt");
  assert.is(code(""), "bad-key-mgmt");
  assert.is(code("mikey A-_D"), "bad-key-mgmt");
  assert.is(code("mikey AQID AQID"), "bad-key-mgmt");
  assert.is(code("mikey AQI"), "bad-base64");
  assert.is(code("mikey AQJ="), "bad-base64"); // bits after the last byte
  assert.is(code("mikey A==="), "bad-key-mgmt");
  assert.is(code("mikey "), "empty-key-mgmt");
  assert.throws(() => printKeyMgmt({ protocol: "a b", data: new Uint8Array(1) }), TypeError);
});

test("protocols for a line: its own attributes override the session's (RFC 4567 sections 3.1, 4.1.4)", () => {
  const a = { name: "key-mgmt", value: "mikey AQID" };
  const b = { name: "key-mgmt", value: "keyp1 AQID" };
  assert.equal(keyMgmtProtocols([a, b], []), ["mikey", "keyp1"]);
  assert.equal(keyMgmtProtocols([a], [b]), ["keyp1"]);
  assert.equal(keyMgmtProtocols([{ name: "key-mgmt" }, { name: "crypto", value: "1 x inline:y" }], []), []);
});

test("any message survives, any text gets an answer", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (data) => {
      const result = parseKeyMgmt(printKeyMgmt({ protocol: "mikey", data }).value!);
      const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
      assert.ok(result.ok && hash(result.value.data) === hash(data));
    }),
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof parseKeyMgmt(text).ok === "boolean"));
});
test.run();
