// bluez-alsa's own ALSA plugin, with the names of devices as its package has them: without its service every opening says what to do.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AlsaError, Pcm } from "../../../drivers/node-alsa/index.js";
import { requireOrSkip } from "../../interop/tools.js";
import { bluealsaConfig, bluealsaPlugin } from "../../support/bluealsa.js";
import { haveAlsa } from "../audio/virtual-card/virtual-card.js";

const plugin = bluealsaPlugin();
if ((await haveAlsa()) && requireOrSkip("bluez-alsa's plugin (libasound2-plugin-bluez)", plugin !== undefined)) {
  const folder = mkdtempSync(join(tmpdir(), "sotto-bluealsa-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "asound.conf"), `${bluealsaConfig("type bluealsa service org.bluealsa")}\n`);
  process.env["ALSA_CONFIG_PATH"] = join(folder, "asound.conf");
  process.env["DBUS_SYSTEM_BUS_ADDRESS"] = `unix:path=${join(folder, "no-bus")}`;
  const opening = (device: string): AlsaError => {
    try {
      Pcm.open({ capture: device, playback: device, rate: [8000, 16_000], periodFrames: 80, periods: 3 }).close();
    } catch (error) {
      assert.ok(error instanceof AlsaError, String(error));
      return error;
    }
    throw new Error("it could be opened");
  };

  test("its arguments are taken; without the service it is said that it must run", () => {
    const { message, device } = opening("bluealsa:DEV=00:11:22:33:44:55,PROFILE=sco");
    assert.match(message, /^bluez-alsa does not answer for capture device "bluealsa:DEV=.*its service must run/);
    assert.is(device, "bluealsa:DEV=00:11:22:33:44:55,PROFILE=sco");
  });

  test("an address or a profile that is none is said to be", () => {
    for (const device of ["bluealsa:DEV=headset,PROFILE=sco", "bluealsa:DEV=00:11:22:33:44:55,PROFILE=hfp"])
      assert.match(opening(device).message, /is not as bluez-alsa reads it: "bluealsa:DEV=AA:BB/, device);
  });
}

test.run();
