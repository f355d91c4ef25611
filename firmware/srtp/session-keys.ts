// One master key, ready for packets: its session keys (renewed by the key derivation rate), its range and its lifetime.

// Not crypto/index.js: that brings an ASN.1 library, and this one needs nothing but Node.
import { equal } from "../crypto/constant-time.js";
import type { PacketCipher } from "../crypto/packet-cipher.js";
import { createPacketCipher } from "../crypto/packet-ciphers.js";
import { wipe } from "../crypto/wipe.js";
import { deriveInto, SrtpLabel } from "./derivation.js";
import type { SrtpKeys } from "./keys.js";
import { type PacketIndex, RTCP_INDEX_LIMIT, RTP_INDEX_LIMIT } from "./streams.js";
import { MKI_MAX_BYTES, type SrtpSuite, srtpSuites } from "./suites.js";
import { Transform } from "./transform.js";

const nothing = new Uint8Array(0);
/** Session keys of so many key derivation periods are at hand: the current one and those around it. */
const PERIODS = 4;
/** A label no standard uses: what it derives tells keys apart without keeping them. */
const IDENTITY_LABEL = 0xff;

/** How often a master key was used by one protocol. */
export class Usage {
  /** Packets so far. */
  used = 0;
  /** The next count somebody wants to hear of. */
  next: number;

  constructor(readonly limit: number) {
    this.next = Math.max(1, Math.floor(limit * (15 / 16)));
  }

  get exhausted(): boolean {
    return this.used >= this.limit;
  }
}

/** Transforms of one protocol by key derivation period: index DIV key derivation rate. */
class Periods {
  readonly #numbers = new Float64Array(PERIODS).fill(-1);
  readonly #transforms: (Transform | undefined)[] = new Array(PERIODS).fill(undefined);
  readonly #lastUse = new Float64Array(PERIODS);
  #clock = 0;

  /** @param rate packets in a period; 0: there is but one */
  constructor(
    readonly rate: number,
    readonly make: (r: number) => Transform,
  ) {}

