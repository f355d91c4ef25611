// A second reading of RFCs 3830, 4650 and 4738 for the vectors: node:crypto and big integers, and not a line of firmware/.

import {
  constants,
  createDecipheriv,
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

function lengthOf(type: number, b: Buffer): number {
  const afterKemac = () => 4 + b.readUInt16BE(2);
  switch (type) {
    case 1:
      return afterKemac() + 1 + (b[afterKemac()] === 1 ? 20 : 0);
    case 2:
      return 3 + (b.readUInt16BE(1) & 0x3fff);
    case 3:
      return 2 + dhBytes[b[1]] + 1;
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
    case 20:
      return 4 + b.readUInt16BE(2) + ((b[1] >> 4) & 1 ? 2 + b.readUInt16BE(4 + b.readUInt16BE(2)) : 0);
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
  const names: Record<string, string> = { oakley5: "modp5", modp2048: "modp14", modp3072: "modp15" };
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
  const hash = type === 0 ? "sha1" : type === 13 ? "sha256" : null;
  return verify(hash, data, key, sign.subarray(2));
}

/** Opens an RSA envelope: PKCS#1 v1.5 block 00 02 PS 00 key. */
function envelopeKey(pke: Buffer, privatePem: string): Buffer {
  const block = privateDecrypt({ key: privatePem, padding: constants.RSA_NO_PADDING }, pke.subarray(3));
  if (block[0] !== 0 || block[1] !== 2) throw new Error("padding");
  return block.subarray(block.indexOf(0, 2) + 1);
}

/** What a vector gives to start from. */
export interface VectorInput {
  readonly method: string;
  readonly offer: string;
  readonly answer: string;
  readonly psk?: string;
  readonly suite: string;
  readonly dh?: { readonly group: string; readonly initiatorPrivate: string; readonly responderPrivate: string };
  readonly certificates?: {
    readonly initiator: { readonly privateKeyPem: string };
    readonly responder: { readonly privateKeyPem: string };
  };
}

/** What the second reading found. */
export interface SecondReading {
  /** Every MAC and signature fits. */
  readonly proved: boolean;
  readonly tgk: string;
  readonly sessions: { ssrc: number; tek: string; salt: string; encryptionKey: string; authenticationKey: string }[];
}

/** Reads an exchange again. */
export function readAgain(v: VectorInput): SecondReading {
  const offer = new Read(Buffer.from(v.offer, "hex"));
  const answer = new Read(Buffer.from(v.answer, "hex"));
  const rand = (offer.all(11)[0] ?? answer.all(11)[0]).subarray(2);
  const t = offer.all(5)[0].subarray(2);
  const ids = offer.all(6).map((id) => id.subarray(4));
  const { csb } = offer;
  const proofs: boolean[] = [answer.all(5)[0].subarray(2).equals(t)];
  let tgk: Buffer;
  const last = (message: Read) => message.bytes.subarray(message.bytes.length - 20);
  const keyIn = (plain: Buffer, first: number) => {
    const keys = chain(plain, first, 0).filter((one) => one.type === 20);
    return keys[0].b.subarray(4, 4 + keys[0].b.readUInt16BE(2));
  };
  if (v.method === "psk") {
    const keys = transport(Buffer.from(v.psk ?? "", "hex"), csb, rand);
    proofs.push(mac(keys.auth, offer.but(20)).equals(last(offer)));
    proofs.push(mac(keys.auth, answer.but(20), ids[0], ids[1], t).equals(last(answer)));
    tgk = keyIn(decrypt(offer.all(1)[0], keys, csb, t), 20);
  } else if (v.method === "dh" || v.method === "dhhmac") {
    const [theirs, echoed] = answer.all(3).map((dh) => dh.subarray(2, dh.length - 1));
    const ours = offer.all(3)[0].subarray(2, offer.all(3)[0].length - 1);
    const { group = "", initiatorPrivate = "", responderPrivate = "" } = v.dh ?? {};
    tgk = dhSecret(group, initiatorPrivate, theirs);
    proofs.push(echoed.equals(ours), dhSecret(group, responderPrivate, ours).equals(tgk));
    if (v.method === "dh") proofs.push(signed(offer, []), signed(answer, []));
    else {
      const { auth } = transport(Buffer.from(v.psk ?? "", "hex"), csb, rand);
      for (const message of [offer, answer]) proofs.push(mac(auth, message.but(20)).equals(last(message)));
    }
  } else {
    const isReversed = v.method === "rsa-r";
    const carrier = isReversed ? answer : offer;
    const key = isReversed ? v.certificates?.initiator : v.certificates?.responder;
    const keys = transport(envelopeKey(carrier.all(2)[0], key?.privateKeyPem ?? ""), csb, rand);
    const kemac = Buffer.from(carrier.all(1)[0]);
    kemac[0] = 0;
    const plain = decrypt(kemac, keys, csb, t);
    const inside = chain(plain, 6, 0)[0].b.subarray(4);
    if (kemac[1] === 1)
      proofs.push(mac(keys.auth, kemac.subarray(0, kemac.length - 20)).equals(kemac.subarray(kemac.length - 20)));
    tgk = keyIn(plain, 6);
    if (isReversed) {
      const answered = answer.all(6)[0].subarray(4);
      proofs.push(signed(offer, []), signed(answer, [ids[0], answered, t]), inside.equals(answered));
    } else {
      const [hash] = offer.all(8);
      proofs.push(
        signed(offer, []),
        inside.toString() === "sip:alice@example.com",
        hash[1] === 0 && hash.length === 22,
      );
      proofs.push(mac(keys.auth, answer.but(20), inside, ids[0], t).equals(last(answer)));
    }
  }
  const [keyBytes, saltBytes] = v.suite === "AEAD_AES_256_GCM" ? [32, 12] : [16, 14];
  const derive = (constant: number, i: number, length: number) =>
    prf(tgk, constant, i + 1, csb, rand, length).toString("hex");
  return {
    proved: proofs.every(Boolean),
    tgk: tgk.toString("hex"),
    sessions: answer.ssrcs.map((ssrc, i) => ({
      ssrc,
      tek: derive(0x2ad01c64, i, keyBytes),
      salt: derive(0x39a2c14b, i, saltBytes),
      encryptionKey: derive(0x15798cef, i, 16),
      authenticationKey: derive(0x1b5c7973, i, 20),
    })),
  };
}
