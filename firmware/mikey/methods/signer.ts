// Signing our messages and verifying others': shared by signed Diffie-Hellman, public-key encryption and RSA-R.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { alternativeUris, parseCertificate } from "../../crypto/certificate-path.js";
import { certificatesFromPem, type VerifiedCertificate } from "../../crypto/certificates.js";
import { sameSipIdentity, sipIdentity } from "../../crypto/sip-identity.js";
import { ok, type Result } from "../../runtime/result.js";
import { announced, type Capabilities, type PeerMemory } from "../capabilities.js";
import type { CertificateDirectory } from "../certificate-directory.js";
import { chainFingerprint, chainMark, FINGERPRINT_BYTES } from "../certificate-names.js";
import { adopt, type MikeyResult, refuse } from "../errors.js";
import { chainOf, idPayload } from "../identity.js";
import { type Message, type ParsedMessage, payloadsOf, printMessage } from "../message.js";
import { CertificateType } from "../numbers.js";
import type { CertificatePayload, Payload, SignPayload } from "../payloads/index.js";
import { SignatureChoice, type SignaturePolicy } from "../signature-policy.js";
import { covered, joined } from "../transport.js";
import { closing, type KeyDirectory, type Parties, type PeerProof, type ReceivedFrame } from "./method.js";

/** Who vouches for certificates; a `TrustStore` is one. */
export interface CertificateVerifier {
  verify(
    chain: readonly Uint8Array[],
    uri: string,
    atMs: number,
    use?: "signature" | "encryption",
  ): Promise<Result<VerifiedCertificate>>;
}

/** Our signing identity and whom we believe. */
export interface SignerOptions {
  /** Our certificate first, then intermediates; absent: our key is found in a directory (the DNS) under our identity. */
  readonly certificateChainPem?: string;
  /** PKCS#8 or PKCS#1, not encrypted. */
  readonly privateKeyPem: string;
  /** Whose word on certificates is taken. */
  readonly trust?: CertificateVerifier;
  /** Remembers the certificates of authentic peers: for envelopes to them, and so that they need not send them again. */
  readonly learns?: Pick<CertificateDirectory, "learn" | "named">;
  /** Where the keys of peers are found who send no certificate. */
  readonly directory?: KeyDirectory;
  /** Default `rfc3830`. */
  readonly signatures?: SignaturePolicy;
  /** What peers said they can verify; one for all methods of a phone. Default: one of this method's own. */
  readonly memory?: PeerMemory;
}

export function proofOf(certificate: VerifiedCertificate): PeerProof {
  let proof = proofs.get(certificate);
  if (!proof) {
    const { uri, subject, ca, fingerprint, notAfterMs } = certificate;
    proof = { kind: "certificate", identity: sipIdentity(uri) ?? uri, subject, ca, fingerprint, notAfterMs };
    proofs.set(certificate, proof);
  }
  return proof;
}

/** A peer calls with the same certificate each time. */
const proofs = new WeakMap<VerifiedCertificate, PeerProof>();

/** Who signed, and with what. */
export interface Signer {
  readonly proof: PeerProof;
  readonly publicKey: KeyObject;
  /** DER of the signer's certificate, when there is one. */
  readonly certificate?: Uint8Array;
}

/** Signs as we, and tells who signed. */
export class SigningIdentity {
  /** CERT payloads of our messages; none: we name ourselves by ID and our key is in a directory. */
  readonly certificates: readonly CertificatePayload[];
  readonly privateKey: KeyObject;
  readonly choice: SignatureChoice;
  /** In place of {@link certificates} for who has them. */
  private readonly name: CertificatePayload | undefined;
  private readonly mark: number = 0;
  private readonly uris: readonly string[] | undefined;
  private readonly fromMs: number = Number.NEGATIVE_INFINITY;
  private readonly toMs: number = Number.POSITIVE_INFINITY;

