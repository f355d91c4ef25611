// Where things lie in the kernel's memory, bytes. firmware/crypto/kernel.ts holds the part that JavaScript uses.

/** SHA-1 state, five words. */
export const STATE = 0;
/** The message schedule with the round constants added, 80 words. */
export const SCHEDULE = 64;
/** Last digest, big-endian: 20 bytes and room to store it in two strokes. */
export const DIGEST = 384;
/** The tag of a packet under test, 32 bytes. */
export const SAVED = 416;
/** Short-lived blocks, 32 bytes. */
export const BLOCK = 448;
/** The outer message of HMAC, 64 bytes. */
export const OUTER = 512;
/** GHASH's running value: two 64-bit halves, the less significant first. */
export const GHASH = 576;
/** Sums of products on their way to it: six 64-bit numbers. */
export const PRODUCTS = 592;

/** Within a key: number of rounds. */
export const ROUNDS = 0;
/** Round keys, 16 bytes each, up to 15. */
export const ROUND_KEYS = 16;
/** HMAC's two midstates, five words each. */
export const INNER = 256;
export const OUTER_STATE = 288;
/** GHASH's key and its square: of each six 64-bit factors, split into four with holes. The rest of a key's 704 bytes. */
export const HASH_KEY = 320;
