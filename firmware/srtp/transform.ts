// The session keys of one protocol at work: where a packet's parts lie, which IV it has, keystream made ahead of it.

import { type PacketCipher, type PacketCipherMode, type PacketKeys, PacketLayout } from "../crypto/packet-cipher.js";
import { createPacketCipher } from "../crypto/packet-ciphers.js";
import { RTCP_HEADER_BYTES, RTCP_SSRC_AT, RTP_SSRC_AT, readWord, writeWord } from "./packet.js";
import type { PacketIndex } from "./streams.js";

/** E flag of an SRTCP packet (RFC 3711 section 3.4). */
const ENCRYPTED = 0x80000000 | 0;

/** Encryption and authentication under the session keys of RTP or RTCP. Nothing per packet allocates. */
export class Transform {
  readonly #mode: PacketCipherMode;
  readonly #cipher: PacketCipher;
  /** Session salt, from the left of four words. */
  readonly #salt = new Int32Array(4);
  readonly #layout = new PacketLayout();
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
   * @param slot the stream's, for keystream made ahead; -1: none is looked for
   * @returns the new length
   */
  sealRtp(
    packet: Uint8Array,
    from: number,
    length: number,
    index: PacketIndex,
    slot: number,
    mki: Uint8Array,
    tagBytes: number,
  ): number {
    const mkiAt = this.#rtpLayout(packet, from, length, index, slot, mki.length, tagBytes);
    this.#cipher.seal(packet, this.#layout);
    write(packet, mkiAt, mki);
    return length + mki.length + tagBytes;
  }

  /** Verifies and decrypts an RTP packet that ends, without tag and MKI, at `end`. False: not authentic, and unchanged. */
  openRtp(
    packet: Uint8Array,
    from: number,
    end: number,
    index: PacketIndex,
    slot: number,
    mkiBytes: number,
    tagBytes: number,
  ): boolean {
    this.#rtpLayout(packet, from, end, index, slot, mkiBytes, tagBytes);
    return this.#cipher.open(packet, this.#layout);
  }

