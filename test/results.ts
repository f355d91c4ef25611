// What tests do with results that must be good, or must be a certain failure.

import * as assert from "uvu/assert";
import type { Result } from "../firmware/runtime/result.js";

/** The value of a result; throws an error with its code when there is none. */
export function good<T>(result: Result<T, { readonly code: string; readonly text: string }>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.text}`);
  return result.value;
}

/** The error of a result that must have failed with this code. */
export function bad<E extends { readonly code: string }>(result: Result<unknown, E>, code: string): E {
  if (result.ok) throw new Error(`succeeded, expected ${code}`);
  assert.is(result.error.code, code);
  return result.error;
}
