// 2,000 INVITEs a second from one source while another call goes on: the call loses nothing, and the phone takes calls again afterwards.

import { createSocket } from "node:dgram";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { Started } from "../support/started.js";
import { writeTone } from "../support/tones.js";
import { eventually, pause } from "../support/wait.js";

const PER_SECOND = 2000;
const SECONDS = 5;
const flood = suite("a flood of INVITEs");
const started = new Started();
flood.after(() => started.stop());

flood(`${PER_SECOND} a second for ${SECONDS} s from one source: the audio loss of a call from another`, async () => {
  const folder = suiteFolder("flood");
  const tone = join(folder, "tone.wav");
  writeTone(tone, 700, 5);
  const phone = (user: string, maxCalls: number) =>
    started.keep(HandsetProcess.start({ folder: join(folder, user), user, security: "off", says: tone, maxCalls }));
  const alice = await phone("alice", 1);
  const bob = await phone("bob", 2);
  const id = await alice.dial(bob.uri);
  const { id: bobsId } = await bob.call("ringing", (call) => call.state === "ringing");
  await bob.ask("answer", {});
  await alice.state(id, "active");
  await pause(500);
  const before = (await bob.status()).counters;

  const eve = createSocket("udp4").unref();
  // Another address of the loopback network: another source.
  await new Promise<void>((resolve) => eve.bind(0, "127.0.0.66", resolve));
  const answers: Record<string, number> = {};
  eve.on("message", (bytes) => {
    const status = bytes.toString("latin1", 8, 11);
    answers[status] = (answers[status] ?? 0) + 1;
  });
  const { port } = eve.address();
  const began = performance.now();
  let sent = 0;
  while (sent < PER_SECOND * SECONDS) {
    // What this process was too late for is made up in steps: a burst that no socket holds would be no flood.
    const due = Math.min(
      PER_SECOND * SECONDS,
      sent + PER_SECOND / 20,
      Math.floor(((performance.now() - began) * PER_SECOND) / 1000),
    );
    for (; sent < due; sent++) eve.send(invite(sent, port, bob.uri), bob.sipPort, "127.0.0.1");
    await pause(5);
  }
  const tookS = (performance.now() - began) / 1000;
  // What the system dropped on the way to the phone cannot be counted there.
  const came = async () => {
    const { counters } = await bob.status();
    return ["rate-dropped", "requests-received"].reduce((sum, name) => sum + counters[name] - before[name], 0);
  };
  for (let n = -1, next = await came(); n !== next; next = await came()) {
    n = next;
    await pause(300);
  }

  for (const [one, number] of [
    [alice, id],
    [bob, bobsId],
  ] as const) {
    const call = (await one.status()).calls.find((each) => each.id === number);
    assert.is(call?.state, "active");
    const voice = call?.voice as { packetsReceived: number; packetsLost: number };
    const loss = voice.packetsLost / (voice.packetsReceived + voice.packetsLost);
    console.log(
      `${one.options.user}: ${voice.packetsLost} of ${voice.packetsReceived + voice.packetsLost} packets lost at ${Math.round(sent / tookS)} INVITEs/s`,
    );
    assert.ok(loss < 0.01, `${voice.packetsLost} lost`);
  }
  const status = await bob.status();
  const grown = (name: string): number => status.counters[name] - before[name];
  // Of what came; the system's own drops on a full socket count for nothing. Some are dropped before they are read, some after.
  assert.ok(
    grown("rate-dropped") > grown("requests-received") / 2,
    `${grown("rate-dropped")} dropped, ${grown("requests-received")} read of ${sent}`,
  );
  assert.ok((answers["503"] ?? 0) > 0, JSON.stringify(answers));
  // Flooded or not, the call can be ended, and the phone called again.
  await bob.ask("hangup", { id: bobsId });
  assert.is((await alice.ended(id)).end?.by, "peer");
  // One of the flood's own rings in the free place.
  for (const call of (await bob.status()).calls) if (call.state === "ringing") await bob.ask("hangup", { id: call.id });
  await eventually("bob to be free", 20_000, async () => (await bob.status()).calls.length === 0);
  eve.close();
  const again = await alice.dial(bob.uri);
  await alice.state(again, "ringing");
});

function invite(n: number, port: number, target: string): string {
  const body = "v=0\r\no=- 1 1 IN IP4 127.0.0.66\r\ns=-\r\nc=IN IP4 127.0.0.66\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n";
  return [
    `INVITE ${target} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.66:${port};rport;branch=z9hG4bKflood${n}`,
    "Max-Forwards: 70",
    `From: <sip:eve@127.0.0.66>;tag=f${n}`,
    `To: <${target}>`,
    `Call-ID: flood${n}`,
    "CSeq: 1 INVITE",
    `Contact: <sip:eve@127.0.0.66:${port}>`,
    "Content-Type: application/sdp",
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

flood.run();
