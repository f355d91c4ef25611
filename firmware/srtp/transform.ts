// The session keys of one protocol at work: where a packet's parts lie, which IV it has, keystream made ahead of it.

import { createPacketCipher, type PacketCipher, type PacketCipherMode, type PacketKeys } from "../crypto/index.js";
import { RTCP_HEADER_BYTES, readUint32 } from "./packet.js";

/** Encryption and authentication under the session keys of RTP or RTCP. Nothing per packet allocates. */
export class Transform {
  readonly #mode: PacketCipherMode;
  readonly #cipher: PacketCipher;
  /** Session salt, from the left of four words. */
  readonly #salt = new Int32Array(4);
  readonly #iv = new Int32Array(4);
  /** Which packet's keystream lies at each entry: its index, or -1. Rows of `#ahead` entries, one row per stream. */
  #made = new Float64Array(0);
  #ahead = 0;
  #aheadBytes = 0;

  /** @param salt 14 or 12 bytes; copied like the keys */
  constructor(keys: PacketKeys, salt: Uint8Array) {
    this.#mode = keys.mode;
    this.#cipher = createPacketCipher(keys);
    for (let i = 0; i < salt.length; i++) this.#salt[i >>> 2] |= salt[i] << (24 - ((i & 3) << 3));
  }

  /**
   * Protects the RTP packet `packet[0, length)`, whose encrypted part begins at `from`, and appends tag and MKI.
   * @returns the new length
   */
  sealRtp(
    packet: Uint8Array,
    from: number,
    length: number,
    ssrc: number,
    index: number,
    slot: number,
    mki: Uint8Array,
    tagBytes: number,
  ): number {
    const sequence = index & 0xffff;
    const roc = (index - sequence) / 0x10000;
    this.#rtpIv(packet, ssrc, roc, sequence);
    const entry = this.#entry(slot, index, sequence);
    if (this.#mode === "gcm") {
      // The AEAD tag is the ciphertext's end, and the MKI comes after it (RFC 7714 section 8.2).
      this.#cipher.seal(packet, from, length, length, this.#iv, 0, false, entry, length, tagBytes);
      return append(packet, length + tagBytes, mki);
    }
    const tagAt = length + mki.length;
    this.#cipher.seal(packet, from, length, length, this.#iv, roc | 0, true, entry, tagAt, tagBytes);
    append(packet, length, mki);
    return tagAt + tagBytes;
  }

