// A device whose address changes, in a network namespace of its own with a real Kamailio: registered anew at once, the call in progress goes on.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { suiteFolder } from "../support/handset-process.js";
import { endWithUs } from "../support/started.js";
import { checkout } from "../vectors.js";
import { kamailioMissing } from "./kamailio.js";
import { requireOrSkip, which } from "./tools.js";

const missing = kamailioMissing() ?? (which("ip") ? undefined : "ip (Debian: iproute2)");
const move = suite("address change");

if (requireOrSkip(missing ?? "kamailio", missing === undefined))
  for (const transport of ["udp", "tls"] as const)
    move(`over ${transport}: registration and call follow the device to its new address`, async () => {
      const program = join(checkout, "out", "js", "test", "interop", "address-change.js");
      const child = spawn(
        "unshare",
        ["--net", process.execPath, program, suiteFolder(`move-${transport}`), transport],
        { stdio: ["ignore", "pipe", "pipe"] },
      );
      let words = "";
      child.stdout.on("data", (data) => (words += data));
      child.stderr.on("data", (data) => (words += data));
      const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
      endWithUs(child.pid!, exited);
      assert.is(await exited, 0, words.slice(-2000));
      assert.match(words, /^moved$/m);
    });

move.run();
