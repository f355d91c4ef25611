// Scenarios of our own for sipp (test/interop/sipp/*.xml), played against a whole handset: what registrars, B2BUAs and bad networks do.

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { freePort } from "../support/ports.js";
import { Started } from "../support/started.js";
import { eventually, pause } from "../support/wait.js";
import { checkout } from "../vectors.js";
import { needTool } from "./tools.js";

const sipp = needTool("sipp", "package sip-tester");
const scenarios = suite("sipp scenarios");

if (sipp) {
  const folder = suiteFolder("scenarios");
  const started = new Started();
  /** What runs beside the others, a minute long. */
  const beside = new Started();
  let phones = 0;
  scenarios.after.each(() => started.stop());
  scenarios.after(() => beside.stop());

  function phone(
    more: Partial<Parameters<typeof HandsetProcess.start>[0]> = {},
    keeper: Started = started,
  ): Promise<HandsetProcess> {
    return keeper.keep(
      HandsetProcess.start({ folder: join(folder, `phone${phones++}`), user: "sotto", security: "off", ...more }),
    );
  }

  /** Plays a scenario once; resolves when it is over. @throws Error with sipp's words when it went otherwise than written. */
  async function play(name: string, args: readonly string[], limitS = 20) {
    const mine = join(folder, `${name}${phones++}`);
    mkdirSync(mine);
    const port = await freePort();
    const file = join(checkout, "test", "interop", "sipp", `${name}.xml`);
    const all = [
      "-sf",
      file,
      "-m",
      "1",
      "-i",
      "127.0.0.1",
      "-p",
      `${port}`,
      "-nostdin",
      "-trace_err",
      "-error_file",
      "e",
    ];
    const child = spawn(sipp!, [...all, "-timeout", `${limitS}`, "-timeout_error", ...args], {
      cwd: mine,
      env: { ...process.env, TERM: "dumb" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        text = (text + data).slice(-6000);
      });
    const over = new Promise<void>((resolve, reject) =>
      child.once("close", (code) =>
        code === 0 ? resolve() : reject(new Error(`${name}: sipp ended with ${code}\n${text}`)),
      ),
    );
    over.catch(() => {});
    return { port, over };
  }

  /** The phone calls a scenario; `during` runs when the call is up. The phone hangs up unless the scenario does. */
  async function called(
    name: string,
    options: {
      readonly more?: Partial<Parameters<typeof HandsetProcess.start>[0]>;
      readonly limitS?: number;
      readonly during?: (handset: HandsetProcess, id: number) => Promise<void>;
      readonly hangsUp?: boolean;
      readonly keeper?: Started;
      /** Further arguments of sipp. */
      readonly sipp?: readonly string[];
    } = {},
  ): Promise<HandsetProcess> {
    const handset = await phone(options.more, options.keeper);
    const { port, over } = await play(name, options.sipp ?? [], options.limitS);
    await pause(400);
    const id = await handset.dial(`sip:service@127.0.0.1:${port}`);
    await handset.state(id, "active");
    await options.during?.(handset, id);
    if (options.hangsUp !== false) {
      await pause(200);
      await handset.ask("hangup", {});
    }
    await handset.ended(id, (options.limitS ?? 20) * 1000);
    await over;
    return handset;
  }

  /** A scenario calls the phone, which answers by itself. */
  async function calls(name: string, sipp: readonly string[] = []): Promise<HandsetProcess> {
    const handset = await phone({ autoAnswerMs: 100 });
    const { over } = await play(name, [`127.0.0.1:${handset.sipPort}`, ...sipp]);
    await over;
    const { calls } = await handset.status();
    await eventually(
      "the end of the call",
      20_000,
      async () => (await handset.status()).calls.length === 0 || calls.length === 0,
    );
    return handset;
  }

  /**
   * For scenarios that send each message twice: sipp takes no answer before it has sent the last one, and gives up when one comes. Told so, it
   * passes over it; the copy is answered again, which is what it then waits for.
   */
  const passesOver = ["-default_behaviors", "all,-abortunexp"];

  /** Of a scenario whose messages all differ: it is tried again. */
  function hasty(name: string, run: () => Promise<void>): void {
    scenarios(name, async () => {
      for (let tries = 1; ; tries++) {
        try {
          return await run();
        } catch (error) {
          if (tries === 8 || !/while sending/.test((error as Error).message)) throw error;
          await started.stop();
        }
      }
    });
  }

  let expired: Promise<HandsetProcess>;
  scenarios.before(() => {
    expired = called("uas-timer", { limitS: 90, hangsUp: false, keeper: beside });
    expired.catch(() => {});
  });

  scenarios("PRACK: a reliable 183 with early media is acknowledged", async () => {
    await called("uas-prack");
  });

  hasty("forking: two answers, one kept, the other acknowledged and ended", async () => {
    const handset = await called("uas-fork");
    assert.is((await handset.status()).counters["forked-2xx"], 1);
  });

  scenarios("redirects are followed", async () => {
    const handset = await called("uas-redirect");
    assert.is((await handset.status()).counters.redirected, 2);
  });

  scenarios("407 and 401 in a chain", async () => {
    const auth = ["proxy.test", "phone.test"].map((realm, i) => {
      const passwordFile = join(folder, `password${i}`);
      writeFileSync(passwordFile, `secret${i}\n`, { mode: 0o600 });
      return { user: "sotto", realm, passwordFile };
    });
    await called("uas-auth", { more: { account: { auth } } });
  });

  scenarios("glare: a hold that meets 491 is tried again", async () => {
    await called("uas-glare", {
      during: async (handset, id) => {
        await handset.ask("hold", {});
        await handset.state(id, "held", 15_000);
      },
    });
  });

  scenarios("answers that overtake ringing, and come twice", async () => {
    await called("uas-reordered", { sipp: passesOver });
  });

  scenarios("PRACK: a caller that insists on reliable ringing", async () => {
    await calls("uac-prack");
  });

  scenarios("late offer: ours with the 200, the answer with the ACK", async () => {
    await calls("uac-late-offer");
  });

  scenarios("UPDATE with and without an offer, and 422", async () => {
    await calls("uac-update");
  });

  scenarios("requests that come twice", async () => {
    const handset = await calls("uac-retransmitted", passesOver);
    assert.ok((await handset.status()).counters["retransmissions-received"] >= 2);
  });

  scenarios("a session nobody refreshes is ended after 60 of its 90 s", async () => {
    const handset = await expired;
    assert.is((await handset.status()).counters["session-expired"], 1);
  });
}

scenarios.run();
