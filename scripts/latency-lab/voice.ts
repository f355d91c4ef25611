// A secured call that goes on while fifty others are set up and ended on the same phone: what its voice loses.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { StreamStatistics } from "../../firmware/media/voice.js";
import { freePort, freeRange } from "../../test/support/ports.js";
import { endWithUs } from "../../test/support/started.js";
import { eventually, pause } from "../../test/support/wait.js";
import { Phone, phoneFiles } from "../demo-call/phone.js";
import { Crowd } from "./answerer.js";
import type { PartContext } from "./parts.js";
import type { VoiceResult } from "./result.js";

const SETUPS = 50;
const CALLER = "sip:alice-dh@127.0.0.1";
const CALLEE = "sip:bob-dh@127.0.0.1";

/** Measures both ends of the call. @throws Error when a call does not come about. */
export async function measureVoice(context: Pick<PartContext, "folder" | "program" | "people">): Promise<VoiceResult> {
  const { program, people } = context;
  const folder = join(context.folder, "voice");
  const crowd = await Crowd.start(join(folder, "bob"), context);
  let alice: Phone | undefined;
  try {
    const own = join(folder, "alice");
    mkdirSync(own, { recursive: true });
    const files = phoneFiles(own, own, "alice");
    alice = await Phone.start(
      "alice",
      program,
      files,
      {
        board: "host",
        sip: { address: "127.0.0.1", port: await freePort() },
        rtp: await freeRange(16),
        control: files.socket,
        log: { level: "warn", file: files.log },
        accounts: [
          {
            uri: CALLER,
            security: "required",
            codecs: ["PCMU"],
            keying: await people.keying("dh", "alice", (side) => (side === "alice" ? CALLER : CALLEE)),
          },
        ],
      },
      { isGroup: true },
    );
    endWithUs(alice.pid, alice.exited);
    await crowd.caller.prepare(SETUPS);
    const { id } = await alice.control.ask("dial", { uri: `${CALLEE}:${crowd.port}` });
    await alice.until("answer", 30_000, (call) => call.id === id && call.state === "active");
    await pause(1000);
    const phones = [alice, crowd.phone];
    const statistics = async () => {
      const all = await Promise.all(phones.map((phone) => phone.control.ask("status", {})));
      return all.map(({ calls }) => calls.find(({ state, voice }) => state === "active" && voice)?.voice);
    };
    const before = await statistics();
    const { answered, refusals } = await crowd.caller.place(SETUPS, SETUPS);
    if (answered !== SETUPS) throw new Error(`${answered} of ${SETUPS} were answered: ${JSON.stringify(refusals)}`);
    await eventually("the end of the others", 30_000, async () => {
      const { calls } = await crowd.phone.control.ask("status", {});
      return calls.length === 1;
    });
    await pause(500);
    const after = await statistics();
    const grown = (name: Count) =>
      after.reduce<number>((sum, one, i) => sum + count(one, name) - count(before[i], name), 0);
    return {
      setups: answered,
      packets: grown("packetsReceived") + grown("packetsLost"),
      lost: grown("packetsLost"),
      late: grown("packetsLate"),
      xruns: grown("xruns"),
    };
  } finally {
    await Promise.all([alice?.stop(), crowd.stop()]);
  }
}

type Count = "packetsReceived" | "packetsLost" | "packetsLate" | "xruns";

function count(voice: unknown, name: Count): number {
  if (voice === undefined) throw new Error("the call is gone");
  return (voice as StreamStatistics)[name];
}
