// The same few names and addresses are read again and again: what was made of the latest is kept.

/** How much is kept. */
export interface RememberingOptions {
  /** How many texts; when there are more all are forgotten. Default 32. */
  readonly capacity?: number;
  /** Longer texts, in UTF-16 units, are read anew each time. Default 256. */
  readonly longest?: number;
}

const memories: Map<string, unknown>[] = [];

/** Nothing is remembered any more. What runs seldom for that is then run again, by who wants it to have run. */
export function forgetAll(): void {
  for (const known of memories) known.clear();
}

/**
 * A function that gives for a text what `make` gave for it last, as long as that is remembered.
 * Made once for a program, not for an object.
 * @param make depends on nothing but the text; what it returns is shared and must not be changed.
 */
export function remembering<T>(make: (text: string) => T, options: RememberingOptions = {}): (text: string) => T {
  const { capacity = 32, longest = 256 } = options;
  const known = new Map<string, T>();
  memories.push(known);
  return (text) => {
    if (text.length > longest) return make(text);
    const found = known.get(text);
    if (found !== undefined) return found;
    const made = make(text);
    if (known.size >= capacity) known.clear();
    known.set(text, made);
    return made;
  };
}
