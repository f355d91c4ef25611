// An independent reading of RFC 3830 for tests, made from node:crypto and the RFC's text alone: it shares no line with firmware/mikey.
// It reads messages, agrees on keys as the holder of a shared key, and answers a signed Diffie-Hellman offer.

import {
  createCipheriv,
  createDiffieHellmanGroup,
  createHmac,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";

/** Payload numbers, table 6.1.b. */
const Next = { last: 0, kemac: 1, dh: 3, sign: 4, t: 5, id: 6, cert: 7, v: 9, sp: 10, rand: 11, ext: 21 } as const;

/** One payload: its number and its bytes, the leading "next payload" included where it has one. */
interface Piece {
  readonly type: number;
  readonly bytes: Buffer;
}

/** A message taken apart. */
export interface WitnessedMessage {
  readonly bytes: Buffer;
  readonly dataType: number;
  readonly csbId: Buffer;
  /** The CS ID map, SSRC of session 1 first. */
  readonly sessions: readonly { readonly policy: number; readonly ssrc: number; readonly roc: number }[];
  readonly pieces: readonly Piece[];
}

/** SRTP master key and salt of one crypto session. */
export interface WitnessedKeys {
  readonly key: Buffer;
  readonly salt: Buffer;
}

/** Length of a payload that begins at `at`. */
function pieceLength(type: number, b: Buffer, at: number): number {
  switch (type) {
    case Next.kemac: {
      const data = b.readUInt16BE(at + 2);
      return 4 + data + 1 + (b[at + 4 + data] === 1 ? 20 : 0);
    }
    case Next.dh:
      // OAKLEY 5 without key validity is all our handsets offer.
      return 2 + 192 + 1;
    case Next.sign:
      return 2 + (b.readUInt16BE(at) & 0xfff);
    case Next.t:
      return 2 + (b[at + 1] === 2 ? 4 : 8);
    case Next.id:
    case Next.cert:
    case Next.ext:
      return 4 + b.readUInt16BE(at + 2);
    case Next.v:
      return 2 + (b[at + 1] === 1 ? 20 : 0);
    case Next.sp:
      return 5 + b.readUInt16BE(at + 3);
    case Next.rand:
      return 2 + b[at + 1];
    default:
      throw new Error(`witness: payload ${type} is not expected here`);
  }
}

/** Takes a message apart. @throws Error when it is not as section 6 says. */
export function witness(message: Uint8Array): WitnessedMessage {
  const bytes = Buffer.from(message);
  if (bytes[0] !== 1 || bytes[9] !== 0) throw new Error("witness: version 1 with an SRTP-ID map expected");
  const count = bytes[8];
  const sessions = Array.from({ length: count }, (_, i) => ({
    policy: bytes[10 + 9 * i],
    ssrc: bytes.readUInt32BE(11 + 9 * i),
    roc: bytes.readUInt32BE(15 + 9 * i),
  }));
  const pieces: Piece[] = [];
  let at = 10 + 9 * count;
  for (let type = bytes[2]; type !== Next.last; ) {
    const piece = bytes.subarray(at, at + pieceLength(type, bytes, at));
    pieces.push({ type, bytes: piece });
    at += piece.length;
    type = type === Next.sign ? Next.last : piece[0];
  }
  if (at !== bytes.length) throw new Error(`witness: ${bytes.length - at} bytes after the last payload`);
  return { bytes, dataType: bytes[1], csbId: bytes.subarray(4, 8), sessions, pieces };
}

function all(message: WitnessedMessage, type: number): Buffer[] {
  return message.pieces.filter((piece) => piece.type === type).map((piece) => piece.bytes);
}

function the(message: WitnessedMessage, type: number): Buffer {
  const found = all(message, type);
  if (found.length !== 1) throw new Error(`witness: ${found.length} payloads ${type}, one expected`);
  return found[0];
}

const hmac = (key: Buffer, ...data: Buffer[]): Buffer =>
  data.reduce((mac, one) => mac.update(one), createHmac("sha1", key)).digest();

/** The PRF of section 4.1.2. */
function prf(inkey: Buffer, label: Buffer, length: number): Buffer {
  const out = Buffer.alloc(Math.ceil(length / 20) * 20);
  for (let at = 0; at < inkey.length; at += 32) {
    const s = inkey.subarray(at, at + 32);
    let a = label;
    for (let i = 0; i < out.length; i += 20) {
      a = hmac(s, a);
      hmac(s, a, label).forEach((byte, k) => {
        out[i + k] ^= byte;
      });
    }
  }
  return out.subarray(0, length);
}

const constant = (number: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
};

/** Key and salt of crypto session `csId`, counted from 1 (section 4.1.3). */
export function sessionKeys(offer: WitnessedMessage, tgk: Buffer, csId: number): WitnessedKeys {
  const rand = the(offer, Next.rand).subarray(2);
  const derive = (number: number, length: number) =>
    prf(tgk, Buffer.concat([constant(number), Buffer.of(csId), offer.csbId, rand]), length);
  return { key: derive(0x2ad01c64, 16), salt: derive(0x39a2c14b, 14) };
}

/**
 * What a shared key opens: checks both messages' MACs and decrypts the TGK.
 * @param first the offer that began the bundle, where this one updates it: updates bring no RAND (section 4.5).
 * @throws Error when anything is wrong.
 */
export function openPreShared(offer: WitnessedMessage, answer: WitnessedMessage, psk: Buffer, first = offer): Buffer {
  if (offer.dataType !== 0 || answer.dataType !== 1) throw new Error("witness: not a pre-shared key exchange");
  if (first !== offer && all(offer, Next.rand).length > 0) throw new Error("witness: an update with a RAND");
  if (!offer.csbId.equals(first.csbId)) throw new Error("witness: an update of another bundle");
  const rand = the(first, Next.rand).subarray(2);
  const derive = (number: number, length: number) =>
    prf(psk, Buffer.concat([constant(number), Buffer.of(0xff), offer.csbId, rand]), length);
  const auth = derive(0x2d22ac75, 20);
  const kemac = the(offer, Next.kemac);
  if (kemac[1] !== 1 || kemac[kemac.length - 21] !== 1) throw new Error("witness: AES-CM-128 and HMAC-SHA-1 expected");
  if (!hmac(auth, offer.bytes.subarray(0, -20)).equals(kemac.subarray(-20)))
    throw new Error("witness: the offer's MAC is wrong");
  const time = the(offer, Next.t).subarray(2);
  if (!the(answer, Next.t).subarray(2).equals(time)) throw new Error("witness: the answer has another timestamp");
  const names = all(offer, Next.id).map((id) => id.subarray(4));
  const verification = hmac(auth, answer.bytes.subarray(0, -20), ...names, time);
  if (!verification.equals(the(answer, Next.v).subarray(-20))) throw new Error("witness: the answer's MAC is wrong");

  const iv = Buffer.alloc(16);
  derive(0x29b88916, 14).copy(iv);
  for (let i = 0; i < 4; i++) iv[2 + i] ^= offer.csbId[i];
  for (let i = 0; i < 8; i++) iv[6 + i] ^= time[i];
  const cipher = createCipheriv("aes-128-ctr", derive(0x150533e1, 16), iv);
  const data = cipher.update(kemac.subarray(4, kemac.length - 21));
  if (data[1] !== 0) throw new Error("witness: one TGK without salt and validity expected");
  return data.subarray(4, 4 + data.readUInt16BE(2));
}

/** Certificate of whoever signed a message, after its signature was verified with it. @throws Error when it is wrong. */
export function signer(message: WitnessedMessage): X509Certificate {
  const certificate = new X509Certificate(all(message, Next.cert)[0].subarray(4));
  const sign = the(message, Next.sign);
  const signature = sign.subarray(2);
  const signed = message.bytes.subarray(0, message.bytes.length - signature.length);
  // RFC 3830 table 6.5: RSA PKCS#1 v1.5 with SHA-1 is 0; 13 is the private number of the same with SHA-256 (firmware/mikey/README.md).
  const hash = { 0: "sha1", 13: "sha256" }[sign[0] >> 4];
  if (!hash) throw new Error(`witness: signature type ${sign[0] >> 4} is not known here`);
  if (!verify(hash, signed, certificate.publicKey, signature)) throw new Error("witness: the signature is wrong");
  return certificate;
}

/** Joins payloads into a message: each one's first byte, and the header's third, name what follows. */
function join(header: Buffer, pieces: readonly Piece[]): Buffer {
  const next = (i: number) => pieces[i]?.type ?? Next.last;
  const out = [Buffer.from(header), ...pieces.map((piece) => Buffer.from(piece.bytes))];
  out[0][2] = next(0);
  pieces.forEach((piece, i) => {
    if (piece.type !== Next.sign) out[i + 1][0] = next(i + 1);
  });
  return Buffer.concat(out);
}

/** A responder's means to answer. */
export interface WitnessIdentity {
  readonly uri: string;
  readonly certificate: Uint8Array;
  readonly privateKey: KeyObject;
  /** SSRC of the stream it will send. */
  readonly ssrc: number;
}

/** Answers a signed Diffie-Hellman offer (section 3.3). @returns the answer and the TGK. */
export function answerDiffieHellman(
  offer: WitnessedMessage,
  identity: WitnessIdentity,
): { readonly answer: Buffer; readonly tgk: Buffer } {
  if (offer.dataType !== 4) throw new Error("witness: not a Diffie-Hellman offer");
  // IDi comes back in the answer; an offer that brings the initiator's certificate instead has its URI there.
  const initiator = (signer(offer).subjectAltName ?? "").replace(/^URI:/, "");
  const theirs = the(offer, Next.dh);
  // modp5 of RFC 3526 is OAKLEY group 5 of RFC 2409's family: 1536 bits.
  const group = createDiffieHellmanGroup("modp5");
  const padded = (value: Buffer) => Buffer.concat([Buffer.alloc(192 - value.length), value]);
  const ours = padded(group.generateKeys());
  const tgk = padded(group.computeSecret(theirs.subarray(2, 194)));

  const header = Buffer.from(offer.bytes.subarray(0, 10 + 9 * offer.sessions.length));
  header[1] = 5;
  header[3] = 0;
  header.writeUInt32BE(identity.ssrc, 11 + 9);
  const counted = (type: number, data: Uint8Array) => {
    const head = Buffer.alloc(4);
    head[1] = type;
    head.writeUInt16BE(data.length, 2);
    return Buffer.concat([head, data]);
  };
  const size = (identity.privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const unsigned = join(header, [
    { type: Next.t, bytes: the(offer, Next.t) },
    { type: Next.id, bytes: counted(1, Buffer.from(identity.uri)) },
    { type: Next.cert, bytes: counted(2, identity.certificate) },
    { type: Next.id, bytes: counted(1, Buffer.from(initiator)) },
    { type: Next.dh, bytes: Buffer.concat([Buffer.of(0, 0), ours, Buffer.of(0)]) },
    { type: Next.dh, bytes: theirs },
    { type: Next.sign, bytes: Buffer.of(size >> 8, size & 0xff) },
  ]);
  return { answer: Buffer.concat([unsigned, sign("sha1", unsigned, identity.privateKey)]), tgk };
}

/** The MIKEY message of a session description. @throws Error when it has none. */
export function mikeyOf(sdp: string): Buffer {
  const found = /^a=key-mgmt:mikey ([A-Za-z0-9+/=]+)\r?$/m.exec(sdp);
  if (!found) throw new Error("witness: no a=key-mgmt:mikey");
  return Buffer.from(found[1], "base64");
}
