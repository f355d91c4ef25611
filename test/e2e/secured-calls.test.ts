// Calls between two handsets with every key agreement method over UDP, TCP and TLS, voice heard both ways; keys changed meanwhile.

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { issueServer } from "../../firmware/crypto/issue.js";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { TestAuthority, validNow } from "../support/identities.js";
import {
  type KeyingMethod,
  keyingMethodNames,
  keyingMethods,
  methodKeying,
  personFiles,
  sharedKeyFile,
} from "../support/methods.js";
import { allTaken, nothingLost, voiceOf } from "../support/statistics.js";
import { writeTone } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";

const folder = suiteFolder("methods");
const authority = await TestAuthority.create(folder, "methods-ca");
const sharedKey = sharedKeyFile(folder, randomBytes(32).toString("hex"));
const tones = { alice: 740, bob: 1130 } as const;
/** How much tone each end must hear. */
const HEARD_MS = 240;
const accountOf = (user: string, method: KeyingMethod): string => `sip:${user}-${method}@127.0.0.1`;
for (const user of ["alice", "bob"] as const) writeTone(join(folder, `${user}.wav`), tones[user], 4);

/** One handset with an account for each method. */
async function handset(user: "alice" | "bob", transports: readonly string[]): Promise<HandsetProcess> {
  const peer = user === "alice" ? "bob" : "alice";
  const accounts = await Promise.all(
    keyingMethodNames.map(async (method) => {
      const uri = accountOf(user, method);
      const [mine, theirs] = [await files(uri, method), await files(accountOf(peer, method), method)];
      const other = { uri: accountOf(peer, method), files: theirs, sharedKey };
      return {
        uri,
        security: "required",
        keying: { ...methodKeying(method, mine, other), rekeyBy: method === "psk" ? "update" : "invite" },
        codecs: ["PCMU"],
      };
    }),
  );
  const tls = await serverFiles(user);
  return HandsetProcess.start({
    folder: join(folder, `${user}-${transports.join("-")}`),
    user,
    security: "required",
    says: join(folder, `${user}.wav`),
    offerBudget: { burst: 1000 },
    sip: { transports, ...(transports.includes("tls") ? { tls } : {}) },
    more: { accounts },
  });
}
/** What the handset shows over TLS: it is called by its address. */
async function serverFiles(user: string) {
  const issued = await issueServer(authority.identity, { uris: ["sip:127.0.0.1"], ...validNow });
  const [certificate, privateKey] = [join(folder, `${user}-tls.crt`), join(folder, `${user}-tls.key`)];
  writeFileSync(certificate, issued.chainPem);
  writeFileSync(privateKey, issued.privateKeyPem, { mode: 0o600 });
  return { certificate, privateKey, trustAnchors: [authority.file] };
}
const known = new Map<string, ReturnType<typeof personFiles>>();
function files(uri: string, method: KeyingMethod): ReturnType<typeof personFiles> {
  const found = known.get(uri) ?? personFiles(folder, authority, uri, method);
  known.set(uri, found);
  return found;
}

const rekeysOf = async (phone: HandsetProcess): Promise<number | undefined> => {
  const { security } = (await phone.status()).calls[0];
  return security.state === "secure" ? security.rekeys : undefined;
};

