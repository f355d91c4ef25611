// No bit of an authenticated error message is without meaning: with one flipped it is still a refusal, but nobody's word.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { good } from "../../results.js";
import { everyBit, pair } from "./every-bit.js";
import { atAlice, atBob, nowMs, random } from "./people.js";

const test = suite("mikey damaged errors");

test("an error message: with any bit flipped it is not believed to be proved", async () => {
  for (const method of ["psk", "dh"] as const) {
    const [a, b] = pair();
    const sent = good(await a.offer(method, atAlice, ["mikey", "x"], nowMs));
    const refused = await b.receive(sent.message, atBob, ["mikey"], nowMs);
    const reply = refused.ok ? random(1) : (refused.error.reply ?? random(1));
    const read = async (message: Uint8Array) => {
      const result = await sent.accept(message, nowMs);
      assert.not(result.ok);
      // "ok" is what must not happen: an explanation that counts as the peer's own.
      const isProved =
        !result.ok && result.error.code === "refused-by-peer" && !/not authenticated/.test(result.error.text);
      return isProved ? { ok: true as const, value: result } : { ok: false as const, error: { code: "no", text: "" } };
    };
    assert.ok((await read(reply)).ok, method);
    await everyBit(reply, read, `${method}: error message`);
  }
});

test.run();
