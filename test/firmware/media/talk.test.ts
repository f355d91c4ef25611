// Two phones talk over loopback: what is said is heard, in the clear and secured.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../../support/wait.js";
import { closeAll, compare, connect, hangUp, Phone, pair, randomKeys, spoken, toward } from "./phones.js";

const test = suite("talk");

async function talk(name: string, options: Parameters<typeof connect>[2], sound = {}) {
  const [a, b] = [new Phone(`${name}-a`, { sound }), new Phone(`${name}-bb`, { sound })];
  await pair(a, b);
  connect(a, b, options);
  await spoken(a, b);
  const statistics = await Promise.all([a.stream.close(), b.stream.close()]);
  await hangUp(a, b);
  return { a, b, statistics };
}

for (const security of ["clear", "srtp"] as const)
  for (const codec of ["PCMU", "PCMA"] as const)
    test(`${codec}, ${security}`, async () => {
      const { a, b, statistics } = await talk(`${codec}-${security}`, { codec, security });
      for (const { packetsLost, packetsLate, dropped } of statistics)
        assert.equal({ packetsLost, packetsLate, dropped }, { packetsLost: 0, packetsLate: 0, dropped: {} });
      assert.equal(a.heard.first.sort(), ["received", "sent"]);
      for (const [from, to] of [
        [a, b],
        [b, a],
      ]) {
        const judged = compare(from, to);
        assert.ok(judged.understood, judged.reasons.join("; "));
        assert.ok(judged.snrDb! > 30, `SNR ${judged.snrDb} dB`);
      }
    });

test("over IPv6, in the machine's time", async () => {
  const options = { voice: { localAddress: "::1" }, realTime: true };
  const [a, b] = [new Phone("six-a", options), new Phone("six-bb", options)];
  try {
    await pair(a, b);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRNOTAVAIL") throw error;
    console.log("skipped: no IPv6 loopback here");
    return;
  }
  const keys = [randomKeys(), randomKeys()];
  a.stream.keys(keys[0], keys[1]);
  b.stream.keys(keys[1], keys[0]);
  // Spelled in full, as an SDP may.
  const remoteAddress = "0:0:0:0:0:0:0:1";
  a.stream.start({ ...toward(b.stream, { security: "srtp" }), remoteAddress });
  b.stream.start({ ...toward(a.stream, { security: "srtp" }), remoteAddress });
  await eventually("voice both ways", 30_000, async () => {
    const all = await Promise.all([a.stream.statistics(), b.stream.statistics()]);
    return all.every(({ packetsReceived }) => packetsReceived > 10);
  });
  assert.equal((await a.stream.statistics()).dropped, {});
  await hangUp(a, b);
});

test.after(closeAll);
test.run();
