// No bit of a group's answer, of a certificate or of an authenticated error message is without meaning.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { certificatesFromPem, TrustStore } from "../../../firmware/crypto/certificates.js";
import { good } from "../../results.js";
import { bundleOf, everyBit, exchangeOf, pair } from "./every-bit.js";
import { alice, aliceIdentity, atAlice, atBob, authority, nowMs, random } from "./people.js";

const test = suite("mikey damage elsewhere");

test("a group's keys in an RSA-R answer: each bit counts", async () => {
  const [a, b] = pair();
  const sent = good(await a.offer("rsa-r", atAlice, ["mikey"], nowMs, { asksForGroup: true }));
  const received = good(await b.receive(sent.message, atBob, ["mikey"], nowMs));
  const { atA } = await exchangeOf("psk", pair());
  const { message } = good(await received.answer(bundleOf(atA).share()));
  await everyBit(message, (damaged) => sent.accept(damaged, nowMs), "answer");
  good(await sent.accept(message, nowMs));
});

test("a certificate: each bit counts to a real authority", async () => {
  const trust = new TrustStore(authority.certificatePem);
  const [der] = certificatesFromPem(aliceIdentity.certificatePem);
  await everyBit(der, (damaged) => trust.verify([damaged], alice, nowMs), "certificate");
  good(await trust.verify([der], alice, nowMs));
});

test("an error message: with any bit flipped it is not believed to be proved", async () => {
  for (const method of ["psk", "dh"] as const) {
    const [a, b] = pair();
    const sent = good(await a.offer(method, atAlice, ["mikey", "x"], nowMs));
    const refused = await b.receive(sent.message, atBob, ["mikey"], nowMs);
    const reply = refused.ok ? random(1) : (refused.error.reply ?? random(1));
    const read = async (message: Uint8Array) => {
      const result = await sent.accept(message, nowMs);
      assert.not(result.ok);
      // "ok" is what must not happen: an explanation that counts as the peer's own.
      const isProved =
        !result.ok && result.error.code === "refused-by-peer" && !/not authenticated/.test(result.error.text);
      return isProved ? { ok: true as const, value: result } : { ok: false as const, error: { code: "no", text: "" } };
    };
    assert.ok((await read(reply)).ok, method);
    await everyBit(reply, read, `${method}: error message`);
  }
});

test.run();
