// Overwrites key material.

/**
 * Zeroes every array given. JavaScript cannot promise that no copy of the bytes survives elsewhere (a moving collector, a
 * register), so keys are kept in as few arrays as possible and those are wiped.
 */
export function wipe(...secrets: readonly (Uint8Array | Int32Array | Uint32Array)[]): void {
  for (const secret of secrets) secret.fill(0);
}
