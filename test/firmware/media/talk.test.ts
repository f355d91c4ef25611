// Two phones talk over loopback in real time: what is said is heard, in the clear and secured.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { attempts, closeAll, compare, connect, hangUp, Phone, pair, spoken } from "./phones.js";

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
    test(`${codec}, ${security}`, () =>
      attempts(async (attempt) => {
        const { a, b, statistics } = await talk(`${codec}-${security}-${attempt}`, { codec, security });
        for (const { packetsLost, dropped } of statistics)
          assert.equal({ packetsLost, dropped }, { packetsLost: 0, dropped: {} });
        assert.equal(a.heard.first.sort(), ["received", "sent"]);
        for (const [from, to] of [
          [a, b],
          [b, a],
        ]) {
          const judged = compare(from, to);
          assert.ok(judged.understood, judged.reasons.join("; "));
          assert.ok(judged.snrDb! > 30, `SNR ${judged.snrDb} dB`);
        }
      }));

test.after(closeAll);
test.run();
