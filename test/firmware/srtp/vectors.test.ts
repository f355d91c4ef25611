// The numbers printed in RFC 3711 appendix B.1, RFC 6188 section 7 and RFC 7714 sections 16 and 17, with both makers of ciphers.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  createPacketCipher,
  PacketLayout,
  packetCipherMaker,
  packetCipherMakers,
  usePacketCipherMaker,
} from "../../../firmware/crypto/index.js";
import { deriveInto } from "../../../firmware/srtp/derivation.js";
import { Transform } from "../../../firmware/srtp/transform.js";
import { bytes, hex, vectors } from "../../vectors.js";

const none = new Uint8Array(0);
const usual = packetCipherMaker();
const words = (text: string) => Int32Array.from([0, 8, 16, 24], (at) => Number.parseInt(text.slice(at, at + 8), 16));

const { f8 } = vectors<{
  f8: { header: string; payload: string; key: string; maskedKey: string; iv: string; ciphertext: string };
}>("rfc3711-srtp");
const { keystreams, derivations } = vectors<{
  keystreams: {
    section: string;
    key: string;
    counter: string;
    bytes: number;
    blocks: { number: number; keystream: string }[];
  }[];
  derivations: {
    section: string;
    masterKey: string;
    masterSalt: string;
    keys: { name: string; label: number; value: string }[];
  }[];
}>("rfc6188-srtp");
const gcm = vectors<{
  salt: string;
  rtcpIndex: number;
  packets: {
    section: string;
    protocol: "rtp" | "rtcp";
    bits: number;
    encrypted: boolean;
    clear: string;
    protected: string;
  }[];
}>("rfc7714-srtp");

for (const maker of packetCipherMakers()) {
  test(`${maker}: RFC 3711 B.1, AES-f8`, () => {
    const cipher = createPacketCipher({ mode: "f8", key: bytes(f8.key), maskedKey: bytes(f8.maskedKey) }, maker);
    const packet = bytes(f8.header + f8.payload);
    const layout = Object.assign(new PacketLayout(), { from: 12, to: packet.length, signed: packet.length });
    layout.iv.set(words(f8.iv));
    cipher.seal(packet, layout);
    assert.is(hex(packet), f8.header + f8.ciphertext);
  });

  for (const { section, key, counter, bytes: length, blocks } of keystreams)
    test(`${maker}: RFC 6188 ${section}, keystream`, () => {
      const out = new Uint8Array(length);
      createPacketCipher({ mode: "counter", key: bytes(key) }, maker).keystreamInto(out, words(counter));
      for (const { number, keystream } of blocks)
        assert.is(hex(out.subarray(16 * number, 16 * number + 16)), keystream, `block ${number}`);
    });

  for (const { section, masterKey, masterSalt, keys } of derivations)
    for (const { name, label, value } of keys)
      test(`${maker}: RFC 6188 ${section}, ${name}`, () => {
        const out = new Uint8Array(value.length / 2);
        deriveInto(
          out,
          createPacketCipher({ mode: "counter", key: bytes(masterKey) }, maker),
          bytes(masterSalt),
          label,
          0,
        );
        assert.is(hex(out), value);
      });

  for (const one of gcm.packets)
    test(`${maker}: RFC 7714 ${one.section}`, () => {
      usePacketCipherMaker(maker);
      const key = Uint8Array.from({ length: one.bits / 8 }, (_, i) => i);
      const transform = new Transform({ mode: "gcm", key }, bytes(gcm.salt));
      usePacketCipherMaker(usual);
      const clear = bytes(one.clear);
      const end = clear.length;
      const buffer = new Uint8Array(end + 20);
      buffer.set(clear);
      const view = new DataView(buffer.buffer);
      if (one.protocol === "rtp") {
        const from = one.encrypted ? 12 : end;
        const index = Float64Array.of(view.getUint16(2));
        assert.is(transform.sealRtp(buffer, from, end, index, -1, none, 16), end + 16);
        assert.is(hex(buffer.subarray(0, end + 16)), one.protected);
        assert.ok(transform.openRtp(buffer, from, end, index, -1, 0, 16));
      } else {
        const rtcpIndex = Float64Array.of(gcm.rtcpIndex);
        assert.is(transform.sealRtcp(buffer, end, rtcpIndex, one.encrypted, none, 16), end + 20);
        assert.is(hex(buffer), one.protected);
        assert.ok(transform.openRtcp(buffer, end, rtcpIndex, one.encrypted, 0, 16));
      }
      assert.is(hex(buffer.subarray(0, end)), one.clear);
    });
}

test.run();
