// Alice and Bob for tests of the library: every method, with certificates made once per process.

import { randomBytes } from "node:crypto";
import { TrustStore } from "../../../firmware/crypto/certificates.js";
import { type DhGroupName, generateDhKeyPair } from "../../../firmware/crypto/dh.js";
import {
  createAuthority,
  type IssuedIdentity,
  type IssuedKeyType,
  issueIdentity,
} from "../../../firmware/crypto/issue.js";
import {
  CertificateDirectory,
  type CertificateVerifier,
  createDhHmacMethod,
  createDhMethod,
  createPkeMethod,
  createPskMethod,
  createRsaRMethod,
  type EnvelopeOptions,
  MemoryReplayCache,
  type MethodName,
  MikeyAgent,
  type MikeyMethod,
  type MikeyOptions,
  type SignaturePolicy,
  type TakeDhKeyPair,
} from "../../../firmware/mikey/index.js";

export const nowMs = Date.UTC(2026, 5, 1, 12);
const DAY = 86_400_000;
const valid = { notBeforeMs: nowMs - DAY, notAfterMs: nowMs + 30 * DAY };
export const alice = "sip:alice@example.com";
export const bob = "sip:bob@example.com";
export const psk = new Uint8Array(32).map((_, i) => i * 7 + 1);
export const atAlice = { localUri: alice, peerUri: bob, ssrc: 0x1111 };
export const atBob = { localUri: bob, peerUri: alice, ssrc: 0x2222 };
export const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

const both = { keyUsage: ["digitalSignature", "keyEncipherment"] } as const;
export const authority = await createAuthority({ ...valid, commonName: "Test CA" });
export const aliceIdentity = await issueIdentity(authority, { ...valid, ...both, uri: alice });
export const bobIdentity = await issueIdentity(authority, { ...valid, ...both, uri: bob });

export function identityFor(uri: string, keyType: IssuedKeyType): Promise<IssuedIdentity> {
  return issueIdentity(authority, { ...valid, uri, keyType });
}

/** How a test's person differs from the usual. */
export interface Person {
  readonly uri: string;
  readonly identity?: IssuedIdentity;
  readonly signatures?: SignaturePolicy;
  readonly group?: DhGroupName;
  readonly acceptedGroups?: readonly DhGroupName[];
  readonly takeDhKeyPair?: TakeDhKeyPair;
  readonly envelope?: EnvelopeOptions;
  readonly agent?: Partial<MikeyOptions>;
  /** Whose word on certificates is taken; default: the authority's. */
  readonly trust?: CertificateVerifier;
}

/** Every method, for one person who knows the other's certificate. */
export function methodsOf(person: Person): MikeyMethod[] {
  const usual = person.uri === alice ? aliceIdentity : bobIdentity;
  const { certificatePem, privateKeyPem } = person.identity ?? usual;
  const peer = person.uri === alice ? bobIdentity : aliceIdentity;
  const trust = person.trust ?? new TrustStore(authority.certificatePem);
  const signer = { certificateChainPem: certificatePem, privateKeyPem, trust, signatures: person.signatures ?? "auto" };
  const dh = {
    takeDhKeyPair: person.takeDhKeyPair ?? generateDhKeyPair,
    ...(person.group ? { group: person.group } : {}),
    ...(person.acceptedGroups ? { acceptedGroups: person.acceptedGroups } : {}),
  };
  const recipients = new CertificateDirectory(trust, [peer.certificatePem]);
  const methods = [
    createPskMethod({ key: psk, name: "office" }),
    createDhHmacMethod({ key: psk, name: "office", ...dh }),
    createDhMethod({ ...signer, ...dh }),
    createPkeMethod({ ...signer, ...person.envelope, recipients }),
  ];
  const isRsa = !person.identity || person.identity === usual;
  return isRsa ? [...methods, createRsaRMethod({ ...signer, ...person.envelope })] : methods;
}

export function agentOf(person: Person): MikeyAgent {
  return new MikeyAgent({
    methods: methodsOf(person),
    replay: new MemoryReplayCache(),
    random,
    keepsBundles: true,
    ...person.agent,
  });
}

export const everyMethod: readonly MethodName[] = ["psk", "dhhmac", "dh", "pke", "rsa-r"];
