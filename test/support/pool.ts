// Work of node:crypto in the thread pool: how long it takes is the machine's affair, and no time of a test's own may pass meanwhile.

import { createHook } from "node:async_hooks";

const pending = new Set<number>();
createHook({
  init: (id, type) => {
    // KEYPAIRGENREQUEST, SIGNREQUEST, HASHREQUEST and the like.
    if (type.endsWith("REQUEST")) pending.add(id);
  },
  after: (id) => void pending.delete(id),
  destroy: (id) => void pending.delete(id),
}).enable();

/** Waits until the pool has answered everything it was asked, and what follows from the answers at once has been done. */
export async function poolIdle(): Promise<void> {
  for (let quiet = 0; quiet < 4; quiet = pending.size > 0 ? 0 : quiet + 1)
    await new Promise((resolve) => setImmediate(resolve));
}
