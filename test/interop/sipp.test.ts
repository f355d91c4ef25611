// sipp's built-in scenarios against the user agent: its caller calls us, its callee is called by us.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../firmware/runtime/clock.js";
import { systemTimers } from "../../firmware/runtime/timers.js";
import { UdpTransport, UserAgent } from "../../firmware/sip/index.js";
import { needTool } from "./tools.js";

const sipp = needTool("sipp", "package sip-tester");
const CALLS = 20;

async function open(): Promise<UserAgent> {
  return new UserAgent({
    transport: await UdpTransport.open({ host: "127.0.0.1", port: 0 }),
    clock: systemClock,
    timers: systemTimers,
    random: randomBytes,
    product: "Sotto test",
    contact: { user: "sotto" },
  });
}

/** Runs sipp in a folder of its own. */
function run(program: string, args: readonly string[]): Promise<{ code: number | null; text: string }> {
  const folder = mkdtempSync(join(tmpdir(), "sotto-sipp-"));
  const child = spawn(program, [...args, "-nostdin", "-trace_err", "-error_file", "errors.txt"], {
    cwd: folder,
    env: { ...process.env, TERM: "dumb" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => {
      text = (text + data).slice(-20_000);
    });
  const done = new Promise<{ code: number | null; text: string }>((resolve) =>
    child.on("close", (code) => {
      rmSync(folder, { recursive: true, force: true });
      resolve({ code, text });
    }),
  );
  return done;
}

async function freePort(): Promise<number> {
  const probe = await UdpTransport.open({ host: "127.0.0.1", port: 0 });
  await probe.close();
  return probe.local.port;
}

if (sipp) {
  test(`sipp -sn uac: ${CALLS} calls are answered and end`, async () => {
    const ua = await open();
    const seen = { acked: 0, ended: 0 };
    ua.events = {
      invite(call) {
        assert.is(call.request.headers.get("Content-Type"), "application/sdp");
        call.provisional(180);
        const dialog = call.accept({ body: { type: "application/sdp", content: Buffer.from(answer) } });
        dialog.events = {
          acked: () => void seen.acked++,
          reinvite: (request) => request.reject(488),
          ended: (why) => {
            assert.is(why.by, "peer");
            seen.ended++;
          },
        };
      },
    };
    const caller = run(sipp, [
      "-sn",
      "uac",
      "-m",
      `${CALLS}`,
      "-r",
      "20",
      "-d",
      "50",
      "-i",
      "127.0.0.1",
      "-p",
      `${await freePort()}`,
      "-timeout",
      "60",
      "-timeout_error",
      `127.0.0.1:${ua.local.port}`,
    ]);
    const { code, text } = await caller;
    assert.is(code, 0, text);
    assert.equal(seen, { acked: CALLS, ended: CALLS });
    assert.is(ua.size().dialogs, 0);
    await ua.close();
  });

  test(`sipp -sn uas: ${CALLS} calls are placed, acknowledged and hung up`, async () => {
    const ua = await open();
    const port = await freePort();
    const callee = run(sipp, [
      "-sn",
      "uas",
      "-m",
      `${CALLS}`,
      "-i",
      "127.0.0.1",
      "-p",
      `${port}`,
      "-timeout",
      "60",
      "-timeout_error",
    ]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const place = (): Promise<string> =>
      new Promise((resolve) => {
        let ringing = false;
        ua.invite(
          {
            target: `sip:service@127.0.0.1:${port}`,
            from: { uri: "sip:sotto@127.0.0.1" },
            body: { type: "application/sdp", content: Buffer.from(answer) },
          },
          {
            sent: () => {},
            provisional: (response) => {
              ringing ||= response.status === 180;
            },
            accepted: (_response, dialog) => {
              dialog.events = { acked: () => {}, reinvite: () => {}, ended: (why) => resolve(`${ringing} ${why.by}`) };
              dialog.ack();
              setTimeout(() => dialog.bye(), 30);
            },
            failed: (failure) => resolve(`failed ${failure.status}`),
          },
        );
      });
    const outcomes = await Promise.all(Array.from({ length: CALLS }, place));
    assert.equal(
      outcomes,
      Array.from({ length: CALLS }, () => "true us"),
    );
    const { code, text } = await callee;
    assert.is(code, 0, text);
    await ua.close();
  });
}

const answer = [
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=-",
  "c=IN IP4 127.0.0.1",
  "t=0 0",
  "m=audio 6000 RTP/AVP 0",
  "a=rtpmap:0 PCMU/8000",
  "",
].join("\r\n");

test.run();
