// Which signatures are made for a peer and accepted from it.

import type { KeyObject } from "node:crypto";
import { type Capabilities, PeerMemory } from "./capabilities.js";
import { rfc3830Signatures, rsaPkcs1Sha1, rsaPssSha1, type SignatureAlgorithm, strongSignatures } from "./signature.js";

/**
 * - `rfc3830`: RSA with SHA-1 (PKCS#1 v1.5; PSS is accepted too), as RFC 3830 has them. Nothing else.
 * - `rfc3830-pss`: the same, and ours are made with PSS.
 * - `sotto`: SHA-256 with RSA, ECDSA P-256 or Ed25519 only.
 * - `auto`: both are accepted. An offer to somebody unknown has the form of RFC 3830, so that every implementation can read it,
 *   and says which others we verify; whoever understands that answers with SHA-256, says the same of itself, and from then on gets
 *   SHA-256 in offers as well. A key that is no RSA key has no form in RFC 3830 and always signs its own way.
 */
export type SignaturePolicy = "rfc3830" | "rfc3830-pss" | "sotto" | "auto";

/** A policy at work with one private key. */
export class SignatureChoice {
  /** What peers said they can do. */
  readonly memory: PeerMemory;
  private readonly strong: SignatureAlgorithm | undefined;
  private readonly plain: SignatureAlgorithm | undefined;

  /** Throws TypeError when the policy leaves the key no way to sign. */
  constructor(
    readonly policy: SignaturePolicy,
    key: KeyObject,
    memory?: PeerMemory,
  ) {
    this.memory = memory ?? new PeerMemory();
    const preferred = policy === "rfc3830-pss" ? rsaPssSha1 : rsaPkcs1Sha1;
    this.plain = policy !== "sotto" && preferred.fits(key) ? preferred : undefined;
    const isRfcOnly = policy === "rfc3830" || policy === "rfc3830-pss";
    this.strong = isRfcOnly ? undefined : strongSignatures.find((one) => one.fits(key));
    if (!this.plain && !this.strong) throw new TypeError(`our key cannot sign as the policy ${policy} wants`);
  }

  /** Types we verify beyond RFC 3830's, to be announced. */
  get announces(): readonly number[] {
    const isRfcOnly = this.policy === "rfc3830" || this.policy === "rfc3830-pss";
    return isRfcOnly ? [] : strongSignatures.map((one) => one.type);
  }

  /** How to sign for a peer. `said`: what its message, which we answer, announces. */
  forPeer(uri: string, said?: Capabilities): SignatureAlgorithm {
    const { strong, plain } = this;
    const knows = (said ?? this.memory.get(uri)).signatures;
    if (strong && (!plain || knows.includes(strong.type))) return strong;
    return (plain ?? strong) as SignatureAlgorithm;
  }

  /** The algorithm of a signature that may be verified. */
  accepted(type: number): SignatureAlgorithm | undefined {
    const all = [
      ...(this.policy === "sotto" ? [] : rfc3830Signatures),
      ...(this.announces.length > 0 ? strongSignatures : []),
    ];
    return all.find((one) => one.type === type);
  }

  /** Remembers what an authentic message of a peer announced, and the mark of the certificates that proved it. */
  learn(uri: string, said: Capabilities, mark: number): void {
    if (this.announces.length > 0) this.memory.learn(uri, said, mark);
  }
}
