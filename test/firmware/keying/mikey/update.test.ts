// A running session: re-keyed, proved anew, from either end.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAuthority, issueIdentity } from "../../../../firmware/crypto/issue.js";
import { createMikeyKeying } from "../../../../firmware/keying/mikey/index.js";
import type { MethodName } from "../../../../firmware/mikey/index.js";
import { good } from "../../../results.js";
import { hex } from "../../../vectors.js";
import { random } from "../../mikey/people.js";
import { alice, authorityPem, bob, identityOf, openPair, type Pair, psk, SetClock, valid } from "./phones.js";

const test = suite("mikey updates");
const authority = await createAuthority({ ...valid, commonName: "Update CA" });
const keyUsage = ["digitalSignature", "keyEncipherment"] as const;
const identities = [
  await issueIdentity(authority, { ...valid, uri: alice, keyUsage }),
  await issueIdentity(authority, { ...valid, uri: bob, keyUsage }),
];

function phones(offer: MethodName, keepsBundles = true): Pair {
  const [one, two] = identities.map((identity, i) =>
    createMikeyKeying({
      offer,
      psk,
      identity: identityOf(identity),
      trustAnchorsPem: [authority.certificatePem, authorityPem],
      peerCertificatesPem: [identities[1 - i].certificatePem],
      clock: new SetClock(),
      random,
      keepsBundles,
    }),
  );
  return openPair(one, two);
}

async function call(pair: Pair): Promise<void> {
  good(await pair.caller.accept(good(await pair.callee.answer(good(await pair.caller.offer())))));
}

for (const method of ["psk", "dhhmac", "dh", "pke", "rsa-r"] as const)
  test(`${method}: new keys at both ends, once each; the same keys are not told again`, async () => {
    const pair = phones(method);
    await call(pair);
    const { caller, callee, atCaller, atCallee } = pair;
    for (const [from, to] of [
      [caller, callee],
      [callee, caller],
    ]) {
      const before = atCaller.keys.length;
      const offered = good(await from.update!({ rekey: true }));
      good(await from.acceptUpdate!(good(await to.answerUpdate!(offered))));
      assert.is(atCaller.keys.length, before + 1);
      assert.is(atCallee.keys.length, before + 1);
      const [a, b] = [atCaller.keys[before], atCallee.keys[before]];
      assert.is(hex(a.tx.masterKey), hex(b.rx.masterKey));
      assert.is(hex(a.rx.masterKey), hex(b.tx.masterKey));
      assert.is.not(hex(a.tx.masterKey), hex(atCaller.keys[before - 1].tx.masterKey));
      const same = good(await to.update!({ rekey: false }));
      good(await to.acceptUpdate!(good(await from.answerUpdate!(same))));
      assert.is(atCaller.keys.length, before + 1);
    }
    caller.close();
    callee.close();
  });

test("an update without a running agreement, or of a session that keeps none, is refused", async () => {
  const pair = phones("psk");
  const early = await pair.caller.update!({ rekey: true });
  assert.is(early.ok ? "" : early.error.code, "unexpected-message");
  const plain = phones("psk", false);
  await call(plain);
  const refused = await plain.caller.update!({ rekey: true });
  assert.is(refused.ok ? "" : refused.error.code, "unexpected-message");
  await call(pair);
  pair.caller.close();
  const closed = await pair.caller.update!({ rekey: true });
  assert.is(closed.ok ? "" : closed.error.code, "closed");
});

test.run();
