// What the statistics of both ends of a call say together.

import * as assert from "uvu/assert";
import type { CallSnapshot } from "../../firmware/call/types.js";
import type { StreamStatistics } from "../../firmware/media/voice.js";
import type { HandsetProcess } from "./handset-process.js";
import { eventually } from "./wait.js";

/** One end of a running call. */
export interface CallEnd {
  readonly phone: HandsetProcess;
  readonly id: number;
}

/** Counts of a call that runs. @throws Error when there is none of that number. */
export async function voiceOf({ phone, id }: CallEnd): Promise<StreamStatistics> {
  const found = (await phone.status()).calls.find((one) => one.id === id);
  if (!found) throw new Error(`${phone.options.user}: no call ${id}`);
  return found.voice as StreamStatistics;
}

/**
 * Waits until each end has taken as many packets as the other had sent when this was called, and more than `packets`: two counts that are read
 * at two moments tell nothing else. With no loss counted, none is missing.
 */
export async function allTaken(ends: readonly [CallEnd, CallEnd], packets = 0): Promise<void> {
  const sent = (await Promise.all(ends.map(voiceOf))).map(({ packetsSent }) => packetsSent);
  await eventually("all that was sent is there", 60_000, async () => {
    const taken = (await Promise.all(ends.map(voiceOf))).map(({ packetsReceived }) => packetsReceived);
    return taken.every((count, i) => count >= sent[1 - i] && count > packets);
  });
}

/** Of two calls that have ended: nothing of the voice was lost or dropped, more than `packets` came each way. */
export function nothingLost(ended: readonly CallSnapshot[], packets: number): void {
  for (const { statistics } of ended) {
    assert.ok(statistics!.packetsReceived > packets, JSON.stringify(statistics));
    assert.is(statistics!.packetsLost, 0);
    assert.equal(
      Object.entries(statistics!.dropped).filter(([, count]) => count > 0),
      [],
    );
  }
}