  /**
   * Protects the RTCP packet `packet[0, length)` and appends tag, E flag and index, MKI.
   * @returns the new length
   */
  sealRtcp(
    packet: Uint8Array,
    length: number,
    index: PacketIndex,
    encrypt: boolean,
    mki: Uint8Array,
    tagBytes: number,
  ): number {
    const indexAt = this.#rtcpLayout(packet, length, index, encrypt, mki.length, tagBytes);
    // Authenticated where it lies, so it is there first; with an AEAD suite the tag goes before it and not over it.
    writeWord(packet, indexAt, this.#layout.suffix);
    this.#cipher.seal(packet, this.#layout);
    write(packet, indexAt + 4, mki);
    return length + tagBytes + 4 + mki.length;
  }

  /**
   * Verifies an RTCP packet that ends, without what was appended, at `end`, and decrypts it when its E flag says so. False: not
   * authentic, and unchanged.
   */
  openRtcp(
    packet: Uint8Array,
    end: number,
    index: PacketIndex,
    encrypted: boolean,
    mkiBytes: number,
    tagBytes: number,
  ): boolean {
    this.#rtcpLayout(packet, end, index, encrypted, mkiBytes, tagBytes);
    return this.#cipher.open(packet, this.#layout);
  }

  /**
   * Makes the keystream of the RTP packet with the index at hand of the stream in `slot`, when there is none yet.
   * @param header a packet header with the stream's SSRC; the rest is not looked at
   * @param streams how many have room
   * @param ahead packets per stream that have room
   * @param bytes keystream per packet, a multiple of 16
   * @returns true when it was made
   */
  precompute(
    slot: number,
    header: Uint8Array,
    index: PacketIndex,
    streams: number,
    ahead: number,
    bytes: number,
  ): boolean {
    if (this.#mode === "null" || this.#mode === "f8" || slot >= streams) return false;
    if (this.#ahead !== ahead || this.#aheadBytes !== bytes || this.#made.length !== streams * ahead) {
      this.#cipher.reserve(streams * ahead, bytes);
      this.#made = new Float64Array(streams * ahead).fill(-1);
      this.#ahead = ahead;
      this.#aheadBytes = bytes;
    }
    const entry = slot * ahead + ((index[0] & 0xffff) % ahead);
    if (this.#made[entry] === index[0]) return false;
    this.#rtpIv(header, index);
    this.#cipher.precompute(entry, this.#layout.iv);
    this.#made[entry] = index[0];
    return true;
  }

  /** Zeroes keys, salt and keystream. */
  wipe(): void {
    this.#cipher.wipe();
    this.#salt.fill(0);
    this.#layout.iv.fill(0);
    this.#layout.suffix.fill(0);
    this.#made.fill(-1);
  }

  /** @returns where the MKI goes: in front of the tag, with an AEAD suite behind it (RFC 7714 section 8.2) */
  #rtpLayout(
    packet: Uint8Array,
    from: number,
    end: number,
    index: PacketIndex,
    slot: number,
    mkiBytes: number,
    tagBytes: number,
  ): number {
    const layout = this.#layout;
    const aead = this.#mode === "gcm";
    this.#rtpIv(packet, index);
    layout.from = from;
    layout.to = end;
    layout.signed = end;
    layout.tagAt = aead ? end : end + mkiBytes;
    layout.tagBytes = tagBytes;
    // AEAD has the roll-over counter in its IV.
    layout.suffixed = !aead;
    layout.suffix[0] = index[0] / 0x10000;
    const ahead = this.#ahead;
    if (ahead === 0 || slot < 0) layout.entry = -1;
    else {
      const entry = slot * ahead + ((index[0] & 0xffff) % ahead);
      layout.entry = this.#made[entry] === index[0] ? entry : -1;
    }
    return aead ? end + tagBytes : end;
  }

  /**
   * @returns where E flag and index go: behind the packet, with an AEAD suite behind the tag, where they are associated data (RFC 7714
   * section 9.2)
   */
  #rtcpLayout(
    packet: Uint8Array,
    end: number,
    index: PacketIndex,
    encrypted: boolean,
    mkiBytes: number,
    tagBytes: number,
  ): number {
    const layout = this.#layout;
    const aead = this.#mode === "gcm";
    // E flag and index: associated data, part of f8's IV, and what the packet carries.
    layout.suffix[0] = index[0];
    if (encrypted) layout.suffix[0] |= ENCRYPTED;
    this.#rtcpIv(packet, index);
    layout.from = encrypted ? RTCP_HEADER_BYTES : end;
    layout.to = end;
    layout.signed = end + 4;
    layout.tagAt = aead ? end : end + 4 + mkiBytes;
    layout.tagBytes = tagBytes;
    layout.suffixed = aead;
    layout.entry = -1;
    return aead ? end + tagBytes : end;
  }

  #rtpIv(packet: Uint8Array, index: PacketIndex): void {
    const sequence = index[0] & 0xffff;
    const roc = (index[0] - sequence) / 0x10000;
    const { iv } = this.#layout;
    if (this.#mode === "f8") {
      // RFC 3711 section 4.1.2.2: 0x00 || M || PT || SEQ || TS || SSRC || ROC.
      iv[0] = (packet[1] << 16) | sequence;
      iv[1] = readWord(packet, 4);
      iv[2] = readWord(packet, RTP_SSRC_AT);
      iv[3] = roc;
    } else this.#saltedIv(packet, RTP_SSRC_AT, roc | 0, sequence);
  }

  #rtcpIv(packet: Uint8Array, index: PacketIndex): void {
    const { iv, suffix } = this.#layout;
    if (this.#mode === "f8") {
      // RFC 3711 section 4.1.2.3: 0..0 (32 bits) || E || index || first four header bytes || SSRC.
      iv[0] = 0;
      iv[1] = suffix[0];
      iv[2] = readWord(packet, 0);
      iv[3] = readWord(packet, RTCP_SSRC_AT);
    } else this.#saltedIv(packet, RTCP_SSRC_AT, (index[0] / 0x10000) | 0, index[0] & 0xffff);
  }

  /** The 48-bit index is high * 2^16 + low. */
  #saltedIv(packet: Uint8Array, ssrcAt: number, high: number, low: number): void {
    const ssrc = readWord(packet, ssrcAt);
    const { iv } = this.#layout;
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

/** Writes `bytes` to `packet[at]` and on. */
function write(packet: Uint8Array, at: number, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) packet[at + i] = bytes[i];
}
