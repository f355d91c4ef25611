// A second reading of RFCs 3830, 4650 and 4738 for the vectors: node:crypto and big integers, and not a line of firmware/.

import {
  constants,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  getDiffieHellman,
  privateDecrypt,
  verify,
  X509Certificate,
} from "node:crypto";

/** Payloads by number, in their order; each with its offset and its bytes. */
interface Piece {
  readonly type: number;
  readonly at: number;
  readonly b: Buffer;
}

const dhBytes: Record<number, number> = { 0: 192, 1: 96, 2: 128, 241: 256, 242: 384, 243: 32 };

/** Bytes of key validity: none, an SPI, or an interval (sections 6.13, 6.14). */
function validityLength(type: number, b: Buffer): number {
  if (type === 0) return 0;
  return type === 1 ? 1 + b[0] : 2 + b[0] + b[1 + b[0]];
}

function lengthOf(type: number, b: Buffer): number {
  const afterKemac = () => 4 + b.readUInt16BE(2);
  switch (type) {
    case 1:
      return afterKemac() + 1 + (b[afterKemac()] === 1 ? 20 : 0);
    case 2:
      return 3 + (b.readUInt16BE(1) & 0x3fff);
    case 3:
      return 2 + dhBytes[b[1]] + 1 + validityLength(b[2 + dhBytes[b[1]]] & 15, b.subarray(3 + dhBytes[b[1]]));
    case 4:
      return 2 + (b.readUInt16BE(0) & 0xfff);
    case 5:
      return 2 + (b[1] === 2 ? 4 : 8);
    case 6:
    case 7:
    case 21:
      return 4 + b.readUInt16BE(2);
    case 8:
      return 2 + (b[1] === 0 ? 20 : 16);
    case 9:
      return 2 + (b[1] === 1 ? 20 : 0);
    case 10:
      return 5 + b.readUInt16BE(3);
    case 11:
      return 2 + b[1];
    case 20: {
      const key = 4 + b.readUInt16BE(2);
      const salt = (b[1] >> 4) & 1 ? 2 + b.readUInt16BE(key) : 0;
      return key + salt + validityLength(b[1] & 15, b.subarray(key + salt));
    }
    default:
      throw new Error(`payload ${type}`);
  }
}

function chain(bytes: Buffer, first: number, start: number): Piece[] {
  const pieces: Piece[] = [];
  let at = start;
  for (let type = first; type !== 0; ) {
    const rest = bytes.subarray(at);
    const b = rest.subarray(0, lengthOf(type, rest));
    pieces.push({ type, at, b });
    at += b.length;
    type = type === 4 ? 0 : b[0];
  }
  return pieces;
}

/** A message: its pieces and its CS ID map. */
class Read {
  readonly pieces: Piece[];
  readonly csb: Buffer;
  readonly ssrcs: number[];
  constructor(readonly bytes: Buffer) {
    const count = bytes[8];
    this.csb = bytes.subarray(4, 8);
    this.ssrcs = Array.from({ length: count }, (_, i) => bytes.readUInt32BE(11 + 9 * i));
    this.pieces = chain(bytes, bytes[2], 10 + 9 * count);
  }
  all(type: number): Buffer[] {
    return this.pieces.filter((one) => one.type === type).map((one) => one.b);
  }
  /** Everything but the last `n` bytes. */
  but(n: number): Buffer {
    return this.bytes.subarray(0, this.bytes.length - n);
  }
}

const mac = (key: Buffer, ...data: Buffer[]) => createHmac("sha1", key).update(Buffer.concat(data)).digest();

/** PRF of section 4.1.2. */
function prf(key: Buffer, constant: number, csId: number, csb: Buffer, rand: Buffer, length: number): Buffer {
  const label = Buffer.concat([
    Buffer.from(constant.toString(16).padStart(8, "0"), "hex"),
    Buffer.from([csId]),
    csb,
    rand,
  ]);
  const out = Buffer.alloc(length);
  for (let i = 0; i < key.length; i += 32) {
    const s = key.subarray(i, i + 32);
    let stream = Buffer.alloc(0);
    for (let a = mac(s, label); stream.length < length; a = mac(s, a))
      stream = Buffer.concat([stream, mac(s, a, label)]);
    for (let j = 0; j < length; j++) out[j] ^= stream[j];
  }
  return out;
}

