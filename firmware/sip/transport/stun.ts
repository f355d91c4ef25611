// The little of STUN that keeps a UDP flow alive: Binding request and its success response (RFC 5389 sections 6, 15; RFC 5626 section 4.4.2).

const MAGIC = 0x2112a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
/** Attributes below this must be understood (section 15). */
const OPTIONAL = 0x8000;
/** Those of RFC 5389, and those of RFC 3489 that it reserves: old servers still send them. */
const KNOWN = new Set([...Array.from({ length: 11 }, (_, i) => i + 1), 0x0014, 0x0015, 0x0020]);
const MAPPED_ADDRESS = 0x0001;
const XOR_MAPPED_ADDRESS = 0x0020;

/** Whether a datagram on a SIP port is STUN: two zero bits and the magic cookie in front. */
export function isStun(bytes: Uint8Array): boolean {
  return bytes.length >= 20 && (bytes[0] & 0xc0) === 0 && view(bytes).getUint32(4) === MAGIC;
}

/** A Binding request without attributes. @param transactionId 12 unpredictable bytes. */
export function stunBindingRequest(transactionId: Uint8Array): Uint8Array {
  if (transactionId.length !== 12) throw new RangeError(`transactionId must be 12 bytes, got ${transactionId.length}`);
  const bytes = new Uint8Array(20);
  const out = view(bytes);
  out.setUint16(0, BINDING_REQUEST);
  out.setUint32(4, MAGIC);
  bytes.set(transactionId, 8);
  return bytes;
}

/** Whether it is the error response to the request with that transaction ID: the other end refuses it. */
export function isBindingError(bytes: Uint8Array, transactionId: Uint8Array): boolean {
  return answers(bytes, BINDING_ERROR, transactionId);
}

function answers(bytes: Uint8Array, type: number, transactionId: Uint8Array): boolean {
  if (!isStun(bytes)) return false;
  const data = view(bytes);
  if (data.getUint16(0) !== type || data.getUint16(2) !== bytes.length - 20) return false;
  for (let i = 0; i < 12; i++) if (bytes[8 + i] !== transactionId[i]) return false;
  return true;
}

/** Our address (`host:port`) from the success response to the request with that transaction ID; undefined when it is none. */
export function readBindingResponse(bytes: Uint8Array, transactionId: Uint8Array): string | undefined {
  if (!answers(bytes, BINDING_SUCCESS, transactionId)) return undefined;
  const data = view(bytes);
  let plain: string | undefined;
  let xored: string | undefined;
  for (let at = 20; at + 4 <= bytes.length; ) {
    const type = data.getUint16(at);
    const length = data.getUint16(at + 2);
    if (at + 4 + length > bytes.length) return undefined;
    const value = bytes.subarray(at + 4, at + 4 + length);
    // A success response with an attribute that has to be understood and is not counts as none (section 7.3.3).
    if (type < OPTIONAL && !KNOWN.has(type)) return undefined;
    if (type === XOR_MAPPED_ADDRESS) xored ??= address(value, bytes.subarray(4, 20));
    if (type === MAPPED_ADDRESS) plain ??= address(value, undefined);
    at += 4 + ((length + 3) & ~3);
  }
  return xored ?? plain;
}

/** @param mask cookie and transaction ID where the value is XORed with them. */
function address(value: Uint8Array, mask: Uint8Array | undefined): string | undefined {
  const v6 = value[1] === 2;
  if (value.length !== (v6 ? 20 : 8) || (!v6 && value[1] !== 1)) return undefined;
  const bytes = value.slice(2);
  if (mask) {
    bytes[0] ^= mask[0];
    bytes[1] ^= mask[1];
    for (let i = 2; i < bytes.length; i++) bytes[i] ^= mask[i - 2];
  }
  const port = (bytes[0] << 8) | bytes[1];
  if (!v6) return `${bytes.subarray(2).join(".")}:${port}`;
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 + 2 * i] << 8) | bytes[3 + 2 * i]).toString(16));
  return `[${groups.join(":")}]:${port}`;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
