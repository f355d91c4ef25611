// Keys that change by themselves in calls of whole handsets, on a timer and before a key is used up; an open call made private.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { join } from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CallSnapshot } from "../../firmware/call/types.js";
import { foremost, viewOf } from "../../firmware/handset/view.js";
import {
  type HandsetOptions,
  HandsetProcess,
  sottoProgram,
  suiteFolder,
  writeSharedKey,
} from "../support/handset-process.js";
import { allTaken, nothingLost } from "../support/statistics.js";
import { writeTone } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";

const folder = suiteFolder("key-changes");
const key = writeSharedKey(join(folder, "shared.hex"), randomBytes(32).toString("hex"));
const tones = { alice: 740, bob: 1130 } as const;
for (const user of ["alice", "bob"] as const) writeTone(join(folder, `${user}.wav`), tones[user], 4);

/** Two phones with a key in common. */
async function phones(name: string, options: Partial<HandsetOptions> & { keys?: Record<string, unknown> }) {
  const start = (user: "alice" | "bob") => {
    const peer = `sip:${user === "alice" ? "bob" : "alice"}@127.0.0.1`;
    return HandsetProcess.start({
      folder: join(folder, `${name}-${user}`),
      user,
      security: "required",
      codecs: ["PCMU"],
      says: join(folder, `${user}.wav`),
      tap: true,
      keying: { offer: "dhhmac", sharedKeys: [{ peer, file: key }], ...options.keys },
      ...options,
    });
  };
  const [alice, bob] = await Promise.all([start("alice"), start("bob")]);
  return { alice, bob, stop: () => Promise.all([alice.stop(), bob.stop()]) };
}

/** Both talk. @returns the calls' numbers. */
async function talk(alice: HandsetProcess, bob: HandsetProcess, uri = bob.uri) {
  const from = bob.now;
  const here = await alice.dial(uri);
  const there = (await bob.call("ringing", (call) => call.state === "ringing", { from })).id;
  await bob.ask("answer", {});
  await Promise.all([alice.state(here, "active"), bob.state(there, "active")]);
  return { here, there };
}

const rekeys = ({ security }: CallSnapshot): number => (security.state === "secure" ? security.rekeys : 0);

/** Requests within dialogs that brought a key agreement, by who sent them. */
const changes = (phone: HandsetProcess, method: string): string[] =>
  phone
    .sip()
    .filter(
      ({ text }) => text.startsWith(`${method} `) && /^(?:To|t):.*tag=/m.test(text) && /a=key-mgmt:mikey /.test(text),
    )
    .map(({ direction }) => direction);

const changing = suite("keys that change by themselves");

changing(
  "on a timer by re-INVITE, on a timer by UPDATE, and before a key of 512 packets is used up: not a packet is lost",
  async () => {
    const setups = [
      { name: "invite", keys: { rekeyS: 5 }, method: "INVITE", least: 2 },
      { name: "update", keys: { rekeyS: 5, rekeyBy: "update" }, method: "UPDATE", least: 2 },
      { name: "lifetime", keys: { keyPackets: 512 }, method: "INVITE", least: 1 },
    ] as const;
    await Promise.all(
      setups.map(async ({ name, keys, method, least }) => {
        const { alice, bob, stop } = await phones(name, { keys });
        try {
          const { here, there } = await talk(alice, bob);
          const isChanged = (id: number) => (call: CallSnapshot) => call.id === id && rekeys(call) >= least;
          await Promise.all([
            alice.call(`${name}: ${least} changes`, isChanged(here), { limitMs: 60_000 }),
            bob.call(`${name}: ${least} changes`, isChanged(there), { limitMs: 60_000 }),
          ]);
          // What comes under the last of them must be heard as well; 512 packets would be over by now.
          const packets = name === "lifetime" ? 512 : 400;
          const ends = [
            { phone: alice, id: here },
            { phone: bob, id: there },
          ] as const;
          await allTaken(ends, packets);
          await pause(300);
          await allTaken(ends);
          await alice.ask("hangup", {});
          const ended = await Promise.all([alice.ended(here), bob.ended(there)]);
          nothingLost(ended, packets);
          for (const { end } of ended) assert.is(end?.code, "hangup", name);
          const seen = changes(alice, method);
          assert.ok(seen.length >= least, `${name}: ${seen.length} by ${method}`);
          // The caller asks where a timer does; who first comes to the end of a key where that does.
          if (name !== "lifetime") assert.equal(new Set(seen), new Set(["sent"]));
          for (const [phone, other] of [
            [alice, "bob"],
            [bob, "alice"],
          ] as const)
            assert.ok(phone.heard(tones[other]).toneMs > 5000, `${name}: ${JSON.stringify(phone.heard(tones[other]))}`);
        } finally {
          await stop();
        }
      }),
    );
  },
);

