// The part of the SRTP benchmark that runs by itself, in any Node: prints one JSON object. Also run under an emulated ARM, and with
// --expose-gc to see what packets leave on the heap. Usage: node small.js COUNT ROUNDS | node --expose-gc small.js --heap PACKETS

import { packetCipherMakers } from "../../../firmware/crypto/index.js";
import { SrtpReceiver, SrtpSender } from "../../../firmware/srtp/index.js";
import { benchKeys, nodeCrypto, ours, PACKET_BYTES, Packets } from "./contestants.js";

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >>> 1];
}

/** Bytes that `count` packets, protected and unprotected, leave on the heap. No collection runs in between unless they fill it. */
function heap(count: number): { readonly grown: number; readonly arrays: number } {
  const keys = benchKeys("AES_CM_128_HMAC_SHA1_80");
  const sender = new SrtpSender(keys);
  const receiver = new SrtpReceiver(keys);
  const packets = new Packets();
  packets.prepare(1);
  const packet = packets.all[0];
  let sequence = 0;
  const run = (times: number) => {
    for (let i = 0; i < times; i++, sequence++) {
      packet[2] = sequence >>> 8;
      packet[3] = sequence;
      if (receiver.unprotectRtp(packet, sender.protectRtp(packet, PACKET_BYTES)) !== PACKET_BYTES)
        throw new Error("refused");
    }
  };
  run(50_000);
  globalThis.gc?.();
  const before = process.memoryUsage();
  run(count);
  const after = process.memoryUsage();
  return { grown: after.heapUsed - before.heapUsed, arrays: after.arrayBuffers - before.arrayBuffers };
}

if (process.argv[2] === "--heap") console.log(JSON.stringify(heap(Number(process.argv[3]))));
else {
  const count = Number(process.argv[2]);
  const rounds = Number(process.argv[3]);
  const contestants = [
    ...packetCipherMakers().map((maker) => ours(maker, "AES_CM_128_HMAC_SHA1_80", maker)),
    nodeCrypto("AES_CM_128_HMAC_SHA1_80"),
  ];
  const samples = contestants.map(() => ({ protect: [] as number[], unprotect: [] as number[] }));
  for (let round = -2; round < rounds; round++)
    for (let i = 0; i < contestants.length; i++) {
      const protect = await contestants[i].protect(count);
      const unprotect = await contestants[i].unprotect(count);
      if (round < 0) continue;
      samples[i].protect.push(protect);
      samples[i].unprotect.push(unprotect);
    }
  const result = contestants.map(({ name }, i) => ({ name, ...samples[i] }));
  const medians = result.map((one) => `${one.name} ${Math.round(median([...one.protect]))}`).join(", ");
  console.log(JSON.stringify({ arch: process.arch, node: process.version, medians, result }));
}