  /** Throws TypeError when certificate and key cannot be read, do not belong together or cannot sign as the policy wants. */
  constructor(private readonly options: SignerOptions) {
    this.privateKey = createPrivateKey(options.privateKeyPem);
    this.choice = new SignatureChoice(options.signatures ?? "rfc3830", this.privateKey, options.memory);
    if (!options.trust && !options.directory) throw new TypeError("neither trust nor a directory to know peers by");
    if (options.certificateChainPem === undefined) {
      this.certificates = [];
      return;
    }
    const chain = certificatesFromPem(options.certificateChainPem);
    if (chain.length === 0) throw new TypeError("the certificate chain holds no certificate");
    const leaf = parseCertificate(chain[0]);
    if (!leaf.ok) throw new TypeError("our own certificate cannot be read");
    if (!new X509Certificate(chain[0]).checkPrivateKey(this.privateKey))
      throw new TypeError("the private key does not belong to the certificate");
    this.certificates = chain.map(certificateOf);
    const fingerprint = chainFingerprint(chain);
    this.name = { kind: "certificate", type: CertificateType.named, data: fingerprint };
    this.mark = chainMark(fingerprint);
    this.uris = alternativeUris(leaf.value);
    this.fromMs = leaf.value.notBefore.value.getTime();
    this.toMs = leaf.value.notAfter.value.getTime();
  }

  /** DER of our certificate and of those that vouch for it, in this order. */
  get chain(): readonly Uint8Array[] {
    return this.certificates.map(({ data }) => data);
  }

  /** Whether our certificate can speak for us now: better said here than by the peer's refusal. */
  checkOwn(localUri: string, nowMs: number): MikeyResult<undefined> {
    if (this.uris && !this.uris.some((uri) => sameSipIdentity(uri, localUri)))
      return refuse(
        "own-identity-mismatch",
        `our certificate is for ${this.uris[0] ?? "no SIP URI"}, not for ${localUri}`,
      );
    if (nowMs < this.fromMs || nowMs > this.toMs)
      return refuse("own-certificate-expired", "our own certificate is not valid at this time");
    return ok(undefined);
  }

  /**
   * `IDx|CERTx`: our certificates, or our name where our key is in a directory.
   * @param said what the message said that is answered: who has our certificates says so, and is told their name only.
   */
  introduction({ localUri }: Parties, said?: Capabilities): readonly Payload[] {
    const { certificates, name } = this;
    if (!name) return certificates.length > 0 ? certificates : [idPayload(localUri)];
    return said && this.isKnownTo(said) ? [name] : certificates;
  }

  /** The same in an offer; `isAbridged`: by name, which the phone that it reaches may not know. */
  firstIntroduction(parties: Parties): { readonly payloads: readonly Payload[]; readonly isAbridged: boolean } {
    const said = parties.compat ? undefined : this.choice.memory.get(parties.peerUri);
    return { payloads: this.introduction(parties, said), isAbridged: said !== undefined && this.isKnownTo(said) };
  }

  private isKnownTo(said: Capabilities): boolean {
    return this.name !== undefined && said.certificate !== undefined && said.certificate === this.mark;
  }

  /** The mark of a peer's certificates that we have, to be announced; undefined: we keep none. */
  markOf(peerUri: string): number | undefined {
    return this.options.learns && this.choice.announces.length > 0 ? this.choice.memory.markOf(peerUri) : undefined;
  }

  /**
   * Writes a message and signs it: everything but the signature's own bytes is covered (section 5.2), and in RSA-R also what is
   * `appended` and not sent.
   */
  async print(
    message: Message,
    peerUri: string,
    said: Capabilities | undefined,
    ...appended: readonly Uint8Array[]
  ): Promise<Uint8Array> {
    const algorithm = this.choice.forPeer(peerUri, said);
    const length = algorithm.length(this.privateKey);
    const sign: SignPayload = { kind: "sign", type: algorithm.type, signature: new Uint8Array(length) };
    const bytes = printMessage({ header: message.header, payloads: [...message.payloads, sign] });
    const data = covered(bytes, length);
    const signed = joined([data, ...appended]);
    bytes.set(await algorithm.sign(signed, this.privateKey), bytes.length - length);
    return bytes;
  }

