// Ways of protecting 172-byte RTP packets: this library in its variants, and node:crypto called per packet.

import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { type PacketCipherMaker, usePacketCipherMaker } from "../../../firmware/crypto/index.js";
import {
  type SrtpKeys,
  SrtpReceiver,
  SrtpSender,
  type SrtpSuiteName,
  srtpSuites,
} from "../../../firmware/srtp/index.js";

/** A 20 ms voice packet of G.711: header and payload, bytes. */
export const PACKET_BYTES = 172;
const ROOM = 20;

/** Nanoseconds per packet over `count` packets, each of its own index. */
export interface Contestant {
  readonly name: string;
  protect(count: number): number | Promise<number>;
  unprotect(count: number): number | Promise<number>;
}

/** Keys that are the same everywhere; nothing here is secret. */
export function benchKeys(suite: SrtpSuiteName): SrtpKeys {
  const { keyBytes, saltBytes } = srtpSuites[suite];
  const bytes = Uint8Array.from({ length: keyBytes + saltBytes }, (_, i) => i * 7 + 1);
  return { suite, masterKey: bytes.slice(0, keyBytes), masterSalt: bytes.slice(keyBytes) };
}

/** Buffers that are used again for every sample, filled with packets of rising sequence numbers. */
export class Packets {
  readonly all: Uint8Array[] = [];
  #sequence = 0;

  constructor(readonly streams = 1) {}

  prepare(count: number): void {
    while (this.all.length < count) this.all.push(new Uint8Array(PACKET_BYTES + ROOM));
    for (let i = 0; i < count; i++) {
      const packet = this.all[i];
      const sequence = Math.floor(this.#sequence / this.streams);
      packet.fill(0x55);
      packet[0] = 0x80;
      packet[1] = 0;
      packet[2] = sequence >>> 8;
      packet[3] = sequence;
      packet[8] = 0xde;
      packet[9] = 0xad;
      packet[10] = 0xbe;
      packet[11] = this.#sequence % this.streams;
      this.#sequence++;
    }
  }
}

const nanoseconds = (since: bigint, count: number) => Number(process.hrtime.bigint() - since) / count;

/** This library. `ahead`: the keystream is made before the clock starts. */
export function ours(
  name: string,
  suite: SrtpSuiteName,
  maker: PacketCipherMaker,
  options: { readonly ahead?: boolean; readonly streams?: number } = {},
): Contestant {
  const { ahead = false, streams = 1 } = options;
  usePacketCipherMaker(maker);
  const limits = { maxStreams: streams };
  const sender = new SrtpSender(benchKeys(suite), limits);
  const receiver = new SrtpReceiver(benchKeys(suite), limits);
  const packets = new Packets(streams);
  let length = 0;
  /** Keystream is made for so many packets at a time. */
  const stretch = ahead ? 64 : Number.POSITIVE_INFINITY;
  const run = (count: number, protecting: boolean): number => {
    packets.prepare(count);
    const { all } = packets;
    let took = 0;
    for (let at = 0; at < count; at += stretch) {
      const end = Math.min(count, at + stretch);
      if (ahead) sender.precompute(64, PACKET_BYTES - 12);
      let before = process.hrtime.bigint();
      for (let i = at; i < end; i++) length = sender.protectRtp(all[i], PACKET_BYTES);
      if (protecting) took += Number(process.hrtime.bigint() - before);
      if (ahead) receiver.precompute(64, PACKET_BYTES - 12);
      before = process.hrtime.bigint();
      for (let i = at; i < end; i++)
        if (receiver.unprotectRtp(all[i], length) !== PACKET_BYTES) throw new Error(`${name}: packet ${i} was refused`);
      if (!protecting) took += Number(process.hrtime.bigint() - before);
    }
    return took / count;
  };
  return { name, protect: (count) => run(count, true), unprotect: (count) => run(count, false) };
}

/** What a program without an SRTP library would do: OpenSSL's ciphers through Node, per packet. */
export function nodeCrypto(suite: SrtpSuiteName): Contestant {
  const { keyBytes, mode, rtpTagBytes } = srtpSuites[suite];
  const key = Buffer.alloc(keyBytes, 1);
  const authKey = Buffer.alloc(20, 2);
  const salt = Buffer.alloc(16, 3);
  const iv = Buffer.alloc(mode === "gcm" ? 12 : 16);
  const roc = Buffer.alloc(4);
  const packets = new Packets();
  const cipher = `aes-${keyBytes * 8}-${mode === "gcm" ? "gcm" : "ctr"}`;
  const setIv = (packet: Uint8Array) => {
    salt.copy(iv, 0, 0, iv.length);
    const at = mode === "gcm" ? 2 : 4;
    for (let i = 0; i < 4; i++) iv[at + i] ^= packet[8 + i];
    iv[at + 8] ^= packet[2];
    iv[at + 9] ^= packet[3];
  };
  const tag = (packet: Uint8Array) =>
    createHmac("sha1", authKey).update(packet.subarray(0, PACKET_BYTES)).update(roc).digest().subarray(0, rtpTagBytes);
  const seal = (packet: Uint8Array) => {
    setIv(packet);
    if (mode === "gcm") {
      const gcm = createCipheriv(cipher as "aes-128-gcm", key, iv);
      gcm.setAAD(packet.subarray(0, 12));
      packet.set(gcm.update(packet.subarray(12, PACKET_BYTES)), 12);
      gcm.final();
      packet.set(gcm.getAuthTag(), PACKET_BYTES);
    } else {
      packet.set(createCipheriv(cipher, key, iv).update(packet.subarray(12, PACKET_BYTES)), 12);
      packet.set(tag(packet), PACKET_BYTES);
    }
  };
  const open = (packet: Uint8Array) => {
    setIv(packet);
    if (mode === "gcm") {
      const gcm = createDecipheriv(cipher as "aes-128-gcm", key, iv);
      gcm.setAAD(packet.subarray(0, 12));
      gcm.setAuthTag(packet.subarray(PACKET_BYTES, PACKET_BYTES + 16));
      packet.set(gcm.update(packet.subarray(12, PACKET_BYTES)), 12);
      gcm.final();
    } else {
      if (!timingSafeEqual(tag(packet), packet.subarray(PACKET_BYTES, PACKET_BYTES + rtpTagBytes)))
        throw new Error("tag");
      packet.set(createDecipheriv(cipher, key, iv).update(packet.subarray(12, PACKET_BYTES)), 12);
    }
  };
  const run = (count: number, protecting: boolean): number => {
    packets.prepare(count);
    const { all } = packets;
    let before = process.hrtime.bigint();
    for (let i = 0; i < count; i++) seal(all[i]);
    if (protecting) return nanoseconds(before, count);
    before = process.hrtime.bigint();
    for (let i = 0; i < count; i++) open(all[i]);
    return nanoseconds(before, count);
  };
  return { name: "node:crypto", protect: (count) => run(count, true), unprotect: (count) => run(count, false) };
}
