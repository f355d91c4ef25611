// How many dh calls one automatic answerer takes when calls come as fast as it answers, its pool of key pairs running dry.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { issueIdentity } from "../../firmware/crypto/issue.js";
import { freePort, freeRange } from "../../test/support/ports.js";
import { endWithUs } from "../../test/support/started.js";
import { installedOptions, Phone, phoneFiles } from "../demo-call/phone.js";
import type { PartContext } from "./parts.js";
import { PreparedCaller } from "./prepared-caller.js";
import type { AnswererResult } from "./result.js";

const PEER = "sip:bob-dh@127.0.0.1";
const CALLER = "sip:crowd@127.0.0.1";
/** Calls in progress at any time: the answerer never waits for one. */
const AT_ONCE = 8;
const WARMUP = 300;
const MEASURED = 1000;
/** Clock ticks of /proc/PID/stat a second. */
const TICKS = 100;

/** An answerer for many calls, and a caller that only sends. */
export class Crowd {
  private constructor(
    readonly phone: Phone,
    readonly port: number,
    readonly caller: PreparedCaller,
  ) {}

  /** @param more further fields of the answerer's configuration. */
  static async start(
    folder: string,
    { program, people }: Pick<PartContext, "program" | "people">,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Crowd> {
    mkdirSync(folder, { recursive: true });
    const files = phoneFiles(folder, folder, "bob");
    const port = await freePort();
    const keying = await people.keying("dh", "bob", (side) => (side === "bob" ? PEER : CALLER));
    const config = {
      board: "host",
      sip: {
        ...{ address: "127.0.0.1", port, transports: ["udp", "tcp"] },
        limits: { messagesPerSource: 100_000, requestsPerSource: 100_000, requestsTotal: 100_000 },
      },
      rtp: await freeRange(400),
      control: files.socket,
      log: { level: "warn", file: files.log },
      accounts: [{ uri: PEER, security: "required", keying, codecs: ["PCMU"], autoAnswerMs: 0 }],
      maxCalls: 200,
      offerBudget: { burst: 1000, perSecond: 1000 },
      ...more,
    };
    const phone = await Phone.start("bob", program, files, config, { node: installedOptions, isGroup: true });
    endWithUs(phone.pid, phone.exited);
    const now = Date.now();
    const identity = await issueIdentity(people.authority, {
      ...{ uri: CALLER, keyType: "p256", notBeforeMs: now - 86_400_000, notAfterMs: now + 86_400_000 },
    });
    const { certificatePem: authorityPem } = people.authority;
    const caller = await PreparedCaller.open({ uri: CALLER, identity, authorityPem, peerUri: PEER, port });
    return new Crowd(phone, port, caller);
  }

  /** CPU time of the answerer so far, all its threads, s. */
  get cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.phone.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  async stop(): Promise<void> {
    this.caller.close();
    await this.phone.stop();
  }
}

/** Measures. @param publicKeyMs what an answer's public-key operations take, ms. */
export async function measureAnswerer(context: PartContext, publicKeyMs: number): Promise<AnswererResult> {
  const crowd = await Crowd.start(join(context.folder, "answerer"), context);
  try {
    context.progress.status("the answerer warms up");
    await crowd.caller.prepare(WARMUP);
    await crowd.caller.place(WARMUP, AT_ONCE);
    await crowd.caller.prepare(MEASURED);
    context.progress.status(`${MEASURED} calls for the answerer`);
    const before = crowd.cpuSeconds;
    const { answered, failed, tookMs } = await crowd.caller.place(MEASURED, AT_ONCE);
    const cpu = crowd.cpuSeconds - before;
    return {
      perSecond: answered / cpu,
      perSecondOnTheClock: (1000 * answered) / tookMs,
      publicKeyPerSecond: 1000 / publicKeyMs,
      ...{ calls: answered, failed, cpuPercent: (100_000 * cpu) / tookMs },
    };
  } finally {
    await crowd.stop();
  }
}
