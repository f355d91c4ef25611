// Envelope keys that may serve as pre-shared keys for later bundles with the same peer (RFC 3830 section 3.2, cache type 1).

import { sipIdentity } from "../crypto/sip-identity.js";
import type { MikeyMethod, PeerProof } from "./methods/method.js";
import { createPskMethod } from "./methods/psk.js";

interface Kept {
  readonly method: MikeyMethod;
  readonly untilMs: number;
}

/** One envelope key per peer, for a while. */
export class EnvelopeCache {
  private readonly kept = new Map<string, Kept>();

  /**
   * @param lifetimeMs how long a key serves; section 3.2 warns of keeping it for ever. Default one hour.
   * @param capacity peers remembered; the oldest goes first.
   */
  constructor(
    private readonly lifetimeMs = 3_600_000,
    private readonly capacity = 64,
  ) {}

  /** Remembers the envelope key of an authentic exchange; copied. */
  keep(peer: PeerProof, label: string, key: Uint8Array, nowMs: number): void {
    const name = sipIdentity(peer.identity) ?? peer.identity;
    this.forget(name);
    if (this.kept.size >= this.capacity) {
      const oldest = this.kept.keys().next();
      if (!oldest.done) this.forget(oldest.value);
    }
    this.kept.set(name, { method: envelopeMethod(peer, label, key), untilMs: nowMs + this.lifetimeMs });
  }

  /** The method to use with a peer whose envelope key is known. */
  methodFor(uri: string, nowMs: number): MikeyMethod | undefined {
    const name = sipIdentity(uri) ?? uri;
    const found = this.kept.get(name);
    if (found && found.untilMs > nowMs) return found.method;
    this.forget(name);
    return undefined;
  }

  /** Zeroes every key. */
  close(): void {
    for (const name of [...this.kept.keys()]) this.forget(name);
  }

  private forget(name: string): void {
    this.kept.get(name)?.method.wipe();
    this.kept.delete(name);
  }
}

/** The pre-shared key method with an envelope key: it proves what the envelope's exchange proved. */
export function envelopeMethod(peer: PeerProof, label: string, key: Uint8Array): MikeyMethod {
  return createPskMethod({ key, name: "envelope key", proof: peer, label });
}
