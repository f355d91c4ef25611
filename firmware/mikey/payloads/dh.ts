// Diffie-Hellman data payload (RFC 3830 section 6.4).

import { dhLengths, PayloadType } from "../numbers.js";
import type { PayloadCodec } from "./codec.js";
import { type KeyValidity, parseValidity, printValidity, validityType } from "./key-validity.js";

/** A public Diffie-Hellman value; its length follows from the group. */
export interface DhPayload {
  readonly kind: "dh";
  /** Table 6.4. */
  readonly group: number;
  readonly value: Uint8Array;
  readonly validity: KeyValidity;
}

export const dhCodec: PayloadCodec<DhPayload> = {
  type: PayloadType.dh,
  kind: "dh",
  parse(reader) {
    const at = reader.offset;
    const group = reader.u8("DH group");
    const length = dhLengths.get(group);
    if (length === undefined) reader.fail("unsupported-dh-group", `DH group ${group} is not known`, at);
    const value = reader.take(length ?? 0, "DH value");
    const typeAt = reader.offset;
    const validity = parseValidity(reader, reader.u8("key validity type") & 15, typeAt);
    return { kind: "dh", group, value, validity };
  },
  print(writer, payload) {
    if (payload.value.length !== dhLengths.get(payload.group))
      throw new RangeError(`DH value of ${payload.value.length} bytes does not fit group ${payload.group}`);
    writer.u8(payload.group).put(payload.value).u8(validityType(payload.validity));
    printValidity(writer, payload.validity);
  },
};
