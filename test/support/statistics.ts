// What the statistics of both ends of a call say together.

import * as assert from "uvu/assert";
import type { CallSnapshot } from "../../firmware/call/types.js";

/** Nothing of the voice was lost, dropped, or sent in vain but for what was on its way at the end; more than `packets` came each way. */
export function nothingLost(ended: readonly CallSnapshot[], packets: number): void {
  for (const { statistics } of ended) {
    assert.ok(statistics!.packetsReceived > packets, JSON.stringify(statistics));
    assert.is(statistics!.packetsLost, 0);
    assert.equal(
      Object.entries(statistics!.dropped).filter(([, count]) => count > 0),
      [],
    );
  }
  const [a, b] = ended.map(({ statistics }) => statistics!);
  assert.ok(a.packetsSent - b.packetsReceived <= 2, `${a.packetsSent} sent, ${b.packetsReceived} received`);
  assert.ok(b.packetsSent - a.packetsReceived <= 2, `${b.packetsSent} sent, ${a.packetsReceived} received`);
}