interface Transport {
  readonly encr: Buffer;
  readonly salt: Buffer;
  readonly auth: Buffer;
}
const transport = (key: Buffer, csb: Buffer, rand: Buffer): Transport => ({
  encr: prf(key, 0x150533e1, 255, csb, rand, 16),
  salt: prf(key, 0x29b88916, 255, csb, rand, 14),
  auth: prf(key, 0x2d22ac75, 255, csb, rand, 20),
});

/** Key data of a KEMAC payload, decrypted. */
function decrypt(kemac: Buffer, keys: Transport, csb: Buffer, t: Buffer): Buffer {
  const data = kemac.subarray(4, 4 + kemac.readUInt16BE(2));
  if (kemac[1] === 2) {
    const wrap = createDecipheriv("id-aes128-wrap", keys.encr, keys.salt.subarray(0, 8));
    return Buffer.concat([wrap.update(data), wrap.final()]);
  }
  const iv = Buffer.concat([Buffer.alloc(2), csb, t, Buffer.alloc(2)]);
  for (let i = 0; i < 14; i++) iv[i] ^= keys.salt[i];
  return createDecipheriv("aes-128-ctr", keys.encr, iv).update(data);
}

function big(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}
function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let b = base % modulus, e = exponent; e > 0n; e >>= 1n, b = (b * b) % modulus)
    if (e & 1n) result = (result * b) % modulus;
  return result;
}

function dhSecret(group: string, privateHex: string, value: Buffer): Buffer {
  if (group === "x25519") {
    const privateKey = createPrivateKey({
      key: Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), Buffer.from(privateHex, "hex")]),
      format: "der",
      type: "pkcs8",
    });
    const publicKey = createPublicKey({
      key: Buffer.concat([Buffer.from("302a300506032b656e032100", "hex"), value]),
      format: "der",
      type: "spki",
    });
    return diffieHellman({ privateKey, publicKey });
  }
  const names: Record<string, string> = {
    oakley1: "modp1",
    oakley2: "modp2",
    oakley5: "modp5",
    modp2048: "modp14",
    modp3072: "modp15",
  };
  const prime = getDiffieHellman(names[group]).getPrime();
  const secret = power(big(value), big(Buffer.from(privateHex, "hex")), big(prime));
  return Buffer.from(secret.toString(16).padStart(prime.length * 2, "0"), "hex");
}

/** Checks SIGN of a message by the certificate in it. */
function signed(message: Read, also: Buffer[]): boolean {
  const [sign] = message.all(4);
  const length = sign.readUInt16BE(0) & 0xfff;
  const type = sign[0] >> 4;
  const [certificate] = message.all(7);
  const key = new X509Certificate(certificate.subarray(4)).publicKey;
  const data = Buffer.concat([message.but(length), ...also]);
  const ways: Record<number, [string | null, object]> = {
    0: ["sha1", {}],
    1: ["sha1", { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 20 }],
    13: ["sha256", {}],
    14: ["sha256", { dsaEncoding: "ieee-p1363" }],
    15: [null, {}],
  };
  const [hash, way] = ways[type];
  return verify(hash, data, { key, ...way }, sign.subarray(2));
}

/** SHA-1's mask generation function (RFC 8017 appendix B.2.1). */
function mask(seed: Buffer, length: number): Buffer {
  let out = Buffer.alloc(0);
  for (let i = 0; out.length < length; i++)
    out = Buffer.concat([
      out,
      createHash("sha1")
        .update(seed)
        .update(Buffer.of(0, 0, 0, i))
        .digest(),
    ]);
  return out.subarray(0, length);
}

const xor = (a: Buffer, b: Buffer) => Buffer.from(a.map((byte, i) => byte ^ b[i]));

/** Opens an RSA envelope: a PKCS#1 v1.5 block 00 02 PS 00 key, or OAEP's 00 seed lHash PS 01 key. */
function envelopeKey(pke: Buffer, privatePem: string): Buffer {
  const block = privateDecrypt({ key: privatePem, padding: constants.RSA_NO_PADDING }, pke.subarray(3));
  if (block[0] !== 0) throw new Error("padding");
  if (block[1] === 2 && block.indexOf(0, 2) > 9) return block.subarray(block.indexOf(0, 2) + 1);
  const seed = xor(block.subarray(1, 21), mask(block.subarray(21), 20));
  const data = xor(block.subarray(21), mask(seed, block.length - 21));
  const empty = createHash("sha1").digest();
  const one = data.indexOf(1, 20);
  if (!data.subarray(0, 20).equals(empty) || data.subarray(20, one).some((byte) => byte !== 0))
    throw new Error("padding");
  return data.subarray(one + 1);
}

