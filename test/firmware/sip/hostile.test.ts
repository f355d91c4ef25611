// 10,000 random and mutated datagrams at a user agent with a call in progress: nothing throws, nothing grows, the call lives.

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../../firmware/runtime/clock.js";
import { systemTimers } from "../../../firmware/runtime/timers.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { type InviteDialog, UdpTransport, UserAgent } from "../../../firmware/sip/index.js";
import { agent, listen, Network, outgoing, sdp } from "./support.js";

/** xorshift32 */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Messages of strangers, and of one who knows the Call-ID but not the tags. */
function seeds(port: number, host: string, callId: string, victim: string): Buffer[] {
  const make = (
    first: string,
    method: string,
    more: readonly string[] = [],
    id = "stranger",
    via = `${host}:${port}`,
  ): Buffer =>
    Buffer.from(
      [
        first,
        `Via: SIP/2.0/UDP ${via};rport;branch=z9hG4bKx${method}`,
        "Max-Forwards: 70",
        'From: "Mallory" <sip:m@example.com>;tag=mm',
        `To: <sip:u2@${host}>`,
        `Call-ID: ${id}`,
        `CSeq: 7 ${method}`,
        "Contact: <sip:m@example.com>",
        ...more,
        "Content-Length: 5",
        "",
        "v=0\r\n",
      ].join("\r\n"),
    );
  const uri = `sip:u2@${host}`;
  const list = ["INVITE", "OPTIONS", "BYE", "CANCEL", "ACK", "INFO", "REGISTER", "PRACK"].flatMap((method) => [
    make(`${method} ${uri} SIP/2.0`, method, ["Content-Type: application/sdp", "Record-Route: <sip:p;lr>, <sip:q>"]),
    make(`${method} ${uri} SIP/2.0`, method, ["Content-Type: application/sdp"], callId),
  ]);
  for (const status of [100, 180, 200, 302, 487, 500])
    list.push(
      make(`SIP/2.0 ${status} Reason`, "INVITE"),
      make(`SIP/2.0 ${status} Reason`, "INVITE", [], callId, victim),
      make(`SIP/2.0 ${status} Reason`, "BYE", [], callId),
    );
  return list;
}

function hostile(random: (below: number) => number, bases: readonly Buffer[]): Buffer {
  if (random(10) === 0) return Buffer.from(Array.from({ length: random(300) }, () => random(256)));
  let text: Buffer = Buffer.from(bases[random(bases.length)]);
  for (let edits = random(5); edits > 0 && text.length > 1; edits--) {
    const at = random(text.length);
    const kind = random(6);
    if (kind === 0) text[at] = random(256);
    else if (kind === 1) text = text.subarray(0, at);
    else if (kind === 2) text = Buffer.concat([text.subarray(0, at), text.subarray(at + random(30))]);
    else if (kind === 3)
      text = Buffer.concat([
        text.subarray(0, at),
        Buffer.from(['"', "<", "\r\n", ",", ";", "\0", "ä"][random(7)]),
        text.subarray(at),
      ]);
    else if (kind === 4) text = Buffer.concat([text.subarray(0, at), text.subarray(at >> 1, at), text.subarray(at)]);
    // Another branch: a new transaction.
    else
      text = Buffer.from(
        text.toString("latin1").replace(/branch=z9hG4bK\w+/, `branch=z9hG4bK${random(1e9)}`),
        "latin1",
      );
  }
  return text;
}