for (const ways of [["udp"], ["tcp", "tls"]] as const) {
  const calls = suite(`secured calls over ${ways.join(" and ")}`);
  let alice: HandsetProcess;
  let bob: HandsetProcess;
  calls.before(async () => {
    [alice, bob] = await Promise.all([handset("alice", ways), handset("bob", ways)]);
  });
  // One call that failed must not fail those after it.
  calls.after.each(async () => {
    for (const phone of [alice, bob])
      for (const { id } of (await phone.status()).calls) await phone.ask("hangup", { id }).catch(() => undefined);
  });
  calls.after(async () => {
    await Promise.all([alice?.stop(), bob?.stop()]);
  });

  for (const transport of ways)
    for (const method of keyingMethodNames)
      calls(`${method} over ${transport}`, async () => {
        const port = async (phone: HandsetProcess) =>
          (await phone.status()).sip.transports.find((one) => one.transport === transport)!.port;
        const heard = (): number[] => [alice.heard(tones.bob).toneMs, bob.heard(tones.alice).toneMs];
        const before = heard();
        const [fromA, fromB] = [alice.now, bob.now];
        const uri = `${accountOf("bob", method)}:${await port(bob)};transport=${transport}`;
        const { id } = await alice.ask("dial", { uri, account: accountOf("alice", method) });
        const there = (await bob.call("ringing", (call) => call.state === "ringing", { from: fromB })).id;
        await bob.ask("answer", {});
        const [a, b] = await Promise.all([alice.state(id, "active"), bob.state(there, "active")]);
        for (const [call, peer] of [
          [a, "bob"],
          [b, "alice"],
        ] as const) {
          assert.is(call.security.state, "secure");
          if (call.security.state !== "secure") return;
          assert.match(call.security.peer.method, keyingMethods[method].label);
          assert.is(call.security.peer.identity, accountOf(peer, method));
          const proof = method === "psk" || method === "dhhmac" ? "shared-key" : "certificate";
          assert.is(call.security.peer.proof.kind, proof);
        }
        // Over one of the transports the keys change twice while they talk, from either end.
        if (transport !== "tcp") {
          await alice.ask("rekey", { id });
          await bob.ask("rekey", { id: there });
        }
        await eventually("both hear each other", 20_000, () => heard().every((ms, i) => ms >= before[i] + HEARD_MS));
        for (const [phone, number] of [
          [alice, id],
          [bob, there],
        ] as const) {
          const rekeys = transport === "tcp" ? 0 : 2;
          await eventually(`${rekeys} changes of keys`, 20_000, async () => (await rekeysOf(phone)) === rekeys);
          const { packetsLost, dropped } = await voiceOf({ phone, id: number });
          assert.is(packetsLost, 0, `${phone.options.user} ${JSON.stringify(dropped)}`);
          assert.equal(
            Object.entries(dropped).filter(([, count]) => count > 0),
            [],
          );
        }
        await (method.length % 2 === 0 ? alice : bob).ask("hangup", {});
        await Promise.all([
          alice.call("the end", (call) => call.id === id && call.state === "ended", { from: fromA }),
          bob.call("the end", (call) => call.id === there && call.state === "ended", { from: fromB }),
        ]);
      });

  if (ways[0] === "udp")
    calls("ten changes of keys in one call, from either end and from both at once: not a packet is lost", async () => {
      const from = bob.now;
      const uri = `${accountOf("bob", "x25519")}:${bob.sipPort}`;
      const { id } = await alice.ask("dial", { uri, account: accountOf("alice", "x25519") });
      const there = (await bob.call("ringing", (call) => call.state === "ringing", { from })).id;
      await bob.ask("answer", {});
      await Promise.all([alice.state(id, "active"), bob.state(there, "active")]);
      for (let i = 0; i < 4; i++) {
        await alice.ask("rekey", { id });
        await pause(110);
        await bob.ask("rekey", { id: there });
        await pause(70);
      }
      await Promise.all([alice.ask("rekey", { id }), bob.ask("rekey", { id: there })]);
      for (const phone of [alice, bob])
        await eventually("ten changes of keys", 20_000, async () => (await rekeysOf(phone)) === 10);
      const ends = [
        { phone: alice, id },
        { phone: bob, id: there },
      ] as const;
      await allTaken(ends, 50);
      await bob.ask("hangup", {});
      const ended = await Promise.all([alice.ended(id), bob.ended(there)]);
      for (const { security } of ended) assert.is(security.state === "secure" && security.rekeys, 10);
      nothingLost(ended, 50);
    });

  calls.run();
}
