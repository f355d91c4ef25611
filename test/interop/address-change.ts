// Run in a network namespace of its own (see address-change.test.ts): a phone on an interface whose address changes under it, at a real Kamailio.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { issueIdentity } from "../../firmware/crypto/issue.js";
import { HandsetProcess } from "../support/handset-process.js";
import { validNow } from "../support/identities.js";
import { writeTone } from "../support/tones.js";
import { eventually } from "../support/wait.js";
import { Trapezoid } from "./kamailio.js";

const [folder, transport] = process.argv.slice(2) as [string, "udp" | "tcp" | "tls"];
const ip = (...words: string[]): void => void execFileSync("ip", words);
const [before, after] = ["10.77.0.1", "10.77.0.2"];

/** A cable with an address on it. */
function plugIn(): void {
  ip("link", "set", "lo", "up");
  ip("link", "add", "net0", "type", "veth", "peer", "name", "net1");
  for (const end of ["net0", "net1"]) ip("link", "set", end, "up");
  ip("addr", "add", `${before}/24`, "dev", "net0");
}

/** With a certificate of its own the phone takes connections over TLS. */
async function phone(user: "alice" | "bob", net: Trapezoid, sip: object): Promise<HandsetProcess> {
  const passwordFile = join(folder, `${user}.password`);
  writeFileSync(passwordFile, `${user}pw\n`, { mode: 0o600 });
  writeTone(join(folder, `${user}.wav`), user === "alice" ? 620 : 1130, 5);
  const domain = user === "alice" ? "a.test" : "b.test";
  const issued = await issueIdentity(net.authority, { uri: `sip:${user}@${domain}`, ...validNow });
  const [certificate, privateKey] = ["crt", "key"].map((end) => join(folder, `${user}.${end}`));
  writeFileSync(certificate, issued.chainPem);
  writeFileSync(privateKey, issued.privateKeyPem, { mode: 0o600 });
  return HandsetProcess.start({
    folder: join(folder, user),
    user,
    security: "off",
    says: join(folder, `${user}.wav`),
    tap: true,
    sip: {
      transports: ["udp", "tcp", "tls"],
      tls: { certificate, privateKey, trustAnchors: [net.authorityFile] },
      resolver: { servers: [net.dns] },
      ...sip,
    },
    account: {
      uri: `sip:${user}@${domain}`,
      register: true,
      registerExpiresS: 600,
      auth: { user, passwordFile },
      outboundProxies: [{ host: domain, transport }],
    },
  });
}

const registered = (one: HandsetProcess): Promise<unknown> =>
  eventually(`${one.options.user} registered`, 20_000, async () =>
    (await one.status()).registrations.every(({ state }) => state === "registered"),
  );

async function call(caller: HandsetProcess, callee: HandsetProcess, to: string) {
  const from = callee.now;
  const id = await caller.dial(to);
  const there = (await callee.call("ringing", (each) => each.state === "ringing", { from })).id;
  await callee.ask("answer", {});
  await Promise.all([caller.state(id, "active"), callee.state(there, "active")]);
  return { id, there };
}

async function bothHear(alice: HandsetProcess, bob: HandsetProcess): Promise<void> {
  const heard = (): number[] => [alice.heard(1130).toneMs, bob.heard(620).toneMs];
  const start = heard();
  await eventually("both hear each other", 20_000, () => heard().every((ms, i) => ms > start[i] + 800));
}

plugIn();
const net = await Trapezoid.start({ folder: join(folder, "net"), transports: [transport] });
const phones: HandsetProcess[] = [];
try {
  const alice = await phone("alice", net, { address: "0.0.0.0" });
  phones.push(alice);
  const bob = await phone("bob", net, {});
  phones.push(bob);
  await Promise.all([registered(alice), registered(bob)]);
  assert.is((await alice.status()).sip.address, before);
  const first = await call(alice, bob, "sip:bob@b.test");
  await bothHear(alice, bob);

  const mark = alice.sip().length;
  ip("addr", "del", `${before}/24`, "dev", "net0");
  ip("addr", "add", `${after}/24`, "dev", "net0");
  const sent = (what: RegExp) =>
    alice
      .sip()
      .slice(mark)
      .find(({ direction, text }) => direction === "sent" && what.test(text))?.text;
  await eventually("a REGISTER from the new address", 20_000, () => sent(/^REGISTER /) !== undefined);
  const register = sent(/^REGISTER /)!;
  assert.match(register, new RegExp(`^Via: SIP/2\\.0/${transport.toUpperCase()} ${after}:`, "m"));
  assert.match(register, new RegExp(`^Contact: <sip:alice@${after}:`, "m"));
  await registered(alice);
  assert.is((await alice.status()).sip.address, after);

  // The call follows: its peer is told where we are now.
  await eventually("a re-INVITE", 20_000, () => sent(/^INVITE .*\r\n(?:.*\r\n)*(?:To|t): [^\r]*;tag=/) !== undefined);
  const again = sent(/^INVITE /)!;
  assert.match(again, new RegExp(`^(?:Contact|m): [^\\r]*${after}:`, "m"));
  assert.match(again, new RegExp(`^c=IN IP4 ${after}`, "m"));
  await bothHear(alice, bob);
  await bob.ask("hangup", {});
  await alice.ended(first.id);

  // Who calls finds the phone at its new address.
  const second = await call(bob, alice, "sip:alice@a.test");
  await alice.ask("hangup", {});
  await bob.ended(second.id);
  console.log("moved");
} finally {
  await Promise.all(phones.map((one) => one.stop()));
  await net.stop();
}
