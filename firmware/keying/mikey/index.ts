// MIKEY as a way of agreeing on keys in SDP offer/answer (RFC 3830 inside RFC 4567).

import { TrustStore } from "../../crypto/certificates.js";
import { type DhKeyPair, generateOakley5KeyPair } from "../../crypto/dh.js";
import {
  type CertificateVerifier,
  createDhMethod,
  createPskMethod,
  MemoryReplayCache,
  type MethodName,
  MikeyAgent,
  type MikeyMethod,
  type RandomSource,
  type ReplayCache,
} from "../../mikey/index.js";
import type { Clock } from "../../runtime/clock.js";
import { Secret } from "../../runtime/secret.js";
import type { Keying } from "../keying.js";
import { hasMikey } from "./key-mgmt.js";
import { MikeySession } from "./session.js";

export type { KeyingFailureCode } from "./failures.js";

export interface MikeyKeyingOptions {
  /** Method of our own offers; its keys must be given. Answers take whichever method the offer uses and keys exist for. */
  readonly offer: MethodName;
  /** Pre-shared key of at least 16 bytes and the name the screen shows for it. */
  readonly psk?: { readonly key: Secret | Uint8Array; readonly name: string };
  /** Our certificate (leaf first, for our SIP URI) and key, for signed Diffie-Hellman. */
  readonly identity?: { readonly certificateChainPem: string; readonly privateKeyPem: string };
  /** Certificates of the authorities whose word on peers is taken; needed with `identity` unless `trust` is given. */
  readonly trustAnchorsPem?: string | readonly string[];
  /** A trust store shared with others, instead of `trustAnchorsPem`. */
  readonly trust?: CertificateVerifier;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** How far a peer's clock may be off, ms; default five minutes. */
  readonly skewMs?: number;
  /** One cache for all keyings of a phone; default: one of this keying's own. */
  readonly replay?: ReplayCache;
  /** A pool of key pairs; default: one is kept ahead by {@link Keying.prepare}. */
  readonly takeDhKeyPair?: () => DhKeyPair | Promise<DhKeyPair>;
}

/** One key pair kept ahead, made while nobody waits for it. */
class OneAhead {
  private ready: DhKeyPair | undefined;
  private isClosed = false;

  fill(): void {
    if (!this.isClosed) this.ready ??= generateOakley5KeyPair();
  }
  take(): DhKeyPair {
    const pair = this.ready ?? generateOakley5KeyPair();
    this.ready = undefined;
    return pair;
  }
  close(): void {
    this.isClosed = true;
    this.ready?.wipe();
    this.ready = undefined;
  }
}

function methodsFor(options: MikeyKeyingOptions, pairs: OneAhead): MikeyMethod[] {
  const methods: MikeyMethod[] = [];
  if (options.psk) {
    const { key, name } = options.psk;
    methods.push(createPskMethod({ key: key instanceof Secret ? key.bytes : key, name }));
  }
  if (options.identity) {
    const trust = options.trust ?? (options.trustAnchorsPem && new TrustStore(options.trustAnchorsPem));
    if (!trust) throw new TypeError("MIKEY keying with an identity needs trust anchors for its peers");
    const takeDhKeyPair = options.takeDhKeyPair ?? (() => pairs.take());
    methods.push(createDhMethod({ ...options.identity, trust, takeDhKeyPair }));
  }
  if (!methods.some((method) => method.name === options.offer))
    throw new TypeError(`MIKEY keying offers ${options.offer} but has no keys for it`);
  return methods;
}

/**
 * Makes the MIKEY keying. `prepare()` warms up keys and makes a Diffie-Hellman pair ahead (each session's close makes the next):
 * call it when the phone is idle, so that an offer costs one signature. Throws TypeError or RangeError for keys that cannot be used.
 */
export function createMikeyKeying(options: MikeyKeyingOptions): Keying {
  const pairs = new OneAhead();
  const agent = new MikeyAgent({
    methods: methodsFor(options, pairs),
    replay: options.replay ?? new MemoryReplayCache(),
    random: options.random,
    ...(options.skewMs === undefined ? {} : { skewMs: options.skewMs }),
  });
  const keepsPairs = options.identity !== undefined && options.takeDhKeyPair === undefined;
  return {
    name: "mikey",
    recognises: hasMikey,
    async prepare() {
      if (keepsPairs) pairs.fill();
      await agent.prepare(options.clock.wallMs());
    },
    open(role, context, events) {
      if (!Number.isInteger(context.ssrc) || context.ssrc <= 0 || context.ssrc > 0xffffffff)
        throw new RangeError(`SSRC must be a whole number from 1 to 4294967295, not ${context.ssrc}`);
      const { localUri, peerUri, ssrc } = context;
      const parties = { localUri, peerUri, ssrc };
      // The end of a call is a quiet moment: the next call's key pair is made then.
      const ended = keepsPairs ? () => pairs.fill() : () => {};
      return new MikeySession({ role, agent, method: options.offer, parties, events, clock: options.clock, ended });
    },
    close() {
      pairs.close();
      agent.close();
    },
  };
}