/** Private values of a Diffie-Hellman exchange. */
interface Private {
  readonly group: string;
  readonly initiatorPrivate: string;
  readonly responderPrivate: string;
}

/** What a vector gives to start from. */
export interface VectorInput {
  readonly method: string;
  readonly offer: string;
  readonly answer?: string;
  readonly psk?: string;
  readonly suite: string;
  readonly dh?: Private;
  readonly certificates?: {
    readonly initiator: { readonly privateKeyPem: string };
    readonly responder: { readonly privateKeyPem: string };
  };
  readonly updates?: readonly {
    readonly from: "initiator" | "responder";
    readonly offer: string;
    readonly answer?: string;
    readonly dh?: Private;
  }[];
}

/** Keys found in one exchange. */
export interface FoundKeys {
  readonly tgk: string;
  readonly sessions: {
    ssrc: number;
    tek: string;
    salt: string;
    encryptionKey: string;
    authenticationKey: string;
    mki?: string;
  }[];
}

/** What the second reading found. */
export interface SecondReading extends FoundKeys {
  /** Every MAC and signature fits. */
  readonly proved: boolean;
  readonly updates: readonly FoundKeys[];
}

/** A TGK and its SPI. */
interface Key {
  readonly tgk: Buffer;
  readonly spi?: Buffer;
}

function keyIn(plain: Buffer, first: number): Key | undefined {
  if (plain.length === 0) return undefined;
  const found = chain(plain, first, 0).filter((one) => one.type === 20);
  if (found.length === 0) return undefined;
  const [{ b }] = found;
  const end = 4 + b.readUInt16BE(2);
  return { tgk: b.subarray(4, end), ...((b[1] & 15) === 1 ? { spi: b.subarray(end + 1, end + 1 + b[end]) } : {}) };
}

/** Reads a bundle again: its first exchange, and what updates it. */
class SecondReader {
  readonly proofs: boolean[] = [];
  private rand: Buffer = Buffer.alloc(0);
  /** What the media keys are made with: the CSB ID, or the one given to a group. */
  private csb: Buffer = Buffer.alloc(0);
  private envelope: Buffer = Buffer.alloc(0);
  private key: Key = { tgk: Buffer.alloc(0) };

  constructor(private readonly v: VectorInput) {}

  first(): FoundKeys {
    const offer = new Read(Buffer.from(this.v.offer, "hex"));
    const answer = this.v.answer === undefined ? undefined : new Read(Buffer.from(this.v.answer, "hex"));
    const group = answer?.all(21).find((one) => one[1] === 4);
    this.csb = group ? group.subarray(4) : offer.csb;
    this.rand = ((group ? answer : offer)?.all(11)[0] ?? Buffer.alloc(2)).subarray(2);
    return this.read(this.v.method, offer, answer, this.v.dh, true);
  }

  /** An update: no RAND, no key or a new one; after an envelope, proved with the envelope key. */
  update({ from, offer, answer, dh }: NonNullable<VectorInput["updates"]>[number]): FoundKeys {
    const method = this.envelope.length > 0 ? "psk" : this.v.method;
    const [one, two] = [offer, answer ?? ""].map((text) => new Read(Buffer.from(text, "hex")));
    this.proofs.push(one.all(11).length === 0);
    const found = this.read(method, one, two, dh, from === "initiator");
    this.proofs.push(one.csb.equals(this.csb));
    return found;
  }

  private read(
    method: string,
    offer: Read,
    answer: Read | undefined,
    dh: Private | undefined,
    isFromInitiator: boolean,
  ): FoundKeys {
    const t = offer.all(5)[0].subarray(2);
    if (answer) this.proofs.push(answer.all(5)[0].subarray(2).equals(t));
    const found =
      method === "psk"
        ? this.shared(offer, answer, t)
        : method === "dh" || method === "dhhmac"
          ? this.exchanged(method, offer, answer as Read, dh, isFromInitiator)
          : this.enveloped(offer, answer as Read, t);
    this.key = found ?? this.key;
    return this.keys((answer ?? offer).ssrcs);
  }

  private shared(offer: Read, answer: Read | undefined, t: Buffer): Key | undefined {
    const secret = this.envelope.length > 0 ? this.envelope : Buffer.from(this.v.psk ?? "", "hex");
    const keys = transport(secret, offer.csb, this.rand);
    const ids = offer.all(6).map((id) => id.subarray(4));
    this.proofs.push(mac(keys.auth, offer.but(20)).equals(last(offer)));
    if (answer) this.proofs.push(mac(keys.auth, answer.but(20), ids[0], ids[1], t).equals(last(answer)));
    return keyIn(decrypt(offer.all(1)[0], keys, offer.csb, t), 20);
  }

