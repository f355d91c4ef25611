// Offers with several secured lines, and what is chosen of methods and suites: by the account's policy.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { KeyRules } from "../../../firmware/call/environment.js";
import { Exchange, type PhoneOptions } from "./support.js";

const test = suite("secured lines");

/** The secured line twice; each with the MIKEY message that `first` and `second` make of the one there was. */
function doubled(first: (line: string) => string, second: (line: string) => string) {
  return (text: string): string => {
    const at = text.indexOf("m=audio");
    if (!/^INVITE /.test(text) || at < 0) return text;
    const section = text.slice(at);
    const mikey = /^a=key-mgmt:mikey .*$/m.exec(section)![0];
    return text.slice(0, at) + section.replace(mikey, first(mikey)) + section.replace(mikey, second(mikey));
  };
}
const same = (line: string) => line;
const spoiled = (line: string) => line.replace(/(\S)(\S{8})$/, (_, one, tail) => `${one === "A" ? "B" : "A"}${tail}`);
const foreign = (line: string) => line.replace("mikey", "keyp1");

async function answered(tamper: (text: string) => string, failedLine: KeyRules["failedLine"], more: PhoneOptions = {}) {
  const exchange = new Exchange();
  const alice = exchange.phone(1, { keying: { level: "media" }, tamper, ...more });
  const bob = exchange.phone(2, { keys: { failedLine }, autoAnswerMs: 0, ...more });
  alice.calls.dial(bob.uri);
  await exchange.until("an answer", () =>
    exchange.network.sent.some(({ from, text }) => from === 2 && /^SIP\/2.0 [2-6][\s\S]*CSeq: \d+ INVITE/.test(text)),
  );
  const { text } = exchange.network.sent.find(
    (one) => one.from === 2 && /^SIP\/2.0 [2-6][\s\S]*CSeq: \d+ INVITE/.test(one.text),
  )!;
  const lines = [...text.matchAll(/^m=audio (\d+) RTP\/SAVP/gm)].map(([, port]) => Number(port) > 0);
  return { status: Number(text.split(" ")[1]), lines, text };
}

test("one of two secured lines cannot be verified: all is refused, or that line with port 0, as the policy says", async () => {
  const all = await answered(doubled(spoiled, same), "refuse-all");
  assert.is(all.status, 488);
  assert.match(all.text, /^a=key-mgmt:mikey /m);
  const kept = await answered(doubled(spoiled, same), "refuse-line");
  assert.is(kept.status, 200);
  assert.equal(kept.lines, [false, true]);
  assert.is([...kept.text.matchAll(/^a=key-mgmt:mikey /gm)].length, 1, "the key agreement's answer, on its line");
  assert.ok(kept.text.indexOf("m=audio 0") < kept.text.indexOf("a=key-mgmt"));
});

test("both cannot: refused under either policy, and no clear line takes their place", async () => {
  for (const policy of ["refuse-all", "refuse-line"] as const) {
    assert.is((await answered(doubled(spoiled, spoiled), policy)).status, 488);
    const preferred = await answered(
      (text) =>
        text.replace(
          /^(a=key-mgmt:mikey \S+)(\S)(\S{8})\r$/m,
          (_, head, one, tail) => `${head}${one === "A" ? "B" : "A"}${tail}\r`,
        ),
      policy,
      { security: "preferred" },
    );
    assert.is(preferred.status, 488);
  }
});

test("a secured line of an unknown protocol is passed over for one that is known", async () => {
  const found = await answered(doubled(foreign, same), "refuse-all");
  assert.is(found.status, 200);
  assert.equal(found.lines, [false, true]);
});

test("suites: the first of ours that the other phone has", async () => {
  for (const [ours, theirs, chosen] of [
    [["AEAD_AES_128_GCM"], ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"], "AEAD_AES_128_GCM"],
    [["AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"], ["AES_CM_128_HMAC_SHA1_32"], "AES_CM_128_HMAC_SHA1_32"],
    [["AEAD_AES_256_GCM"], ["AES_CM_128_HMAC_SHA1_80"], undefined],
  ] as const) {
    const exchange = new Exchange();
    const alice = exchange.phone(1, { keying: { suites: ours } });
    const bob = exchange.phone(2, { keying: { suites: theirs }, autoAnswerMs: 0 });
    alice.calls.dial(bob.uri);
    await exchange.until("an outcome", () => ["active", "ended"].includes(alice.call()?.state ?? ""));
    const { security, end } = alice.call()!;
    assert.is(security.state === "secure" ? security.suite : undefined, chosen);
    if (!chosen) assert.match(end!.user, /refused the security|no security settings/);
  }
});

test.run();
