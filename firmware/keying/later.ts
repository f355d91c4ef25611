// A keying that is opened late: reading keys and certificates need not hold up what can go on without them.

import type { Keying, KeyingName } from "./keying.js";

/** A {@link Keying} whose secrets are read at its first use, or when {@link load} asks for it. */
export interface LaterKeying extends Keying {
  /** Opens it now. @throws what opening throws; a later use throws it again. */
  load(): void;
}

/** @param open makes the keying; called once, unless it throws. */
export function laterKeying(name: KeyingName, open: () => Keying): LaterKeying {
  let opened: Keying | undefined;
  let isClosed = false;
  const keying = (): Keying => {
    if (isClosed) throw new TypeError("the keying is closed");
    opened ??= open();
    return opened;
  };
  return {
    name,
    load: () => void keying(),
    recognises: (offered) => keying().recognises(offered),
    prepare: async () => keying().prepare(),
    open: (role, context, events) => keying().open(role, context, events),
    forgetPeers: () => opened?.forgetPeers?.(),
    close() {
      isClosed = true;
      opened?.close();
    },
  };
}
