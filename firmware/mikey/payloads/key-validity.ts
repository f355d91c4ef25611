// Key validity data (RFC 3830 section 6.14): part of the DH payload and of key data.

import type { ByteReader, ByteWriter } from "../bytes.js";
import { requireField } from "../bytes.js";
import { ValidityType } from "../numbers.js";

/** How long a key may be used: no rule, bound to an SPI/MKI, or from one index to another. */
export type KeyValidity =
  | { readonly kind: "none" }
  | { readonly kind: "spi"; readonly spi: Uint8Array }
  | { readonly kind: "interval"; readonly from: Uint8Array; readonly to: Uint8Array };

const typeOf = { none: ValidityType.none, spi: ValidityType.spi, interval: ValidityType.interval } as const;

/** Number of table 6.13.b for a validity. */
export function validityType(validity: KeyValidity): number {
  return typeOf[validity.kind];
}

/** Reads what the type of table 6.13.b announced. */
export function parseValidity(reader: ByteReader, type: number, typeOffset: number): KeyValidity {
  switch (type) {
    case ValidityType.none:
      return { kind: "none" };
    case ValidityType.spi:
      return { kind: "spi", spi: reader.take(reader.u8("SPI length"), "SPI") };
    case ValidityType.interval: {
      const from = reader.take(reader.u8("valid-from length"), "valid-from");
      return { kind: "interval", from, to: reader.take(reader.u8("valid-to length"), "valid-to") };
    }
    default:
      reader.fail("unsupported-key-data", `key validity type ${type} is not known`, typeOffset);
      return { kind: "none" };
  }
}

/** Writes the data; its type was written before. */
export function printValidity(writer: ByteWriter, validity: KeyValidity): void {
  if (validity.kind === "spi") {
    requireField("SPI length", validity.spi.length, 0xff);
    writer.u8(validity.spi.length).put(validity.spi);
  } else if (validity.kind === "interval") {
    requireField("valid-from length", validity.from.length, 0xff);
    requireField("valid-to length", validity.to.length, 0xff);
    writer.u8(validity.from.length).put(validity.from).u8(validity.to.length).put(validity.to);
  }
}
