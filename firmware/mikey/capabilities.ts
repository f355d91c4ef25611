// What a phone of ours says of itself in an authenticated Vendor ID extension (RFC 3830 section 6.15), and what is remembered of it.

import { sipIdentity } from "../crypto/sip-identity.js";
import { remembering } from "../runtime/remembering.js";
import type { ParsedMessage } from "./message.js";
import { payloadsOf } from "./message.js";
import { ExtensionType } from "./numbers.js";
import type { ExtensionPayload } from "./payloads/index.js";

/** What the sender of a message can do beyond RFC 3830. */
export interface Capabilities {
  /** Signature types it verifies (table 6.5 and ours). */
  readonly signatures: readonly number[];
  /** It offered several SRTP policies in the order of its preference and lets the answer's CS ID map name another of them. */
  readonly choosesPolicy: boolean;
  /** Data types of all offers that stand beside this one in a description, most wanted first; empty: it stands alone. */
  readonly offers: readonly number[];
  /**
   * It keeps the certificates of peers and takes them named by their fingerprint: the mark ({@link chainMark}) of the receiver's that it has, 0 when it
   * has none yet. Undefined: it takes none.
   */
  readonly certificate: number | undefined;
}

const encoder = new TextEncoder();
const none: Capabilities = { signatures: [], choosesPolicy: false, offers: [], certificate: undefined };
const shape = /^sotto\/1((?:;[a-z]+=[0-9,]{1,64}){0,8})$/;

/** The extension that says it: ASCII, `sotto/1;s=13,14,15;p=1;o=4,7,0;c=0`. Undefined when there is nothing to say. */
export function announce(capabilities: Partial<Capabilities>): ExtensionPayload | undefined {
  const { signatures = [], choosesPolicy = false, offers = [], certificate } = capabilities;
  const fields = [
    ...(signatures.length > 0 ? [`s=${signatures.join(",")}`] : []),
    ...(choosesPolicy ? ["p=1"] : []),
    ...(offers.length > 0 ? [`o=${offers.join(",")}`] : []),
    ...(certificate === undefined ? [] : [`c=${certificate}`]),
  ];
  if (fields.length === 0) return undefined;
  return vendorId(["sotto/1", ...fields].join(";"));
}

const vendorId = remembering(
  (text): ExtensionPayload => ({ kind: "extension", type: ExtensionType.vendorId, data: encoder.encode(text) }),
);

/** Reads it; other vendors' extensions say nothing to us. Believe it only of an authentic message. */
export function announced(message: Pick<ParsedMessage, "payloads">): Capabilities {
  for (const { type, data } of payloadsOf(message, "extension")) {
    if (type !== ExtensionType.vendorId || data.length > MAX_BYTES) continue;
    const said = read(Buffer.from(data.buffer, data.byteOffset, data.length).toString("latin1"));
    if (said) return said;
  }
  return none;
}

/** `sotto/1` and eight fields. */
const MAX_BYTES = 1024;

/** Phones that call each other say the same each time. */
const read = remembering((text): Capabilities | undefined => {
  const found = shape.exec(text);
  if (!found) return undefined;
  const fields = new Map(found[1].split(";").map((field) => field.split("=") as [string, string]));
  const numbers = (name: string) => (fields.get(name) ?? "").split(",").filter(Boolean).map(Number);
  return {
    signatures: numbers("s").filter((one) => one <= 15),
    choosesPolicy: fields.get("p") === "1",
    offers: numbers("o"),
    certificate: numbers("c").find((one) => one <= 0xffffffff),
  };
});

/** What is remembered of a peer. */
interface Remembered {
  readonly said: Capabilities;
  /** Mark of its certificates that we have, 0: none. */
  readonly mark: number;
}

/** Remembers what peers said of themselves; the oldest is forgotten when there are too many. */
export class PeerMemory {
  private readonly known = new Map<string, Remembered>();

  constructor(private readonly capacity = 256) {}

  get(uri: string): Capabilities {
    return this.known.get(sipIdentity(uri) ?? uri)?.said ?? none;
  }
  /** The mark of the certificates by which a peer proved who it is last; 0: there are none. */
  markOf(uri: string): number {
    return this.known.get(sipIdentity(uri) ?? uri)?.mark ?? 0;
  }
  /** Call it with what an authentic message said, and the mark of the certificates that proved it. */
  learn(uri: string, said: Capabilities, mark = 0): void {
    const key = sipIdentity(uri) ?? uri;
    this.known.delete(key);
    if (this.known.size >= this.capacity) {
      const oldest = this.known.keys().next();
      if (!oldest.done) this.known.delete(oldest.value);
    }
    this.known.set(key, { said, mark });
  }
  /** Everybody is a stranger again. */
  clear(): void {
    this.known.clear();
  }
  /** A peer has our certificates no more. What else it said holds: a refusal, which anybody can write, must not lead to weaker signatures. */
  forgetCertificate(uri: string): void {
    const key = sipIdentity(uri) ?? uri;
    const known = this.known.get(key);
    if (known) this.known.set(key, { said: { ...known.said, certificate: undefined }, mark: known.mark });
  }
}
