// What packets leave on the heap, for each kind of cipher and packet; prints a JSON array. Run by scripts/bench srtp and by the tests of
// the SRTP library, under V8 flags that keep the collector away: every object made is then seen.
// Usage: node --expose-gc --min-semi-space-size=64 --max-semi-space-size=64 heap.js PACKETS [SUITE,...]

import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type PacketCipherMaker, packetCipherMakers, usePacketCipherMaker } from "../../../firmware/crypto/index.js";
import { SrtpReceiver, SrtpSender, type SrtpSuiteName, srtpSuites } from "../../../firmware/srtp/index.js";
import { benchKeys, PACKET_BYTES } from "./contestants.js";

/** Flags of Node under which this program tells the truth. */
export const HEAP_FLAGS = ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"];

/** One kind of packet, protected and unprotected again. */
export interface HeapRow {
  readonly maker: PacketCipherMaker;
  readonly suite: SrtpSuiteName;
  /** `"RTP, ahead"`: with keystream made ahead after each packet. */
  readonly packet: "RTP" | "RTP, ahead" | "RTCP";
  readonly packets: number;
  /** Bytes on the heap a packet left. One number too large for a pointer is 16 bytes (12 on 32-bit machines). */
  readonly bytes: number;
  /** Times the collector ran although it should not have. */
  readonly collections: number;
}

/** SSRC and roll-over counter that are as large as they come: small numbers never cost an object. */
const SSRC = 0xdeadbeef;
const ROC = 0xfffffff0;
/** What the compiler leaves behind is spread over few packets; an object per packet comes in every stretch. */
const STRETCHES = 3;

let collections = 0;

async function measure(
  maker: PacketCipherMaker,
  suite: SrtpSuiteName,
  packet: HeapRow["packet"],
  packets: number,
): Promise<HeapRow> {
  usePacketCipherMaker(maker);
  const keys = { ...benchKeys(suite), roc: ROC };
  const [sender, receiver] = [new SrtpSender(keys), new SrtpReceiver(keys)];
  const buffer = new Uint8Array(PACKET_BYTES + 40);
  let sequence = 0;
  const run = (count: number) => {
    for (let n = 0; n < count; n++, sequence++) {
      buffer[0] = 0x80;
      if (packet === "RTCP") {
        buffer[1] = 201;
        for (let i = 0; i < 4; i++) buffer[4 + i] = SSRC >>> (24 - 8 * i);
        if (receiver.unprotectRtcp(buffer, sender.protectRtcp(buffer, 100)) !== 100) throw new Error("RTCP refused");
      } else {
        buffer[1] = 0;
        buffer[2] = sequence >>> 8;
        buffer[3] = sequence;
        for (let i = 0; i < 4; i++) buffer[8 + i] = SSRC >>> (24 - 8 * i);
        const length = receiver.unprotectRtp(buffer, sender.protectRtp(buffer, PACKET_BYTES));
        if (length !== PACKET_BYTES) throw new Error("RTP refused");
        if (packet === "RTP, ahead") {
          sender.precompute(2, PACKET_BYTES - 12);
          receiver.precompute(2, PACKET_BYTES - 12);
        }
      }
    }
  };
  run(Math.min(packets, 20_000));
  let best: HeapRow | undefined;
  for (let n = 0; n < STRETCHES && (best === undefined || best.bytes > 0.5 || best.collections > 0); n++) {
    globalThis.gc?.();
    await sleep(2);
    collections = 0;
    const before = process.memoryUsage().heapUsed;
    run(packets);
    const bytes = (process.memoryUsage().heapUsed - before) / packets;
    await sleep(2);
    const row = { maker, suite, packet, packets, bytes, collections };
    if (
      best === undefined ||
      collections < best.collections ||
      (collections === best.collections && bytes < best.bytes)
    )
      best = row;
  }
  sender.close();
  receiver.close();
  return best!;
}

/** As a program. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  }).observe({ entryTypes: ["gc"] });
  const packets = Number(process.argv[2]);
  const suites = (process.argv[3]?.split(",") ?? Object.keys(srtpSuites)) as SrtpSuiteName[];
  const makers = (process.argv[4]?.split(",") ?? packetCipherMakers()) as PacketCipherMaker[];
  const rows: HeapRow[] = [];
  for (const maker of makers)
    for (const suite of suites)
      for (const packet of ["RTP", "RTP, ahead", "RTCP"] as const) {
        if (packet === "RTP, ahead" && !["counter", "gcm"].includes(srtpSuites[suite].mode)) continue;
        rows.push(await measure(maker, suite, packet, packets));
      }
  console.log(JSON.stringify(rows));
}
