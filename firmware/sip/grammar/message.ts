// A SIP message as data: start line, header fields in order, body (RFC 3261 section 7).

/** Header fields in order. Names are compared without case and in their long form; values are kept as written, unfolded. */
export interface SipHeaders {
  /** First value of the field, undefined where there is none. */
  get(name: string): string | undefined;
  /** All values; a comma-separated field that allows it is split. */
  all(name: string): readonly string[];
  has(name: string): boolean;
  /** Every field as received, in order. */
  entries(): readonly (readonly [name: string, value: string])[];
}

export interface SipRequest {
  readonly kind: "request";
  readonly method: string;
  readonly uri: string;
  readonly headers: SipHeaders;
  readonly body: Uint8Array;
}

export interface SipResponse {
  readonly kind: "response";
  readonly status: number;
  readonly reason: string;
  readonly headers: SipHeaders;
  readonly body: Uint8Array;
}

export type SipMessage = SipRequest | SipResponse;
