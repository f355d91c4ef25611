// The trapezoid's harness itself: both domains answer over every transport, and a killed one comes back.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../firmware/runtime/clock.js";
import { systemTimers } from "../../firmware/runtime/timers.js";
import { type RequestOutcome, UdpTransport, UserAgent } from "../../firmware/sip/index.js";
import { suiteFolder } from "../support/handset-process.js";
import { kamailioMissing, Trapezoid } from "./kamailio.js";
import { requireOrSkip } from "./tools.js";

const missing = kamailioMissing();
const trapezoid = suite("trapezoid");

function options(ua: UserAgent, target: string): Promise<RequestOutcome> {
  return new Promise((resolve) => ua.request("OPTIONS", { target, from: { uri: "sip:probe@nowhere.test" } }, resolve));
}

if (requireOrSkip(missing ?? "kamailio", missing === undefined)) {
  let net: Trapezoid;
  let ua: UserAgent;
  trapezoid.before(async () => {
    net = await Trapezoid.start({ folder: join(suiteFolder("kam"), "kam"), algorithm: "SHA-256" });
    ua = new UserAgent({
      transport: await UdpTransport.open({ host: "127.0.0.1", port: 0 }),
      clock: systemClock,
      timers: systemTimers,
      random: randomBytes,
    });
  });
  trapezoid.after(async () => {
    await ua?.close();
    await net?.stop();
  });

  trapezoid("both proxies answer, and challenge with SHA-256", async () => {
    for (const domain of [net.a, net.b]) {
      const outcome = await options(ua, `sip:${domain.address}`);
      assert.ok("ok" in outcome, JSON.stringify(outcome));
      assert.match(domain.log, /REQUEST OPTIONS sip:/);
    }
    const register: RequestOutcome = await new Promise((resolve) =>
      ua.request("REGISTER", { target: `sip:${net.a.address}`, from: { uri: "sip:alice@a.test" } }, resolve),
    );
    assert.ok("failed" in register);
    assert.is(register.failed.status, 401);
    assert.match(register.failed.response?.headers.get("WWW-Authenticate") ?? "", /algorithm=SHA-256/);
  });

  trapezoid("a killed domain comes back", async () => {
    await net.a.kill();
    await net.a.start();
    const outcome = await options(ua, `sip:${net.a.address}`);
    assert.ok("ok" in outcome);
  });
}

trapezoid.run();
