// Comparison of secret values in a time that does not tell where they differ.

/**
 * True when `a` and `b` hold the same bytes. The time depends on the lengths only (which are not secret), never on the content.
 */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}
