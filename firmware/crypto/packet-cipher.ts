// What protecting packets asks of a cipher, whoever computes it: the WebAssembly kernel or typed arrays (docs/decisions.md).

/** How a packet's content is encrypted and authenticated. */
export type PacketCipherMode =
  /** Not encrypted; HMAC-SHA1. */
  | "null"
  /** AES in counter mode; HMAC-SHA1. */
  | "counter"
  /** AES in f8 mode (RFC 3711 section 4.1.2); HMAC-SHA1. */
  | "f8"
  /** AES in Galois/Counter Mode (NIST SP 800-38D), 96-bit IV, 128-bit tag. */
  | "gcm";

/** Session keys of one protocol and direction; copied, the caller wipes its own. */
export interface PacketKeys {
  readonly mode: PacketCipherMode;
  /** AES key, 16, 24 or 32 bytes; not looked at in mode `"null"`. */
  readonly key: Uint8Array;
  /** HMAC-SHA1 key, any length; not looked at in mode `"gcm"`. */
  readonly authKey?: Uint8Array;
  /** f8 only: the key XOR the mask m, as long as `key`. */
  readonly maskedKey?: Uint8Array;
}

/**
 * A cipher over packets that lie in byte arrays. Nothing per packet allocates; the caller has checked every range.
 *
 * `iv` is four 32-bit words, most significant first. Mode `"counter"`: the first counter block. `"f8"`: the IV before IV'.
 * `"gcm"`: the 96-bit IV in the first three; the fourth is not looked at. Keystream counts in the fourth word.
 *
 * `suffix` is a 32-bit word, signed or unsigned, authenticated behind the packet (HMAC) or behind the associated data (GCM) when
 * `suffixed`. Whole numbers above 2^31 cost an object where V8 does not inline: callers on the packet path give it signed.
 *
 * `entry` is a place of keystream made by {@link PacketCipher.precompute} for the same `iv`, or -1.
 */
export interface PacketCipher {
  /**
   * Encrypts `packet[from, to)` in place, then writes `tagBytes` of the tag to `packet[tagAt]`. The tag covers `packet[0, signed)`; with
   * GCM it covers `packet[0, from)` and the ciphertext, and `signed` is not looked at. `tagBytes` 0: no authentication.
   */
  seal(
    packet: Uint8Array,
    from: number,
    to: number,
    signed: number,
    iv: Int32Array,
    suffix: number,
    suffixed: boolean,
    entry: number,
    tagAt: number,
    tagBytes: number,
  ): void;
  /**
   * Compares the tag at `packet[tagAt]` in constant time, and decrypts `packet[from, to)` in place when it is right.
   * @returns false when it is not; then the packet is as it was
   */
  open(
    packet: Uint8Array,
    from: number,
    to: number,
    signed: number,
    iv: Int32Array,
    suffix: number,
    suffixed: boolean,
    entry: number,
    tagAt: number,
    tagBytes: number,
  ): boolean;
  /** Fills `out` with the keystream that starts with counter block `iv` (modes `"counter"` and `"gcm"`): key derivation. */
  keystreamInto(out: Uint8Array, iv: Int32Array): void;
  /**
   * Takes memory for `entries` pieces of keystream of `bytes` each (a multiple of 16); what was there before is wiped and forgotten.
   * Modes `"counter"` and `"gcm"`.
   */
  reserve(entries: number, bytes: number): void;
  /** Makes the keystream of a packet with `iv` at place `entry`. */
  precompute(entry: number, iv: Int32Array): void;
  /** Zeroes everything secret. Using the cipher afterwards throws. May be called again. */
  wipe(): void;
}
