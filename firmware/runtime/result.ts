// A value or a typed error: how every parser of network input answers (nothing that reads the network throws).

/** What was wrong with some input, and where. */
export interface InputError {
  /** Stable machine-readable word, e.g. `"truncated"`. */
  readonly code: string;
  /** One sentence for a log; never contains secrets. */
  readonly text: string;
  /** Byte offset (or character offset for text) at which the problem was seen. */
  readonly offset?: number;
}

/** Outcome of reading untrusted input. */
export type Result<T, E = InputError> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

/** Wraps a good value. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** Makes a failed {@link Result} from its parts. */
export function fail(code: string, text: string, offset?: number): { readonly ok: false; readonly error: InputError } {
  return { ok: false, error: offset === undefined ? { code, text } : { code, text, offset } };
}
