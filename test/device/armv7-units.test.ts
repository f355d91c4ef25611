// Unit tests whose outcome may depend on the processor, run as ARMv7 code by Debian's armhf Node under emulation: cryptography, key agreement,
// SRTP, audio, and drivers' packing of the kernel's structures with the native parts of the armhf build.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findTarget } from "../../toolchain/device/targets.js";
import { needPeer } from "../interop/tools.js";
import { checkout } from "../vectors.js";
import { runSuites } from "./armv7-suites.js";

const test = suite("unit tests on armv7");
const target = findTarget("armv7");
const folder = join(checkout, "out", `armv7-units-${process.pid}`);
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Chosen by what they hold and how long they take: an emulated processor is some 15 times slower (`firmware/srtp/suites` alone takes a minute). */
const suites = [
  "drivers/evdev/evdev",
  "drivers/simulated/wav-recorder",
  "firmware/audio/concealment",
  "firmware/audio/g711",
  "firmware/audio/mixer",
  "firmware/audio/tones",
  "firmware/crypto/aes",
  "firmware/crypto/dh",
  "firmware/crypto/hmac-sha1",
  "firmware/crypto/hmac-sha1-keys",
  "firmware/crypto/packet-cipher",
  "firmware/crypto/rsa-envelope",
  "firmware/mikey/message",
  "firmware/mikey/prf",
  "firmware/mikey/exchanges",
  "firmware/srtp/derivation",
  "firmware/srtp/receiver",
  "firmware/srtp/vectors",
];

if (
  needPeer(
    "a toolchain for armhf",
    ...["mmdebstrap", `${target.triplet}-gcc`, `${target.triplet}-g++`, target.qemu, "readelf"],
  )
) {
  for (const { name, passed, all, text } of await runSuites(target, folder, suites)) {
    const took = /Duration:\s+(\S+)/.exec(text)?.[1] ?? "";
    console.log(`note: armv7: ${name}: ${passed} of ${all} passed, ${took}`);
    test(name, () => assert.ok(all > 0 && passed === all, text.slice(0, 4000)));
  }
}

test.run();