  /** Verifies and decrypts an RTP packet that ends, without tag and MKI, at `end`. False: not authentic, and unchanged. */
  openRtp(
    packet: Uint8Array,
    from: number,
    end: number,
    ssrc: number,
    index: number,
    slot: number,
    mkiBytes: number,
    tagBytes: number,
  ): boolean {
    const sequence = index & 0xffff;
    const roc = (index - sequence) / 0x10000;
    this.#rtpIv(packet, ssrc, roc, sequence);
    const entry = this.#entry(slot, index, sequence);
    if (this.#mode === "gcm")
      return this.#cipher.open(packet, from, end, end, this.#iv, 0, false, entry, end, tagBytes);
    return this.#cipher.open(packet, from, end, end, this.#iv, roc | 0, true, entry, end + mkiBytes, tagBytes);
  }

  /** Protects the RTCP packet `packet[0, length)` and appends tag, E flag and index, MKI. @returns the new length */
  sealRtcp(
    packet: Uint8Array,
    length: number,
    ssrc: number,
    index: number,
    encrypt: boolean,
    mki: Uint8Array,
    tagBytes: number,
  ): number {
    const flagged = encrypt ? index | 0x80000000 : index;
    const from = encrypt ? RTCP_HEADER_BYTES : length;
    this.#rtcpIv(packet, ssrc, index, flagged);
    if (this.#mode === "gcm") {
      // RFC 7714 section 9.2: tag, then E flag and index, which are associated data, then MKI.
      this.#cipher.seal(packet, from, length, length, this.#iv, flagged, true, -1, length, tagBytes);
      writeUint32(packet, length + tagBytes, flagged);
      return append(packet, length + tagBytes + 4, mki);
    }
    writeUint32(packet, length, flagged);
    const tagAt = length + 4 + mki.length;
    this.#cipher.seal(packet, from, length, length + 4, this.#iv, 0, false, -1, tagAt, tagBytes);
    append(packet, length + 4, mki);
    return tagAt + tagBytes;
  }

  /**
   * Verifies an RTCP packet, and decrypts it when its E flag says so. False: not authentic, and unchanged.
   * @param flagged E flag and index as a signed word
   */
  openRtcp(
    packet: Uint8Array,
    end: number,
    ssrc: number,
    flagged: number,
    mkiBytes: number,
    tagBytes: number,
  ): boolean {
    const from = flagged < 0 ? RTCP_HEADER_BYTES : end;
    this.#rtcpIv(packet, ssrc, flagged & 0x7fffffff, flagged);
    if (this.#mode === "gcm")
      return this.#cipher.open(packet, from, end, end, this.#iv, flagged, true, -1, end, tagBytes);
    return this.#cipher.open(packet, from, end, end + 4, this.#iv, 0, false, -1, end + 4 + mkiBytes, tagBytes);
  }

  /**
   * Makes the keystream of the RTP packet with `index` of the stream in `slot`, when there is none yet.
   * @param ahead packets per stream that have room
   * @param bytes keystream per packet, a multiple of 16
   * @returns true when it was made
   */
  precompute(slot: number, ssrc: number, index: number, streams: number, ahead: number, bytes: number): boolean {
    if (this.#mode === "null" || this.#mode === "f8" || slot >= streams) return false;
    if (this.#ahead !== ahead || this.#aheadBytes !== bytes || this.#made.length !== streams * ahead) {
      this.#cipher.reserve(streams * ahead, bytes);
      this.#made = new Float64Array(streams * ahead).fill(-1);
      this.#ahead = ahead;
      this.#aheadBytes = bytes;
    }
    const sequence = index & 0xffff;
    const entry = slot * ahead + (sequence % ahead);
    if (this.#made[entry] === index) return false;
    this.#rtpIv(undefined, ssrc, (index - sequence) / 0x10000, sequence);
    this.#cipher.precompute(entry, this.#iv);
    this.#made[entry] = index;
    return true;
  }

  /** Zeroes keys, salt and keystream. */
  wipe(): void {
    this.#cipher.wipe();
    this.#salt.fill(0);
    this.#iv.fill(0);
    this.#made.fill(-1);
  }

  #entry(slot: number, index: number, sequence: number): number {
    const ahead = this.#ahead;
    if (ahead === 0 || slot < 0) return -1;
    const entry = slot * ahead + (sequence % ahead);
    return this.#made[entry] === index ? entry : -1;
  }

  /** `packet` is looked at by f8 only. */
  #rtpIv(packet: Uint8Array | undefined, ssrc: number, roc: number, sequence: number): void {
    const iv = this.#iv;
    if (this.#mode === "f8") {
      // RFC 3711 section 4.1.2.2: 0x00 || M || PT || SEQ || TS || SSRC || ROC.
      iv[0] = (packet![1] << 16) | sequence;
      iv[1] = readUint32(packet!, 4);
      iv[2] = ssrc;
      iv[3] = roc;
    } else this.#saltedIv(ssrc, roc, sequence);
  }

  #rtcpIv(packet: Uint8Array, ssrc: number, index: number, flagged: number): void {
    const iv = this.#iv;
    if (this.#mode === "f8") {
      // RFC 3711 section 4.1.2.3: 0..0 (32 bits) || E || index || first four header bytes || SSRC.
      iv[0] = 0;
      iv[1] = flagged;
      iv[2] = readUint32(packet, 0);
      iv[3] = ssrc;
    } else this.#saltedIv(ssrc, index >>> 16, index & 0xffff);
  }

  /** The 48-bit index is high * 2^16 + low. */
  #saltedIv(ssrc: number, high: number, low: number): void {
    const iv = this.#iv;
    const salt = this.#salt;
    if (this.#mode === "gcm") {
      // RFC 7714 sections 8.1 and 9.1: 0 (16 bits) || SSRC || index (48 bits), XOR salt.
      iv[0] = salt[0] ^ (ssrc >>> 16);
      iv[1] = salt[1] ^ ((ssrc << 16) | (high >>> 16));
      iv[2] = salt[2] ^ ((high << 16) | low);
    } else {
      // RFC 3711 section 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
      iv[0] = salt[0];
      iv[1] = salt[1] ^ ssrc;
      iv[2] = salt[2] ^ high;
      iv[3] = salt[3] ^ (low << 16);
    }
  }
}

/** Writes `bytes` at `packet[at]`; where they end. */
function append(packet: Uint8Array, at: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) packet[at++] = bytes[i];
  return at;
}

function writeUint32(packet: Uint8Array, at: number, value: number): void {
  packet[at] = value >>> 24;
  packet[at + 1] = value >>> 16;
  packet[at + 2] = value >>> 8;
  packet[at + 3] = value;
}
