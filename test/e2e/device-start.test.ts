// The bundle as a device starts it: registered before everything is open, its compiled code kept at the first start and taken at the second.

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Registrar } from "../../scripts/benches/device/registrar.js";
import { Phone, phoneFiles } from "../../scripts/demo-call/phone.js";
import { bundle } from "../../toolchain/device/bundle.js";
import { suiteFolder } from "../support/handset-process.js";
import { TestAuthority } from "../support/identities.js";
import { freePort, freeRange } from "../support/ports.js";
import { Started } from "../support/started.js";
import { eventually } from "../support/wait.js";

const folder = suiteFolder("device-start");
const code = join(folder, "code");
mkdirSync(code);
const registrar = await Registrar.open();
const started = new Started();
test.after(async () => {
  await started.stop();
  await registrar.close();
});

test("first start: code is kept; second start: it is taken; status says when it was registered", async () => {
  const app = join(folder, "app");
  await bundle(app, join(folder, "maps"), "1.2.3");
  const authority = await TestAuthority.create(folder, "authority");
  const files = phoneFiles(folder, folder, "device");
  const config = {
    board: "host",
    sip: { address: "127.0.0.1", port: await freePort(), instanceFile: join(folder, "instance") },
    rtp: await freeRange(16),
    control: files.socket,
    replayFile: join(folder, "replay"),
    log: { level: "info", file: files.log },
    accounts: [
      {
        uri: "sip:device@127.0.0.1",
        security: "required",
        register: true,
        registrar: `sip:127.0.0.1:${registrar.port}`,
        keying: await authority.keyingFor("sip:device@127.0.0.1"),
      },
    ],
  };
  process.env["SOTTO_CODE_CACHE"] = code;
  const start = async () => {
    const phone = await started.keep(Phone.start("device", join(app, "sotto.js"), files, config));
    const status = await eventually("it is registered and ready", 30_000, async () => {
      const found = await phone.control.ask("status", {});
      return found.startUp.registeredMs !== undefined && found.startUp.readyMs !== undefined ? found : undefined;
    });
    return { phone, status };
  };

  const first = await start();
  assert.is(first.status.startUp.code, "compiled");
  assert.is(first.status.version, "1.2.3");
  // A file that is being written has another name.
  const whole = () => readdirSync(code).filter((name) => name.endsWith(".code"));
  await eventually("both threads' code is kept", 30_000, () => whole().length === 2);
  assert.is(await first.phone.stop(), 0);
  const kept = readdirSync(code).sort();
  assert.match(kept.join(), /^handset-[0-9a-f]{16}-.*\.code,voice-[0-9a-f]{16}-.*\.code$/);

  const second = await start();
  assert.is(second.status.startUp.code, "kept");
  assert.match(await second.phone.control.ask("metrics", {}), /^sotto_start_seconds\{point="registered"\} \d/m);
  // A call still finds its keys: what the account needs was read after registering.
  assert.equal(second.status.accounts[0].keying, ["mikey"]);
  assert.is(await second.phone.stop(), 0);
  assert.equal(readdirSync(code).sort(), kept, "nothing is written again");
});

test.run();
