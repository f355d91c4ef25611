// Ten thousand random and mutated datagrams at both ports of a call: the voice is unhurt, the counters tell.

import { randomBytes, randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { closeAll, compare, connect, hangUp, Phone, pair, pause, spoken, until } from "./phones.js";

const test = suite("attack");
const DATAGRAMS = 10_000;

/** Something no phone should send: noise, headers with noise, real packets spoiled. */
function malice(sample: Uint8Array): Uint8Array {
  switch (randomInt(6)) {
    case 0:
      return randomBytes(randomInt(200));
    case 1: {
      const noise = randomBytes(12 + randomInt(200));
      noise[0] = 0x80 | (noise[0] & 0x3f);
      return noise;
    }
    case 2: {
      const noise = randomBytes(8 + randomInt(100));
      noise[0] = 0x80 | (noise[0] & 0x1f);
      noise[1] = 200 + randomInt(8);
      return noise;
    }
    case 3: {
      const copy = Uint8Array.from(sample);
      for (let i = 0; i <= randomInt(4); i++) copy[randomInt(copy.length)] ^= 1 << randomInt(8);
      return copy;
    }
    case 4:
      return sample.slice(0, randomInt(sample.length));
    default: {
      // A first byte of each kind RFC 7983 knows.
      const noise = randomBytes(20 + randomInt(40));
      noise[0] = [0, 3, 16, 19, 20, 63, 64, 79][randomInt(8)];
      return noise;
    }
  }
}

for (const security of ["clear", "srtp"] as const)
  test(`${security}: ${DATAGRAMS} datagrams`, async () => {
    const name = `attack-${security}`;
    const [a, b] = [new Phone(`${name}-a`), new Phone(`${name}-bb`)];
    await pair(a, b);
    connect(a, b, { security });
    const attacker = createSocket("udp4");
    await new Promise<void>((resolve) => attacker.bind(0, "127.0.0.1", resolve));
    attacker.on("error", () => {});
    // A packet as the attacker might have overheard it.
    const overheard = randomBytes(security === "srtp" ? 182 : 172);
    overheard.set([0x80, 0]);
    await until("voice", async () => (await b.stream.statistics()).packetsReceived > 10);
    for (let sent = 0; sent < DATAGRAMS; ) {
      for (let i = 0; i < 50; i++, sent++)
        attacker.send(malice(overheard), sent & 1 ? b.stream.rtpPort : b.stream.rtcpPort, "127.0.0.1");
      await pause(5);
    }
    await spoken(b);
    const { packetsSent } = await a.stream.statistics();
    const { dropped, packetsLost, packetsReceived } = await b.stream.close();
    const total = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    await hangUp(a, b);
    attacker.close();
    // The kernel may drop some of a burst; what arrived is counted.
    assert.ok(total > DATAGRAMS * 0.5 && total <= DATAGRAMS, `${total} counted`);
    for (const reason of ["malformed", "stun", "zrtp", "dtls"]) assert.ok(dropped[reason] > 0, reason);
    assert.ok(dropped[security === "srtp" ? "bad-tag" : "wrong-source"] > 0);
    assert.ok(packetsReceived <= packetsSent && packetsLost < 5, `${packetsReceived} received, ${packetsLost} lost`);
    const judged = compare(a, b);
    assert.ok(judged.understood, judged.reasons.join("; "));
    assert.ok(judged.snrDb! > 28, `SNR ${judged.snrDb} dB`);
  });

test.after(closeAll);
test.run();
