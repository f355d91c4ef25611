// Closing wipes: whatever a context holds in private members is looked up by the inspector before it closes, and must be zero afterwards;
// so must the kernel's memory. Nothing printed, thrown or serialised holds a byte of a key.

import { Session } from "node:inspector";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { packetCipherMaker, packetCipherMakers, usePacketCipherMaker } from "../../../firmware/crypto/index.js";
import { Kernel } from "../../../firmware/crypto/kernel.js";
import { KernelCipher } from "../../../firmware/crypto/kernel-cipher.js";
import { PacketLayout } from "../../../firmware/crypto/packet-cipher.js";
import { sha1Block } from "../../../firmware/crypto/sha1-compress.js";
import { checkKeys, SrtpReceiver, SrtpSender, type SrtpSuiteName, srtpSuites } from "../../../firmware/srtp/index.js";
import { randomKeys, rtcpPacket, rtpPacket, withRoom } from "./packets.js";

type Words = Uint8Array | Int32Array;
interface Remote {
  readonly objectId?: string;
  readonly className?: string;
}
interface Property {
  readonly name: string;
  readonly value?: Remote;
}

/** Every byte and word array that can be reached from `root` over members of any kind, private ones too, by the path to it. */
function arraysOf(root: object): Map<string, Words> {
  const session = new Session();
  session.connect();
  const post = (method: string, parameters: object): Record<string, unknown> => {
    let answer: Record<string, unknown> = {};
    session.post(method, parameters, (error: Error | null, result?: object) => {
      if (error) throw error;
      answer = result as Record<string, unknown>;
    });
    return answer;
  };
  const shared = globalThis as unknown as { wipingRoot?: object; wipingFound?: Words[] };
  shared.wipingRoot = root;
  shared.wipingFound = [];
  const found = new Map<string, Words>();
  const visit = (objectId: string, path: string, depth: number) => {
    const { result, privateProperties = [] } = post("Runtime.getProperties", { objectId, ownProperties: true }) as {
      result: Property[];
      privateProperties?: Property[];
    };
    for (const { name, value } of [...result, ...privateProperties]) {
      if (!value?.objectId || name === "__proto__") continue;
      const where = `${path}.${name}`;
      if (value.className === "Uint8Array" || value.className === "Int32Array") {
        const functionDeclaration = "function () { globalThis.wipingFound.push(this); }";
        post("Runtime.callFunctionOn", { objectId: value.objectId, functionDeclaration });
        found.set(where, shared.wipingFound!.at(-1)!);
      } else if (depth < 8 && !["Kernel", "Function", "Float64Array", "Uint16Array", "Map"].includes(value.className!))
        visit(value.objectId, where, depth + 1);
    }
  };
  const { result } = post("Runtime.evaluate", { expression: "globalThis.wipingRoot" }) as { result: Remote };
  visit(result.objectId!, "", 0);
  session.disconnect();
  delete shared.wipingRoot;
  delete shared.wipingFound;
  return found;
}

for (const maker of packetCipherMakers())
  for (const suite of ["AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"] as SrtpSuiteName[])
    for (const kdr of [0, 16])
      test(`${maker}: ${suite}, derivation rate ${kdr}: close() zeroes every array of the keys`, () => {
        const usual = packetCipherMaker();
        usePacketCipherMaker(maker);
        const keys = randomKeys({ suite, kdr });
        for (const context of [new SrtpSender(keys), new SrtpReceiver(keys)]) {
          for (let sequence = 1; sequence < 50; sequence++) {
            const packet = withRoom(rtpPacket({ sequence, payload: new Uint8Array(100) }));
            const control = withRoom(rtcpPacket(5, 4));
            if (context instanceof SrtpSender) {
              context.protectRtp(packet, 112);
              context.protectRtcp(control, 24);
            } else {
              const other = new SrtpSender(keys);
              context.unprotectRtp(packet, other.protectRtp(packet, 112));
              context.unprotectRtcp(control, other.protectRtcp(control, 24));
              other.close();
            }
            context.precompute(4);
          }
          // The MKI is public.
          const arrays = [...arraysOf(context)].filter(([path]) => path.startsWith(".keys") && !path.endsWith(".mki"));
          const secret = arrays.filter(([, array]) => array.some((value: number) => value !== 0));
          assert.ok(secret.length >= 4, `only found ${secret.map(([path]) => path)}`);
          if (maker === "arrays")
            assert.ok(
              secret.some(([path]) => path.endsWith("#schedule")),
              "round keys were not found",
            );
          context.close();
          for (const [path, array] of arrays)
            assert.ok(
              array.every((value: number) => value === 0),
              path,
            );
          assert.ok(sha1Block.every((value) => value === 0));
        }
        usePacketCipherMaker(usual);
      });

