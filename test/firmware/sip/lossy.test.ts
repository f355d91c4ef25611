// Calls over a network that loses, doubles and reorders datagrams: every call still begins and ends, and nothing is left behind.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import type { InviteDialog } from "../../../firmware/sip/index.js";
import { agent, type Fate, listen, Network, outgoing, sdp } from "./support.js";

const from = { uri: "sip:u1@192.0.2.1" };
const target = "sip:u2@192.0.2.2";

function world(fate: Fate) {
  const time = new VirtualTime();
  const network = new Network(time);
  network.fate = fate;
  return { time, network, alice: agent(network, 1), bob: agent(network, 2), log: [] as string[] };
}

/** A call with 180, an answer after 300 ms, two seconds of talk, a BYE of the caller. */
function call(fate: Fate): { log: string[]; datagrams: number } {
  const { time, network, alice, bob, log } = world(fate);
  bob.events = {
    invite(incoming) {
      incoming.events = { cancelled: () => log.push("bob cancelled") };
      incoming.provisional(180);
      time.after(300, () => listen(incoming.accept({ body: sdp("answer") }), log, "bob"));
    },
  };
  alice.invite(
    { target, from, body: sdp("offer") },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        dialog.ack();
        time.after(2000, () => dialog.bye());
      },
    }),
  );
  time.advance(200_000);
  assert.is(time.active, 0);
  for (const each of [alice, bob]) assert.equal(each.size(), { dialogs: 0, client: 0, server: 0 });
  return { log, datagrams: network.sent.length };
}

const said = (log: readonly string[], line: string): number => log.filter((each) => each === line).length;

function assertWholeCall(log: readonly string[]): void {
  for (const line of ["alice sent", "alice accepted 200", "bob acked", "alice ended by us", "bob ended by peer"])
    assert.is(said(log, line), 1, `${line}: ${log.join(", ")}`);
}

const normal = call(() => undefined);

test("the undisturbed call has six datagrams", () => {
  assertWholeCall(normal.log);
  assert.is(normal.datagrams, 6);
});

for (let n = 0; n < normal.datagrams; n++) {
  test(`datagram ${n} is lost`, () => assertWholeCall(call((i) => (i === n ? { copies: 0 } : undefined)).log));
  test(`datagram ${n} comes twice`, () => assertWholeCall(call((i) => (i === n ? { copies: 2 } : undefined)).log));
  for (const extraMs of [100, 400, 900, 3000])
    test(`datagram ${n} is ${extraMs} ms late`, () =>
      assertWholeCall(call((i) => (i === n ? { copies: 1, extraMs } : undefined)).log));
  test(`datagrams ${n} and ${n + 1} are lost`, () =>
    assertWholeCall(call((i) => (i === n || i === n + 1 ? { copies: 0 } : undefined)).log));
}

test("every second datagram is lost: begun and ended, whether or not an ACK came through", () => {
  const { log } = call((i) => (i % 2 === 0 ? { copies: 0 } : undefined));
  assert.equal(log.filter((line) => line !== "bob acked").sort(), [
    "alice accepted 200",
    "alice ended by us",
    "alice sent",
    "bob ended by peer",
  ]);
});
test("every datagram comes three times", () => assertWholeCall(call(() => ({ copies: 3 })).log));

// Property: whatever the network does and whoever gives up when, each side is told one end, and no timer or table entry stays.
const plan = fc.record({
  fates: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constant({ copies: 1, extraMs: 0 }) },
      { weight: 3, arbitrary: fc.constant({ copies: 0, extraMs: 0 }) },
      {
        weight: 1,
        arbitrary: fc.record({ copies: fc.integer({ min: 1, max: 3 }), extraMs: fc.integer({ min: 0, max: 6000 }) }),
      },
    ),
    { minLength: 1, maxLength: 40 },
  ),
  ring: fc.boolean(),
  answer: fc.constantFrom("accept", "reject", "nothing"),
  answerAt: fc.integer({ min: 0, max: 5000 }),
  cancelAt: fc.option(fc.integer({ min: 0, max: 6000 })),
  aliceByeAt: fc.option(fc.integer({ min: 0, max: 40_000 })),
  bobByeAt: fc.option(fc.integer({ min: 0, max: 40_000 })),
  aliceReinviteAt: fc.option(fc.integer({ min: 0, max: 5000 })),
  bobReinviteAt: fc.option(fc.integer({ min: 0, max: 5000 })),
});

test("2,000 random networks and humours: no leak, no contradiction", () => {
  fc.assert(
    fc.property(plan, (p) => {
      const { time, alice, bob, log } = world((n) => p.fates[n % p.fates.length]);
      let outcomes = 0;
      let asked = 0;
      const live = (name: "alice" | "bob", dialog: InviteDialog): void => {
        listen(dialog, log, name, { reinvite: (request) => time.after(300, () => request.accept({ body: sdp("r") })) });
        const byeAt = name === "alice" ? p.aliceByeAt : p.bobByeAt;
        const reinviteAt = name === "alice" ? p.aliceReinviteAt : p.bobReinviteAt;
        if (byeAt !== null) time.after(byeAt, () => dialog.bye());
        if (reinviteAt !== null)
          time.after(reinviteAt, () => {
            asked++;
            dialog.reinvite(sdp("re"), (result) => {
              outcomes++;
              if ("ok" in result) dialog.ack();
            });
          });
        // Someone hangs up in the end.
        time.after(60_000, () => dialog.bye());
      };
      bob.events = {
        invite(incoming) {
          incoming.events = { cancelled: () => log.push("bob cancelled") };
          if (p.ring) incoming.provisional(180);
          let over = false;
          const answer = (): void => {
            if (over) return;
            over = true;
            if (p.answer === "accept") live("bob", incoming.accept({ body: sdp("answer") }));
            else if (p.answer === "reject") incoming.reject(486);
          };
          incoming.events = {
            cancelled: () => {
              over = true;
              log.push("bob cancelled");
            },
          };
          time.after(p.answerAt, answer);
        },
      };
      const placed = alice.invite(
        { target, from, body: sdp("offer") },
        outgoing(log, "alice", {
          accepted: (dialog) => {
            dialog.ack();
            live("alice", dialog);
          },
        }),
      );
      if (p.cancelAt !== null) time.after(p.cancelAt, () => placed.cancel());
      // A callee that never answers is cancelled in the end.
      time.after(100_000, () => placed.cancel());
      time.advance(900_000);
      assert.is(time.active, 0, "timers left");
      for (const each of [alice, bob]) assert.equal(each.size(), { dialogs: 0, client: 0, server: 0 });
      const accepted = said(log, "alice accepted 200");
      const failed = log.filter((line) => line.startsWith("alice failed")).length;
      assert.is(accepted + failed, 1, log.join(", "));
      for (const name of ["alice", "bob"])
        assert.ok(log.filter((line) => line.startsWith(`${name} ended`)).length <= 1, log.join(", "));
      if (accepted) assert.is(log.filter((line) => line.startsWith("alice ended")).length, 1, log.join(", "));
      assert.is(outcomes, asked, "each re-INVITE has one outcome");
    }),
    { numRuns: 2000 },
  );
});

test.run();
