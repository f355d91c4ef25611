// MIKEY-1 PRF and key derivation, RFC 3830 sections 4.1.2 to 4.1.4, against numbers computed in another language.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  deriveFromTgk,
  deriveTransportKeys,
  prf,
  TgkConstant,
  TransportConstant,
} from "../../../firmware/mikey/index.js";
import { haveShared, sharedJson } from "../../shared.js";
import { bytes, hex, vectors } from "../../vectors.js";

const test = suite("mikey prf");

interface Vector {
  readonly key: string;
  readonly kind: keyof typeof TgkConstant | "transport";
  readonly csId: number;
  readonly csbId: number;
  readonly rand: string;
  readonly length: number;
  readonly out: string;
  readonly encryption: string;
  readonly authentication: string;
  readonly salt: string;
}

test("keys from a TGK and from a shared key, input keys of 16 to 193 bytes", () => {
  const all = vectors<{ vectors: Vector[] }>("mikey-prf").vectors;
  assert.ok(all.length > 100);
  for (const vector of all) {
    const key = bytes(vector.key);
    const rand = bytes(vector.rand);
    if (vector.kind === "transport") {
      const keys = deriveTransportKeys(key, vector.csbId, rand);
      assert.is(hex(keys.encryption), vector.encryption);
      assert.is(hex(keys.authentication), vector.authentication);
      assert.is(hex(keys.salt), vector.salt);
    } else {
      assert.is(hex(deriveFromTgk(key, vector.kind, vector.csId, vector.csbId, rand, vector.length)), vector.out);
    }
  }
});

test("the constants are consecutive digits of e, nine at a time (section 4.1.3)", () => {
  const digits = "718281828459045235360287471352662497757247093699959574966967627";
  const chunks = (digits.match(/.{9}/g) ?? []).map(Number);
  const { tek, authentication, encryption, salt } = TgkConstant;
  const transport = TransportConstant;
  assert.equal(
    [tek, authentication, encryption, transport.encryption, transport.authentication, transport.salt, salt],
    chunks,
  );
});

if (haveShared("vectors/mikey/computed-prf-vectors.json"))
  test("196 results of an independent reading", () => {
    const { vectors: all } = sharedJson<{
      vectors: { inkey: string; label: string; outLen: number; outkey: string }[];
    }>("vectors/mikey/computed-prf-vectors.json");
    assert.is(all.length, 196);
    for (const { inkey, label, outLen, outkey } of all) assert.is(hex(prf(bytes(inkey), bytes(label), outLen)), outkey);
  });

test.run();