const kernel = Kernel.load();
if (kernel === undefined) console.log("skipped: the WebAssembly kernel does not work here");
else
  for (const mode of ["counter", "f8", "gcm"] as const)
    test(`the kernel's memory holds nothing of a wiped ${mode} cipher: key, midstates, keystream, packets`, () => {
      const before = kernel.bytes.slice();
      const key = new Uint8Array(16).fill(0xa7);
      const cipher = new KernelCipher(kernel, { mode, key, authKey: new Uint8Array(20).fill(0x7a), maskedKey: key });
      if (mode !== "f8") {
        cipher.reserve(8, 160);
        for (let entry = 0; entry < 8; entry++) cipher.precompute(entry, Int32Array.of(entry, 1, 2, 0));
      }
      for (const length of [172, 3000, 9000]) {
        const layout = Object.assign(new PacketLayout(), { from: 12, to: length, signed: length, tagAt: length });
        layout.tagBytes = mode === "gcm" ? 16 : 10;
        const packet = new Uint8Array(length + 16).fill(0x55);
        cipher.seal(packet, layout);
        assert.ok(cipher.open(packet, layout));
      }
      const used = kernel.bytes.reduce((sum, byte, at) => sum + (byte !== (before[at] ?? 0) ? 1 : 0), 0);
      assert.ok(used > 3000, `${used} bytes in use`);
      cipher.wipe();
      // What is left are the kernel's constants, which are there from the start.
      kernel.bytes.forEach((byte, at) => {
        if (byte !== 0) assert.is(byte, before[at], `address ${at}`);
      });
    });

test("no key, salt or piece of one is in what a context prints, in JSON, or in any error", () => {
  for (const suite of Object.keys(srtpSuites) as SrtpSuiteName[]) {
    const keys = randomKeys({ suite, mki: Uint8Array.of(1, 2) });
    const sender = new SrtpSender(keys);
    const packet = rtpPacket({ sequence: 1 });
    sender.protectRtp(withRoom(packet), packet.length);
    const texts = [
      inspect(sender, { depth: 20, showHidden: true, maxArrayLength: null }),
      JSON.stringify(sender),
      String(sender),
    ];
    for (const bad of [
      { ...keys, masterKey: keys.masterKey.subarray(1) },
      { ...keys, masterSalt: keys.masterSalt.subarray(1) },
      { ...keys, masterKey: Buffer.from(keys.masterKey).toString("base64") as unknown as Uint8Array },
      { ...keys, kdr: 3 },
    ])
      for (const attempt of [() => new SrtpSender(bad), () => sender.replaceKeys(bad), () => checkKeys(bad)]) {
        let text = "";
        try {
          attempt();
        } catch (error) {
          text = inspect(error, { depth: 20, showHidden: true });
        }
        assert.ok(text.length > 0);
        texts.push(text);
      }
    for (const secret of [keys.masterKey, keys.masterSalt])
      for (let at = 0; at + 6 <= secret.length; at++) {
        const piece = Buffer.from(secret.subarray(at, at + 6));
        for (const form of [piece.toString("hex"), piece.toString("base64"), [...piece].join(), [...piece].join(", ")])
          for (const text of texts) assert.not(text.includes(form), `${suite}: ${form}`);
      }
    sender.close();
  }
});

test.run();