  private exchanged(
    method: string,
    offer: Read,
    answer: Read,
    dh: Private | undefined,
    isFromInitiator: boolean,
  ): Key | undefined {
    if (method === "dh") this.proofs.push(signed(offer, []), signed(answer, []));
    else {
      const { auth } = transport(Buffer.from(this.v.psk ?? "", "hex"), offer.csb, this.rand);
      for (const message of [offer, answer]) this.proofs.push(mac(auth, message.but(20)).equals(last(message)));
    }
    const [payload] = offer.all(3);
    if (!payload) return undefined;
    const end = 2 + dhBytes[payload[1]];
    const [theirs, echoed] = answer.all(3).map((one) => one.subarray(2, end));
    const ours = payload.subarray(2, end);
    const { group = "", initiatorPrivate = "", responderPrivate = "" } = dh ?? {};
    const [mine, yours] = isFromInitiator ? [initiatorPrivate, responderPrivate] : [responderPrivate, initiatorPrivate];
    const tgk = dhSecret(group, mine, theirs);
    this.proofs.push(echoed.equals(ours), dhSecret(group, yours, ours).equals(tgk));
    const isMarked = (payload[end] & 15) === 1;
    return { tgk, ...(isMarked ? { spi: payload.subarray(end + 2, end + 2 + payload[end + 1]) } : {}) };
  }

  private enveloped(offer: Read, answer: Read, t: Buffer): Key | undefined {
    const isReversed = this.v.method === "rsa-r";
    const carrier = isReversed ? answer : offer;
    const key = isReversed ? this.v.certificates?.initiator : this.v.certificates?.responder;
    const [pke] = carrier.all(2);
    this.envelope = envelopeKey(pke, key?.privateKeyPem ?? "");
    const keys = transport(this.envelope, offer.csb, this.rand);
    // Section 5.2: the MAC covers KEMAC with "next payload" zero.
    const kemac = Buffer.from(carrier.all(1)[0]);
    kemac[0] = 0;
    const plain = decrypt(kemac, keys, offer.csb, t);
    const inside = chain(plain, 6, 0)[0].b.subarray(4);
    if (kemac[1] === 1) this.proofs.push(mac(keys.auth, kemac.subarray(0, -20)).equals(kemac.subarray(-20)));
    const ids = offer.all(6).map((id) => id.subarray(4));
    if (isReversed) {
      const answered = answer.all(6)[0].subarray(4);
      this.proofs.push(signed(offer, []), signed(answer, [ids[0], answered, t]), inside.equals(answered));
    } else {
      const [hash] = offer.all(8);
      this.proofs.push(signed(offer, []), inside.toString() === "sip:alice@example.com");
      this.proofs.push(hash[1] === 0 && hash.length === 22);
      this.proofs.push(mac(keys.auth, answer.but(20), inside, ids[0], t).equals(last(answer)));
    }
    return keyIn(plain, 6);
  }

  private keys(ssrcs: readonly number[]): FoundKeys {
    const { tgk, spi } = this.key;
    const [keyBytes, saltBytes] = this.v.suite === "AEAD_AES_256_GCM" ? [32, 12] : [16, 14];
    const derive = (constant: number, i: number, length: number) =>
      prf(tgk, constant, i + 1, this.csb, this.rand, length).toString("hex");
    return {
      tgk: tgk.toString("hex"),
      sessions: ssrcs.map((ssrc, i) => ({
        ssrc,
        tek: derive(0x2ad01c64, i, keyBytes),
        salt: derive(0x39a2c14b, i, saltBytes),
        encryptionKey: derive(0x15798cef, i, 16),
        authenticationKey: derive(0x1b5c7973, i, 20),
        ...(spi ? { mki: spi.toString("hex") } : {}),
      })),
    };
  }
}

const last = (message: Read): Buffer => message.bytes.subarray(message.bytes.length - 20);

/** Reads an exchange again, and the updates behind it. */
export function readAgain(v: VectorInput): SecondReading {
  const reader = new SecondReader(v);
  const first = reader.first();
  const updates = (v.updates ?? []).map((one) => reader.update(one));
  return { ...first, updates, proved: reader.proofs.every(Boolean) };
}