  /** Verifies who signed a message, by the certificates it brings or by the directory. */
  async verify(
    message: ParsedMessage,
    certificates: readonly CertificatePayload[],
    uri: string,
    nowMs: number,
    ...appended: readonly Uint8Array[]
  ): Promise<MikeyResult<Signer>> {
    const sign = closing(message, "sign");
    if (!sign.ok) return sign;
    const algorithm = this.choice.accepted(sign.value.type);
    if (!algorithm) return refuse("unsupported-signature", `signature type ${sign.value.type} is not accepted`);
    const shown = this.shown(certificates);
    if (!shown.ok) return shown;
    const signer = await this.signerOf(shown.value, uri, nowMs);
    if (!signer.ok) return signer;
    if (!algorithm.fits(signer.value.publicKey))
      return refuse("unsupported-signature", `the signer's key does not fit ${algorithm.name}`);
    const data = covered(message.bytes, sign.value.signature.length);
    const signed = joined([data, ...appended]);
    if (!(await algorithm.verify(signed, signer.value.publicKey, sign.value.signature)))
      return refuse("bad-signature", "the message's signature does not verify");
    this.choice.learn(uri, announced(message), this.learn(certificates));
    return signer;
  }

  /** {@link verify} for an offer: certificates that it names and that are not known here are fetched from who sent it. */
  async verifyOffer(
    message: ParsedMessage,
    certificates: readonly CertificatePayload[],
    { peerUri, nowMs, fetchCertificates }: ReceivedFrame,
  ): Promise<MikeyResult<Signer>> {
    const signer = await this.verify(message, certificates, peerUri, nowMs);
    if (signer.ok || signer.error.code !== "unknown-certificate" || !fetchCertificates) return signer;
    const chain = await fetchCertificates();
    if (!chain || Buffer.compare(chainFingerprint(chain), certificates[0].data) !== 0) return signer;
    return this.verify(message, chain.map(certificateOf), peerUri, nowMs);
  }

  /** Remembers the certificates of an authentic message. Returns their mark; 0: we have none of its sender. */
  private learn(certificates: readonly CertificatePayload[]): number {
    if (certificates.length === 0) return 0;
    const [{ type, data }] = certificates;
    const name =
      type === CertificateType.named ? data : this.options.learns?.learn(certificates.map((one) => one.data));
    return name ? chainMark(name) : 0;
  }

  /** The certificates of a message, those that it names looked up. */
  private shown(certificates: readonly CertificatePayload[]): MikeyResult<readonly CertificatePayload[]> {
    const named = certificates.find(({ type }) => type === CertificateType.named);
    if (!named) return ok(certificates);
    if (certificates.length !== 1 || named.data.length !== FINGERPRINT_BYTES)
      return refuse("unsupported-certificate", "certificates are named by one fingerprint of 16 bytes, or sent");
    const chain = this.options.learns?.named(named.data);
    if (!chain) return refuse("unknown-certificate", "the sender's certificates are named and not known here");
    return ok(chain.map(certificateOf));
  }

  /** Warms up the private key and the path of our own certificate. */
  async prepare(nowMs: number): Promise<void> {
    // OpenSSL sets up blinding and Montgomery values of a key when it is first used, and the path checks run cold.
    await this.choice.forPeer("").sign(Uint8Array.of(0), this.privateKey);
    if (this.uris && this.uris.length > 0) await this.options.trust?.verify(this.chain, this.uris[0], nowMs);
  }

  private async signerOf(
    certificates: readonly CertificatePayload[],
    uri: string,
    nowMs: number,
  ): Promise<MikeyResult<Signer>> {
    const { trust, directory } = this.options;
    if (certificates.length === 0 && directory) {
      const found = await directory.find(uri, "signature", nowMs);
      return found.ok ? ok(found.value) : found;
    }
    const chain = chainOf(certificates);
    if (!chain.ok) return chain;
    if (!trust) return refuse("unsupported-certificate", "no authority's word is taken, only keys from the directory");
    const verified = await trust.verify(chain.value, uri, nowMs);
    if (!verified.ok) return adopt(verified.error);
    const { publicKey } = verified.value;
    return ok({ proof: proofOf(verified.value), publicKey, certificate: chain.value[0] });
  }
}

function certificateOf(data: Uint8Array): CertificatePayload {
  return { kind: "certificate", type: CertificateType.x509Sign, data };
}

/**
 * An error message signed by whoever has proved to be a peer. RFC 3830 names no certificate among its payloads (section 5.1.2);
 * ours bring it, or nobody could check the signature.
 */
export function errorCertificates(message: ParsedMessage): readonly CertificatePayload[] {
  return payloadsOf(message, "certificate");
}
