// Key derivation against RFC 3711 appendix B.3, and all six labels against a PRF made of OpenSSL's AES.

import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Aes } from "../../../firmware/crypto/index.js";
import { deriveInto, SrtpLabel } from "../../../firmware/srtp/derivation.js";
import { bytes, hex, vectors } from "../../vectors.js";
import { prf } from "./reference.js";

const { derivation } = vectors<{
  derivation: { masterKey: string; masterSalt: string; keys: { name: string; label: number; value: string }[] };
}>("rfc3711-srtp");

for (const { name, label, value } of derivation.keys)
  test(`RFC 3711 B.3: ${name}`, () => {
    const out = new Uint8Array(value.length / 2).fill(0xff);
    deriveInto(out, new Aes(bytes(derivation.masterKey)), bytes(derivation.masterSalt), label);
    assert.is(hex(out), value);
  });

test("all six labels equal OpenSSL's, and differ", () => {
  const key = new Uint8Array(randomBytes(16));
  const salt = new Uint8Array(randomBytes(14));
  const seen = new Set<string>();
  for (const label of Object.values(SrtpLabel)) {
    const out = new Uint8Array(20);
    deriveInto(out, new Aes(key), salt, label);
    const x = BigInt(`0x${hex(salt)}`) ^ (BigInt(label) << 48n);
    assert.is(hex(out), prf(key, x, 20).toString("hex"), `label ${label}`);
    seen.add(hex(out));
  }
  assert.is(seen.size, 6);
});

test.run();
