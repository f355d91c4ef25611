// The part of the SRTP benchmark that runs by itself, in any Node, and so under an emulated ARM: prints one JSON object.
// Usage: node small.js COUNT ROUNDS

import { packetCipherMakers } from "../../../firmware/crypto/index.js";
import { nodeCrypto, ours } from "./contestants.js";

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >>> 1];
}

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