test("in memory, the same 10,000 every time", () => {
  const time = new VirtualTime();
  const network = new Network(time);
  const log: string[] = [];
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  const dialogs: InviteDialog[] = [];
  bob.events = {
    invite(call) {
      if (dialogs.length > 0) return call.reject(486);
      dialogs.push(call.accept({ body: sdp("answer") }));
      listen(dialogs[0], log, "bob", { reinvite: (request) => request.accept({ body: sdp("again") }) });
    },
  };
  alice.invite(
    { target: "sip:u2@192.0.2.2", from: { uri: "sip:u1@192.0.2.1" } },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        dialogs.push(dialog);
        dialog.ack();
      },
    }),
  );
  time.advance(100);
  log.length = 0;
  const mallory = network.bind("192.0.2.66");
  const random = generator(20261120);
  const bases = seeds(5060, "192.0.2.66", dialogs[0].callId, "192.0.2.2:5060");
  for (let i = 0; i < 10_000; i++) {
    mallory.send(hostile(random, bases), { host: "192.0.2.2", port: 5060, transport: "udp" }, () => {});
    time.advance(2);
    network.sent.length = 0;
    if (i % 1000 === 0) {
      assert.is(bob.size().dialogs, 1);
      assert.ok(bob.size().server <= 3000 && time.active < 10_000);
    }
  }
  assert.equal(log, []);
  let outcome = "";
  const mine = dialogs[1];
  mine.reinvite(sdp("still there?"), (result) => {
    outcome = "ok" in result ? Buffer.from(result.ok.body).toString() : `${result.failed.status}`;
    mine.ack();
  });
  time.advance(100);
  assert.is(outcome, "again");
  dialogs[0].bye();
  time.advance(100);
  assert.equal(log, ["bob reinvite", "bob acked", "alice ended by peer", "bob ended by us"]);
  const counters = bob.counters();
  for (const name of [
    "malformed-answered",
    "malformed-dropped",
    "not-sip",
    "stray-response",
    "stray-ack",
    "no-dialog",
    "refused",
    "merged",
  ])
    assert.ok(counters[name] > 0, `${name} was never met`);
  time.advance(200_000);
  assert.is(time.active, 0);
  assert.equal(bob.size(), { dialogs: 0, client: 0, server: 0 });
});

test("over a real socket: 10,000 datagrams as fast as they go", async () => {
  const open = async (user: string): Promise<UserAgent> =>
    new UserAgent({
      transport: await UdpTransport.open({ host: "127.0.0.1", port: 0 }),
      clock: systemClock,
      timers: systemTimers,
      random: randomBytes,
      contact: { user },
    });
  const alice = await open("alice");
  const bob = await open("bob");
  const log: string[] = [];
  const dialogs: InviteDialog[] = [];
  bob.events = {
    invite(call) {
      if (dialogs.length > 0) return call.reject(486);
      dialogs.push(call.accept({}));
      listen(dialogs[0], log, "bob", { reinvite: (request) => request.accept({ body: sdp("again") }) });
    },
  };
  await new Promise<void>((resolve) => {
    alice.invite(
      { target: bob.contactUri, from: { uri: "sip:alice@127.0.0.1" } },
      outgoing([], "alice", {
        accepted: (dialog) => {
          dialogs.push(dialog);
          dialog.ack();
          setTimeout(resolve, 50);
        },
      }),
    );
  });
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const random = generator(4711);
  const bases = seeds(socket.address().port, "127.0.0.1", dialogs[0].callId, `127.0.0.1:${bob.local.port}`);
  for (let i = 0; i < 10_000; i++) {
    socket.send(hostile(random, bases), bob.local.port, "127.0.0.1");
    if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.is(bob.size().dialogs, 1);
  const mine = dialogs[1];
  const outcome = await new Promise<string>((resolve) =>
    mine.reinvite(sdp("still there?"), (result) => {
      resolve("ok" in result ? Buffer.from(result.ok.body).toString() : `${result.failed.status}`);
      if ("ok" in result) mine.ack();
    }),
  );
  assert.is(outcome, "again");
  const ended = new Promise<void>((resolve) => listen(mine, log, "alice", { ended: () => resolve() }));
  mine.bye();
  await ended;
  assert.equal(log, ["bob acked", "bob reinvite", "bob acked", "bob ended by peer", "alice ended by us"]);
  socket.close();
  await Promise.all([alice.close(), bob.close()]);
});

test.run();