changing.run();

/**
 * Somebody on the way of the first INVITE and its answers who passes on no secured line, as gateways between phones do; what follows
 * in the dialog goes from phone to phone. Two of its letters are changed, so that all lengths stay as they are.
 */
async function gateway(caller: number, callee: number): Promise<{ socket: Socket; port: number; count: () => number }> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  let seen = 0;
  socket.on("message", (data, from) => {
    seen++;
    const text = data.toString("latin1");
    if (from.port === caller)
      socket.send(Buffer.from(text.replace("RTP/SAVP", "RTP/XXXX"), "latin1"), callee, "127.0.0.1");
    else socket.send(Buffer.from(text.replace("RTP/XXXX", "RTP/SAVP"), "latin1"), caller, "127.0.0.1");
  });
  return { socket, port: socket.address().port, count: () => seen };
}

/** What `sotto status` prints of a phone. */
async function statusText(phone: HandsetProcess): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    sottoProgram,
    "status",
    "--control",
    phone.files.socket,
  ]);
  return stdout;
}

/** What its screen shows. */
async function screenText(phone: HandsetProcess): Promise<string> {
  const { calls } = await phone.status();
  assert.ok(foremost(calls), "there is a call to show");
  const view = viewOf({ calls, silenced: false, vibrate: true, entry: "", account: phone.uri });
  return [view.display.title, ...view.display.lines].join("\n");
}

const upgrading = suite("an open call made private");

for (const who of ["caller", "callee"] as const)
  upgrading(`by the ${who}: re-INVITE, what both say of it before and after, and never back again`, async () => {
    const { alice, bob, stop } = await phones(`upgrade-${who}`, { security: "preferred" });
    const between = await gateway(alice.sipPort, bob.sipPort);
    try {
      const { here, there } = await talk(alice, bob, `sip:bob@127.0.0.1:${between.port}`);
      const passed = between.count();
      for (const phone of [alice, bob]) {
        assert.is((await phone.status()).calls[0].security.state, "open");
        for (const text of [await statusText(phone), await screenText(phone)])
          assert.match(text, /NOT PRIVATE: anyone on the way can listen/);
      }
      const heard = () => [alice.heard(tones.bob).toneMs, bob.heard(tones.alice).toneMs];
      await eventually("both hear each other in the clear", 20_000, () => heard().every((ms) => ms > 200));

      await (who === "caller" ? alice : bob).ask("secure", {});
      for (const [phone, id, peer] of [
        [alice, here, "sip:bob@127.0.0.1"],
        [bob, there, "sip:alice@127.0.0.1"],
      ] as const) {
        const { security } = await phone.call("private", (one) => one.id === id && one.security.state === "secure");
        assert.ok(security.state === "secure");
        assert.is(security.openBefore, true);
        assert.is(security.rekeys, 0);
        assert.is(security.peer.identity, peer);
        for (const text of [await statusText(phone), await screenText(phone)]) {
          assert.match(text, /Private: MIKEY Diffie-Hellman with a shared key \(OAKLEY 5\), AES_CM_128_HMAC_SHA1_80/);
          assert.match(text, new RegExp(`With ${peer}`));
          assert.match(text, /It began in the open: what was said before was not private/);
          assert.not.match(text, /NOT PRIVATE/);
        }
      }
      assert.is(between.count(), passed, "the gateway had no part in it");
      const before = heard();
      await eventually("both hear each other under keys", 20_000, () => heard().every((ms, i) => ms > before[i] + 300));

      // From here on it is like any private call: keys change, hold and resume do not open it.
      await bob.ask("rekey", { id: there });
      await alice.ask("hold", { id: here });
      await bob.call("held", (one) => one.id === there && one.heldByPeer);
      await alice.call("held here", (one) => one.id === here && one.state === "held");
      const held = bob.now;
      await alice.ask("resume", { id: here });
      await bob.call("resumed", (one) => one.id === there && !one.heldByPeer, { from: held });
      for (const phone of [alice, bob]) {
        const text = await statusText(phone);
        assert.match(text, /Keys changed once/);
        assert.match(text, /It began in the open/);
        assert.not.match(text, /NOT PRIVATE/);
      }
      await alice.ask("hangup", {});
      const ended = await Promise.all([alice.ended(here), bob.ended(there)]);
      for (const { security, statistics } of ended) {
        assert.is(security.state === "secure" && security.openBefore, true);
        assert.equal(
          Object.entries(statistics!.dropped).filter(
            // What the other end sent in the clear before it had the keys, and what still came for a held call.
            ([reason, count]) => count > 0 && reason !== "not-expected" && !(reason === "clear-refused" && count < 5),
          ),
          [],
        );
      }
    } finally {
      between.socket.close();
      await stop();
    }
  });

upgrading.run();
