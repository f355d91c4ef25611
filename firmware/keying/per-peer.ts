// One key agreement method whose secrets depend on whom we talk to: a key shared with Bob says nothing about Carol.

import type { Keying, KeyingContext, KeyingError, KeyingEvents, KeyingSession } from "./keying.js";

/** A {@link Keying} for some peers. */
export interface PeerKeying {
  /** True when this keying is for the peer. */
  fits(peerUri: string): boolean;
  readonly keying: Keying;
}

/**
 * Chooses among keyings of one method by the peer's URI.
 * @param peers the first that fits is taken.
 * @param others for everybody else; absent: nothing is agreed on with them (`no-key-for-peer`).
 */
export function perPeerKeying(peers: readonly PeerKeying[], others: Keying | undefined): Keying {
  const all = [...peers.map((peer) => peer.keying), ...(others ? [others] : [])];
  if (all.length === 0) throw new RangeError("a keying per peer needs at least one keying");
  return {
    name: all[0].name,
    recognises: (offered) => all.some((keying) => keying.recognises(offered)),
    prepare: async () => {
      await Promise.all(all.map((keying) => keying.prepare()));
    },
    open: (role, context: KeyingContext, events: KeyingEvents) => {
      const keying = peers.find((peer) => peer.fits(context.peerUri))?.keying ?? others;
      return keying ? keying.open(role, context, events) : refusing();
    },
    forgetPeers: () => {
      for (const keying of all) keying.forgetPeers?.();
    },
    close: () => {
      for (const keying of all) keying.close();
    },
  };
}

const noKey: KeyingError = {
  code: "no-key-for-peer",
  sipStatus: 488,
  text: "no key is shared with this peer",
  user: "No key is shared with this person, and there is no certificate to use instead",
};

/** A session that agrees on nothing. */
function refusing(): KeyingSession {
  const refuse = async () => ({ ok: false, error: noKey }) as const;
  return { offer: refuse, verify: refuse, answer: refuse, accept: refuse, close: () => {} };
}
