// MIKEY as a way of agreeing on keys in SDP offer/answer (RFC 3830 inside RFC 4567).

import { createPrivateKey } from "node:crypto";
import { CHAIN_TYPE, parseChain } from "../../crypto/certificate-chain.js";
import { TrustStore } from "../../crypto/certificates.js";
import { type DhGroupName, type DhKeyPair, generateDhKeyPair } from "../../crypto/dh.js";
import type { RevocationLists } from "../../crypto/revocation.js";
import {
  anyDirectory,
  CertificateDirectory,
  type CertificateVerifier,
  type CounterStore,
  createDhHmacMethod,
  createDhMethod,
  createPkeMethod,
  createPskMethod,
  createRsaRMethod,
  type DhPolicy,
  type Dialect,
  type EnvelopeOptions,
  type KeyDirectory,
  MemoryReplayCache,
  type MethodName,
  MikeyAgent,
  type MikeyMethod,
  PeerMemory,
  type RandomSource,
  type ReplayCache,
  type SignaturePolicy,
  type SignerOptions,
} from "../../mikey/index.js";
import type { Clock } from "../../runtime/clock.js";
import { Secret } from "../../runtime/secret.js";
import type { SrtpSuiteName } from "../../srtp/keys.js";
import type { Keying } from "../keying.js";
import { hasMikey } from "./key-mgmt.js";
import { MikeySession } from "./session.js";

export type { KeyingFailureCode } from "./failures.js";
export { KeyPairPool, type KeyPairPoolStatus } from "./key-pair-pool.js";

export interface MikeyKeyingOptions {
  /**
   * Method of our own offers, or several, most wanted first; their keys must be given. Several go into one description, each with the list
   * of all; one that cannot be made for a peer (no certificate of theirs is known) is left out. Answers take whichever method the offer uses and keys exist for.
   */
  readonly offer: MethodName | readonly MethodName[];
  /** Pre-shared key of at least 16 bytes and the name the screen shows for it. */
  readonly psk?: { readonly key: Secret | Uint8Array; readonly name: string };
  /**
   * Our certificate (leaf first, for our SIP URI) and key, for the signing methods. Without a certificate peers find our key in the
   * DNS, as we find theirs: that needs {@link directory}.
   */
  readonly identity?: { readonly certificateChainPem?: string; readonly privateKeyPem: string };
  /** Certificates of the authorities whose word on peers is taken; needed with `identity` unless `trust` is given. */
  readonly trustAnchorsPem?: string | readonly string[];
  /** A trust store shared with others, instead of `trustAnchorsPem`. */
  readonly trust?: CertificateVerifier;
  /** Withdrawn certificates; goes with `trustAnchorsPem`. */
  readonly revocation?: RevocationLists;
  /** Certificates of peers, for envelopes to them; those that peers show are remembered beside them. */
  readonly peerCertificatesPem?: readonly string[];
  /** Public keys of peers who show no certificate: DomainKeys. */
  readonly directory?: KeyDirectory;
  /** Methods of offers we answer; default: every one that keys exist for. The offered one is always among them. */
  readonly accepts?: readonly MethodName[];
  /** Which signatures we make and accept; default `auto`. */
  readonly signatures?: SignaturePolicy;
  /** Group of our Diffie-Hellman offers; default `oakley5`. */
  readonly group?: DhGroupName;
  /** Groups accepted in offers; default OAKLEY 5 and up. */
  readonly acceptedGroups?: readonly DhGroupName[];
  readonly envelope?: EnvelopeOptions;
  /** SRTP suites, most wanted first; default AES_CM_128_HMAC_SHA1_80. */
  readonly suites?: readonly SrtpSuiteName[];
  /** Where our offers stand; default `session`. Answers stand where the offer stood. */
  readonly level?: "session" | "media";
  /** Peers of this keying follow another implementation's reading of the RFCs. */
  readonly compat?: Dialect;
  /** Sessions can be re-keyed and shared ({@link KeyingSession.update}); their TGKs then live as long as they. Default false. */
  readonly keepsBundles?: boolean;
  /** Lets peers use counters as timestamps. */
  readonly counters?: CounterStore;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** How far a peer's clock may be off, ms; default five minutes. */
  readonly skewMs?: number;
  /** One cache for all keyings of a phone; default: one of this keying's own. */
  readonly replay?: ReplayCache;
  /** Where key pairs come from, such as a {@link KeyPairPool}; default: made when one is needed. */
  readonly takeDhKeyPair?: (group: DhGroupName) => DhKeyPair | Promise<DhKeyPair>;
}

