// What proves a message's origin: signature SIGN (RFC 3830 section 6.5) and verification message V (6.9).

import { requireField } from "../bytes.js";
import { macLengths, PayloadType } from "../numbers.js";
import type { PayloadCodec } from "./codec.js";

/** The signature over everything before it; always the last payload. */
export interface SignPayload {
  readonly kind: "sign";
  /** Table 6.5, 4 bits. */
  readonly type: number;
  /** At most 4095 bytes. */
  readonly signature: Uint8Array;
}

export const signCodec: PayloadCodec<SignPayload> = {
  type: PayloadType.sign,
  kind: "sign",
  ends: true,
  parse(reader) {
    const word = reader.u16("signature length");
    return { kind: "sign", type: word >>> 12, signature: reader.take(word & 0xfff, "signature") };
  },
  print(writer, payload) {
    requireField("signature type", payload.type, 15);
    requireField("signature length", payload.signature.length, 0xfff);
    writer.u16((payload.type << 12) | payload.signature.length).put(payload.signature);
  },
};

/** The responder's MAC. */
export interface VerificationPayload {
  readonly kind: "verification";
  /** Table 6.2.b; it fixes the length of `mac`. */
  readonly macAlgorithm: number;
  readonly mac: Uint8Array;
}

export const verificationCodec: PayloadCodec<VerificationPayload> = {
  type: PayloadType.verification,
  kind: "verification",
  parse(reader) {
    const at = reader.offset;
    const macAlgorithm = reader.u8("MAC algorithm");
    const length = macLengths.get(macAlgorithm);
    if (length === undefined) reader.fail("unsupported-mac", `MAC algorithm ${macAlgorithm} is not known`, at);
    return { kind: "verification", macAlgorithm, mac: reader.take(length ?? 0, "verification data") };
  },
  print(writer, payload) {
    if (payload.mac.length !== macLengths.get(payload.macAlgorithm))
      throw new RangeError(`MAC of ${payload.mac.length} bytes does not fit MAC algorithm ${payload.macAlgorithm}`);
    writer.u8(payload.macAlgorithm).put(payload.mac);
  },
};
