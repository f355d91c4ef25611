// The session keys of one master key, ready for packets: one transform for RTP, one for RTCP.

import { Aes, HmacSha1, wipe } from "../crypto/index.js";
import { deriveInto, SrtpLabel } from "./derivation.js";
import type { SrtpKeys } from "./keys.js";
import { MKI_MAX_BYTES, type SrtpSuite, srtpSuites } from "./suites.js";

/** AES-CM and HMAC-SHA1 under the session keys of one protocol (RTP or RTCP). */
export class Transform {
  readonly #cipher: Aes;
  /** Session salt as the upper 112 bits of four words. */
  readonly #salt: Int32Array;
  /** The authentication half; `compute`, then `writeTag` or `matches`. */
  readonly mac: HmacSha1;

  constructor(cipher: Aes, salt: Uint8Array, mac: HmacSha1) {
    this.#cipher = cipher;
    const words = new Int32Array(4);
    for (let i = 0; i < salt.length; i++) words[i >>> 2] |= salt[i] << (24 - ((i & 3) << 3));
    this.#salt = words;
    this.mac = mac;
  }

  /**
   * Encrypts or decrypts `data[start, end)` in place (RFC 3711 section 4.1.1). The 48-bit packet index is high * 2^16 + low:
   * roll-over counter and sequence number for RTP; for RTCP the index' upper 15 and lower 16 bits.
   */
  crypt(data: Uint8Array, start: number, end: number, ssrc: number, high: number, low: number): void {
    const salt = this.#salt;
    this.#cipher.counterXor(data, start, end, salt[0], salt[1] ^ ssrc, salt[2] ^ high, salt[3] ^ (low << 16));
  }

  wipe(): void {
    this.#cipher.wipe();
    this.#salt.fill(0);
    this.mac.wipe();
  }
}

const nothing = new Uint8Array(0);

/** Everything a context derives from one {@link SrtpKeys}. */
export class SessionKeys {
  readonly suite: SrtpSuite;
  readonly rtp: Transform;
  readonly rtcp: Transform;
  /** Master key identifier, empty when there is none. */
  readonly mki: Uint8Array;
  /** Roll-over counter for streams that begin under these keys. */
  readonly roc: number;

  /**
   * Copies what it needs; the caller wipes its own arrays.
   * @throws RangeError for an unknown suite or a length or counter out of range, TypeError when a key is not bytes. No text
   * contains key material.
   */
  constructor(keys: SrtpKeys) {
    const suite = Object.hasOwn(srtpSuites, keys.suite) ? srtpSuites[keys.suite] : undefined;
    if (!suite) throw new RangeError(`suite is not supported: ${String(keys.suite).slice(0, 64)}`);
    const { masterKey, masterSalt, mki = nothing, roc = 0 } = keys;
    for (const [name, value] of Object.entries({ masterKey, masterSalt, mki }))
      if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`);
    if (masterKey.length !== suite.keyBytes)
      throw new RangeError(`masterKey must have ${suite.keyBytes} bytes, has ${masterKey.length}`);
    if (masterSalt.length !== suite.saltBytes)
      throw new RangeError(`masterSalt must have ${suite.saltBytes} bytes, has ${masterSalt.length}`);
    if (mki.length > MKI_MAX_BYTES)
      throw new RangeError(`mki must have at most ${MKI_MAX_BYTES} bytes, has ${mki.length}`);
    if (!(Number.isInteger(roc) && roc >= 0 && roc <= 0xffffffff))
      throw new RangeError(`roc must be a whole number from 0 to 2^32 - 1, is ${roc}`);

    this.suite = suite;
    this.mki = mki.slice();
    this.roc = roc;
    const master = new Aes(masterKey);
    this.rtp = transform(
      suite,
      master,
      masterSalt,
      SrtpLabel.rtpEncryption,
      SrtpLabel.rtpAuthentication,
      SrtpLabel.rtpSalt,
    );
    this.rtcp = transform(
      suite,
      master,
      masterSalt,
      SrtpLabel.rtcpEncryption,
      SrtpLabel.rtcpAuthentication,
      SrtpLabel.rtcpSalt,
    );
    master.wipe();
  }

  /** Zeroes every schedule, salt and midstate. */
  wipe(): void {
    this.rtp.wipe();
    this.rtcp.wipe();
  }
}

function transform(
  suite: SrtpSuite,
  master: Aes,
  masterSalt: Uint8Array,
  encryption: number,
  authentication: number,
  salting: number,
): Transform {
  const key = new Uint8Array(suite.keyBytes);
  const authKey = new Uint8Array(suite.authKeyBytes);
  const salt = new Uint8Array(suite.saltBytes);
  deriveInto(key, master, masterSalt, encryption);
  deriveInto(authKey, master, masterSalt, authentication);
  deriveInto(salt, master, masterSalt, salting);
  const made = new Transform(new Aes(key), salt, new HmacSha1(authKey));
  wipe(key, authKey, salt);
  return made;
}
