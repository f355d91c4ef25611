// Random identifiers: tags, branches, Call-IDs, sequence numbers, drawn from the bytes the owner supplies (RFC 3261 sections 8.1.1, 19.3).

import { createHmac } from "node:crypto";
import { MAGIC_COOKIE, type SipRequest } from "../grammar/index.js";

/** Gives that many unpredictable bytes. */
export type RandomBytes = (count: number) => Uint8Array;

export class Ids {
  private readonly key: Uint8Array;

  constructor(private readonly random: RandomBytes) {
    this.key = random(20);
  }
  /** 80 random bits (at least 32 are asked for, section 19.3). */
  tag(): string {
    return this.hex(10);
  }
  branch(): string {
    return MAGIC_COOKIE + this.hex(14);
  }
  /** Without a host part: an address would tell where the phone is. */
  callId(): string {
    return this.hex(16);
  }
  /** First CSeq number of a dialog: room for two thousand million more (section 8.1.1.5). */
  firstSeq(): number {
    const bytes = this.random(2);
    return 1 + bytes[0] * 256 + bytes[1];
  }
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    const bytes = this.random(4);
    const value = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
    return low + (value % (high - low + 1));
  }
  /** The same tag for every copy of a request, unpredictable to others (section 8.2.7). */
  statelessTag(request: SipRequest): string {
    const mac = createHmac("sha1", this.key);
    for (const name of ["Call-ID", "From", "CSeq"]) mac.update(`${request.headers.get(name) ?? ""}\n`);
    return mac.digest("hex").slice(0, 20);
  }
  private hex(bytes: number): string {
    return Buffer.from(this.random(bytes)).toString("hex");
  }
}
