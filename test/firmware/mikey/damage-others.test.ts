// No bit of a group's answer or of a certificate is without meaning.

import { suite } from "uvu";
import { certificatesFromPem, TrustStore } from "../../../firmware/crypto/certificates.js";
import { good } from "../../results.js";
import { bundleOf, everyBit, exchangeOf, pair } from "./every-bit.js";
import { alice, atAlice, atBob, authority, identityFor, nowMs } from "./people.js";

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
  // A small one: each try is a path to be checked.
  const [der] = certificatesFromPem((await identityFor(alice, "ed25519")).certificatePem);
  await everyBit(der, (damaged) => trust.verify([damaged], alice, nowMs), "certificate");
  good(await trust.verify([der], alice, nowMs));
});

test.run();
