// Key derivation against RFC 3711 appendix B.3, and all six labels against a PRF made of OpenSSL's AES.

import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createPacketCipher } from "../../../firmware/crypto/index.js";
import { deriveInto, SrtpLabel } from "../../../firmware/srtp/derivation.js";
import { bytes, hex, vectors } from "../../vectors.js";
import { prf } from "./reference.js";

const { derivation } = vectors<{
  derivation: { masterKey: string; masterSalt: string; keys: { name: string; label: number; value: string }[] };
}>("rfc3711-srtp");

const master = (key: Uint8Array) => createPacketCipher({ mode: "counter", key });

for (const { name, label, value } of derivation.keys)
  test(`RFC 3711 B.3: ${name}`, () => {
    const out = new Uint8Array(value.length / 2).fill(0xff);
    deriveInto(out, master(bytes(derivation.masterKey)), bytes(derivation.masterSalt), label, 0);
    assert.is(hex(out), value);
  });

test("all six labels equal OpenSSL's, and differ", () => {
  const key = new Uint8Array(randomBytes(16));
  const salt = new Uint8Array(randomBytes(14));
  const seen = new Set<string>();
  for (const label of Object.values(SrtpLabel)) {
    const out = new Uint8Array(20);
    deriveInto(out, master(key), salt, label, 0);
    const x = BigInt(`0x${hex(salt)}`) ^ (BigInt(label) << 48n);
    assert.is(hex(out), prf(key, x, 20).toString("hex"), `label ${label}`);
    seen.add(hex(out));
  }
  assert.is(seen.size, 6);
});

test.run();
