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
 * Where the parts of one packet lie and what goes into its keystream and tag. Filled anew for each packet by whoever calls a
 * {@link PacketCipher}: an object that stays costs nothing, and words lie in arrays because a number beyond 31 bits that goes from
 * function to function may cost an object on the heap.
 */
export class PacketLayout {
  /** `packet[from, to)` is encrypted; with GCM what lies before it is associated data. */
  from = 0;
  to = 0;
  /** The tag covers `packet[0, signed)`; not looked at in mode `"gcm"`. */
  signed = 0;
  /** Where the tag lies and how long it is; 0 bytes: no authentication. */
  tagAt = 0;
  tagBytes = 0;
  /**
   * Four words, most significant first. Mode `"counter"`: the first counter block. `"f8"`: the IV before IV'. `"gcm"`: the 96-bit IV in
   * the first three; the fourth is not looked at. Keystream counts in the fourth word.
   */
  readonly iv = new Int32Array(4);
  /** A word authenticated behind the packet (HMAC) or behind the associated data (GCM) when {@link suffixed}. */
  readonly suffix = new Int32Array(1);
  suffixed = false;
  /** A place of keystream made by {@link PacketCipher.precompute} for the same `iv`, or -1. */
  entry = -1;
}

/** A cipher over packets that lie in byte arrays. Nothing per packet allocates; the caller has checked every range. */
export interface PacketCipher {
  /** Encrypts `packet[from, to)` in place, then writes the tag to `packet[tagAt]`. */
  seal(packet: Uint8Array, layout: PacketLayout): void;
  /**
   * Compares the tag at `packet[tagAt]` in constant time, and decrypts `packet[from, to)` in place when it is right.
   * @returns false when it is not; then the packet is as it was
   */
  open(packet: Uint8Array, layout: PacketLayout): boolean;
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
