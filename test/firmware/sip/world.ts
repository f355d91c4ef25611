// For the user agent suites: a virtual world with two agents, alone or in a call.

import * as assert from "uvu/assert";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import type { IncomingInvite, InviteDialog } from "../../../firmware/sip/index.js";
import { agent, listen, Network, outgoing, sdp } from "./support.js";

export const from = { uri: "sip:u1@192.0.2.1", displayName: "One" };
export const to = (number: number): string => `sip:u${number}@192.0.2.${number}`;

export function world() {
  const time = new VirtualTime();
  const network = new Network(time);
  return { time, network, log: [] as string[] };
}

/** Lets every timer run out; nothing may be left. */
export function settle(
  time: VirtualTime,
  ...agents: { size(): { dialogs: number; client: number; server: number } }[]
): void {
  time.advance(700_000);
  assert.is(time.active, 0, "timers left");
  for (const each of agents) assert.equal(each.size(), { dialogs: 0, client: 0, server: 0 });
}

export function listenIncoming(call: IncomingInvite, log: string[], name = "bob"): void {
  call.events = { cancelled: (reason) => log.push(`${name} cancelled: ${reason}`) };
}

export function connected() {
  const all = world();
  const { time, network, log } = all;
  const alice = agent(network, 1);
  const bob = agent(network, 2);
  const dialogs = {} as { alice: InviteDialog; bob: InviteDialog };
  bob.events = {
    invite(call) {
      dialogs.bob = call.accept({ body: sdp("answer") });
      listen(dialogs.bob, log, "bob");
    },
  };
  alice.invite(
    { target: to(2), from, body: sdp("offer") },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        dialogs.alice = dialog;
        dialog.ack();
      },
    }),
  );
  time.advance(100);
  log.length = 0;
  network.sent.length = 0;
  return { ...all, alice, bob, dialogs };
}