function signingMethods(options: MikeyKeyingOptions, dh: DhPolicy, memory: PeerMemory): MikeyMethod[] {
  const { identity, directory } = options;
  if (!identity) return [];
  const { revocation } = options;
  const trust =
    options.trust ??
    (options.trustAnchorsPem && options.trustAnchorsPem.length > 0
      ? new TrustStore(options.trustAnchorsPem, revocation ? { revocation } : {})
      : undefined);
  if (!trust && !directory) throw new TypeError("MIKEY keying with an identity needs trust anchors for its peers");
  const known = trust && new CertificateDirectory(trust, options.peerCertificatesPem);
  const signer: SignerOptions = {
    ...identity,
    ...(trust ? { trust } : {}),
    ...(known ? { learns: known } : {}),
    ...(directory ? { directory } : {}),
    signatures: options.signatures ?? "auto",
    memory,
  };
  const recipients = anyDirectory([...(known ? [known] : []), ...(directory ? [directory] : [])]);
  const methods = [
    createDhMethod({ ...signer, ...dh }),
    createPkeMethod({ ...signer, ...options.envelope, recipients }),
  ];
  const isRsa = createPrivateKey(identity.privateKeyPem).asymmetricKeyType === "rsa";
  return isRsa ? [...methods, createRsaRMethod({ ...signer, ...options.envelope })] : methods;
}

function offeredBy({ offer }: MikeyKeyingOptions): readonly MethodName[] {
  return typeof offer === "string" ? [offer] : offer;
}

function methodsFor(options: MikeyKeyingOptions, memory: PeerMemory): MikeyMethod[] {
  const methods: MikeyMethod[] = [];
  const dh = {
    takeDhKeyPair: options.takeDhKeyPair ?? generateDhKeyPair,
    ...(options.group ? { group: options.group } : {}),
    ...(options.acceptedGroups ? { acceptedGroups: options.acceptedGroups } : {}),
  };
  if (options.psk) {
    const key = options.psk.key instanceof Secret ? options.psk.key.bytes : options.psk.key;
    const shared = { key, name: options.psk.name };
    methods.push(createPskMethod(shared), createDhHmacMethod({ ...shared, ...dh }));
  }
  methods.push(...signingMethods(options, dh, memory));
  const offered = offeredBy(options);
  if (offered.length === 0) throw new TypeError("MIKEY keying needs a method to offer");
  for (const one of offered)
    if (!methods.some((method) => method.name === one))
      throw new TypeError(`MIKEY keying offers ${one} but has no keys for it`);
  const { accepts } = options;
  return accepts ? methods.filter(({ name }) => offered.includes(name) || accepts.includes(name)) : methods;
}

/**
 * Makes the MIKEY keying. `prepare()` warms up keys and certificates: call it when the phone is idle. With a pool of key pairs behind
 * `takeDhKeyPair` an offer then costs one signature. Throws TypeError or RangeError for keys that cannot be used.
 */
export function createMikeyKeying(options: MikeyKeyingOptions): Keying {
  const memory = new PeerMemory();
  const agent = new MikeyAgent({
    methods: methodsFor(options, memory),
    replay: options.replay ?? new MemoryReplayCache(),
    random: options.random,
    keepsBundles: options.keepsBundles ?? false,
    ...(options.skewMs === undefined ? {} : { skewMs: options.skewMs }),
    ...(options.suites ? { suites: options.suites } : {}),
    ...(options.counters ? { counters: options.counters } : {}),
  });
  return {
    name: "mikey",
    recognises: hasMikey,
    prepare: () => agent.prepare(options.clock.wallMs()),
    open(role, context, events) {
      if (!Number.isInteger(context.ssrc) || context.ssrc <= 0 || context.ssrc > 0xffffffff)
        throw new RangeError(`SSRC must be a whole number from 1 to 4294967295, not ${context.ssrc}`);
      const { localUri, peerUri, ssrc, ask } = context;
      const { compat } = options;
      const fetchCertificates = ask && (async () => chainIn(await ask(CHAIN_TYPE)));
      const parties = { localUri, peerUri, ssrc, fetchCertificates, ...(compat ? { compat } : {}) };
      return new MikeySession({
        role,
        agent,
        methods: offeredBy(options),
        level: options.level ?? "session",
        parties,
        events,
        clock: options.clock,
      });
    },
    forgetPeers: () => memory.clear(),
    close: () => agent.close(),
  };
}

function chainIn(document: Uint8Array | undefined): readonly Uint8Array[] | undefined {
  const chain = document && parseChain(document);
  return chain?.ok ? chain.value : undefined;
}