  at(index: PacketIndex): Transform {
    const r = this.rate === 0 ? 0 : Math.floor(index[0] / this.rate);
    let oldest = 0;
    for (let i = 0; i < PERIODS; i++) {
      if (this.#numbers[i] === r) {
        this.#lastUse[i] = ++this.#clock;
        return this.#transforms[i]!;
      }
      if (this.#lastUse[i] < this.#lastUse[oldest]) oldest = i;
    }
    this.#transforms[oldest]?.wipe();
    this.#numbers[oldest] = r;
    this.#lastUse[oldest] = ++this.#clock;
    return (this.#transforms[oldest] = this.make(r));
  }

  wipe(): void {
    for (const transform of this.#transforms) transform?.wipe();
    this.#transforms.fill(undefined);
    this.#numbers.fill(-1);
  }
}

/** Everything a context derives from one {@link SrtpKeys}. */
export class SessionKeys {
  readonly suite: SrtpSuite;
  /** Master key identifier, empty when there is none. */
  readonly mki: Uint8Array;
  /** Roll-over counter for streams that begin under these keys. */
  roc: number;
  readonly from: number;
  readonly to: number;
  readonly encryptRtp: boolean;
  readonly encryptRtcp: boolean;
  /** Bytes of the tag, 0 for unauthenticated RTP. */
  readonly rtpTagBytes: number;
  readonly rtpUsage: Usage;
  readonly rtcpUsage: Usage;
  /** Replaced by other keys: taken for packets still on their way, not for long. */
  retiring = false;
  readonly #kdr: number;
  readonly #rtp: Periods;
  readonly #rtcp: Periods;
  readonly #rtpAlways: Transform | undefined;
  readonly #rtcpAlways: Transform | undefined;
  readonly #master: PacketCipher;
  readonly #masterSalt: Uint8Array;
  readonly #identity = new Uint8Array(16);

  /**
   * Copies what it needs; the caller wipes its own arrays.
   * @throws RangeError for an unknown suite or a value out of range, TypeError when a key is not bytes. No text contains key material.
   */
  constructor(keys: SrtpKeys) {
    const suite = checkKeys(keys);
    const { mki = nothing, roc = 0, kdr = 0, from = 0, to = RTP_INDEX_LIMIT - 1, lifetime = RTP_INDEX_LIMIT } = keys;
    this.suite = suite;
    this.mki = new Uint8Array(mki);
    this.roc = roc;
    this.from = from;
    this.to = to;
    this.encryptRtp = keys.unencryptedRtp !== true;
    // With the NULL cipher the E flag is 0, as others have it too.
    this.encryptRtcp = keys.unencryptedRtcp !== true && suite.mode !== "null";
    this.rtpTagBytes = keys.unauthenticatedRtp === true ? 0 : suite.rtpTagBytes;
    this.rtpUsage = new Usage(lifetime);
    this.rtcpUsage = new Usage(Math.min(lifetime, RTCP_INDEX_LIMIT));

    this.#kdr = kdr;
    this.#master = createPacketCipher({ mode: "counter", key: keys.masterKey });
    // Not slice(): a Buffer's would be the same memory.
    this.#masterSalt = new Uint8Array(keys.masterSalt);
    deriveInto(this.#identity, this.#master, this.#masterSalt, IDENTITY_LABEL, 0);
    const { rtpEncryption, rtpAuthentication, rtpSalt, rtcpEncryption, rtcpAuthentication, rtcpSalt } = SrtpLabel;
    this.#rtp = new Periods(kdr, (r) => this.#derive(rtpEncryption, rtpAuthentication, rtpSalt, r));
    this.#rtcp = new Periods(kdr, (r) => this.#derive(rtcpEncryption, rtcpAuthentication, rtcpSalt, r));
    if (kdr > 0) return;
    const first = new Float64Array(1);
    this.#rtpAlways = this.#rtp.at(first);
    this.#rtcpAlways = this.#rtcp.at(first);
    // Without a derivation rate the master key has done its work.
    this.#master.wipe();
    this.#masterSalt.fill(0);
  }

  /** The transform for the RTP packet with this index. */
  rtp(index: PacketIndex): Transform {
    return this.#rtpAlways ?? this.#rtp.at(index);
  }

  /** The transform for the RTCP packet with this index. */
  rtcp(index: PacketIndex): Transform {
    return this.#rtcpAlways ?? this.#rtcp.at(index);
  }

  /** True when these keys are for the RTP packet with this index (`<From, To>`). */
  covers(index: PacketIndex): boolean {
    return index[0] >= this.from && index[0] <= this.to;
  }

  /** True when both come from the same master key and salt under the same suite and agreement. */
  same(other: SessionKeys): boolean {
    return (
      this.suite === other.suite &&
      this.#kdr === other.#kdr &&
      this.from === other.from &&
      this.to === other.to &&
      this.encryptRtp === other.encryptRtp &&
      this.encryptRtcp === other.encryptRtcp &&
      this.rtpTagBytes === other.rtpTagBytes &&
      this.rtpUsage.limit === other.rtpUsage.limit &&
      equal(this.mki, other.mki) &&
      equal(this.#identity, other.#identity)
    );
  }

  /** True when `packet` holds this key's MKI at `at`. Public bytes: no need for constant time. */
  named(packet: Uint8Array, at: number): boolean {
    const { mki } = this;
    for (let i = 0; i < mki.length; i++) if (packet[at + i] !== mki[i]) return false;
    return true;
  }

  /** Zeroes every key, schedule, salt and midstate. */
  wipe(): void {
    this.#rtp.wipe();
    this.#rtcp.wipe();
    this.#rtpAlways?.wipe();
    this.#rtcpAlways?.wipe();
    this.#master.wipe();
    wipe(this.#masterSalt, this.#identity);
  }

  #derive(encryption: number, authentication: number, salting: number, r: number): Transform {
    const { mode, keyBytes, authKeyBytes, saltBytes } = this.suite;
    const key = new Uint8Array(keyBytes);
    const authKey = new Uint8Array(authKeyBytes);
    const salt = new Uint8Array(saltBytes);
    deriveInto(key, this.#master, this.#masterSalt, encryption, r);
    deriveInto(authKey, this.#master, this.#masterSalt, authentication, r);
    deriveInto(salt, this.#master, this.#masterSalt, salting, r);
    // f8: m = k_s || 0x555..5 (RFC 3711 section 4.1.2.2).
    const maskedKey = key.map((byte, i) => byte ^ (i < saltBytes ? salt[i] : 0x55));
    const made = new Transform({ mode, key, authKey, maskedKey }, salt);
    wipe(key, authKey, salt, maskedKey);
    return made;
  }
}

/**
 * Sees to it that keys are ones this library takes.
 * @throws RangeError or TypeError naming the member that is wrong, never its content.
 */
export function checkKeys(keys: SrtpKeys): SrtpSuite {
  const suite = Object.hasOwn(srtpSuites, keys.suite) ? srtpSuites[keys.suite] : undefined;
  if (!suite) throw new RangeError(`suite is not supported: ${String(keys.suite).slice(0, 64)}`);
  const { masterKey, masterSalt, mki = nothing, roc = 0, kdr = 0 } = keys;
  const { from = 0, to = RTP_INDEX_LIMIT - 1, lifetime = RTP_INDEX_LIMIT } = keys;
  for (const [name, value] of Object.entries({ masterKey, masterSalt, mki }))
    if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`);
  if (masterKey.length !== suite.keyBytes)
    throw new RangeError(`masterKey must have ${suite.keyBytes} bytes, has ${masterKey.length}`);
  if (masterSalt.length !== suite.saltBytes)
    throw new RangeError(`masterSalt must have ${suite.saltBytes} bytes, has ${masterSalt.length}`);
  if (mki.length > MKI_MAX_BYTES)
    throw new RangeError(`mki must have at most ${MKI_MAX_BYTES} bytes, has ${mki.length}`);
  const whole = (name: string, value: number, least: number, most: number) => {
    if (!(Number.isInteger(value) && value >= least && value <= most))
      throw new RangeError(`${name} must be a whole number from ${least} to ${most}, is ${value}`);
  };
  whole("roc", roc, 0, 0xffffffff);
  whole("from", from, 0, RTP_INDEX_LIMIT - 1);
  whole("to", to, from, RTP_INDEX_LIMIT - 1);
  whole("lifetime", lifetime, 1, RTP_INDEX_LIMIT);
  whole("kdr", kdr, 0, 2 ** 24);
  if ((kdr & (kdr - 1)) !== 0) throw new RangeError(`kdr must be 0 or a power of two, is ${kdr}`);
  if (keys.unauthenticatedRtp === true && suite.mode === "gcm")
    throw new RangeError(`unauthenticatedRtp is not possible with ${suite.name}`);
  return suite;
}
