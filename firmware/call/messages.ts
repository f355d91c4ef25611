// Text messages in and out (RFC 3428). They are neither private nor proved: accounts that make private calls only have none.

import type { SipAddress } from "../sip/contract.js";
import {
  getParam,
  parseContentType,
  parseNameAddr,
  type RequestOutcome,
  type ResponseOptions,
  type SipRequest,
  type UserAgent,
} from "../sip/index.js";
import type { CallAccount } from "./environment.js";
import type { CallEvent } from "./types.js";

/** Longest text sent or taken, UTF-8 bytes: with its header fields it fits a datagram (RFC 3428 section 8). */
export const MAX_MESSAGE_BYTES = 1000;

/** How a message is answered. */
type Answer = ResponseOptions & { readonly status: number };

/** Reads a MESSAGE for `account`. */
export function receiveMessage(
  request: SipRequest,
  account: CallAccount,
): { readonly answer: Answer; readonly event?: CallEvent } {
  const allow = [["Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE"]] as const;
  if (!account.messages) return { answer: { status: 405, headers: allow } };
  if (request.body.length > MAX_MESSAGE_BYTES) return { answer: { status: 413 } };
  const type = parseContentType(request.headers.get("Content-Type") ?? "text/plain");
  const charset = type.ok ? (getParam(type.value.params, "charset") ?? "utf-8").toLowerCase() : "";
  if (!type.ok || !["utf-8", "us-ascii"].includes(charset))
    return { answer: { status: 415, headers: [["Accept", "text/plain;charset=utf-8"]] } };
  const from = parseNameAddr(request.headers.get("From") ?? "");
  const text = Buffer.from(request.body).toString("utf8");
  const { displayName } = from.ok ? from.value : {};
  return {
    answer: { status: 200 },
    event: {
      type: "message",
      account: account.uri,
      from: from.ok ? from.value.uri : "sip:unknown@invalid",
      ...(displayName ? { displayName } : {}),
      text,
    },
  };
}

/**
 * Sends one.
 * @throws Error with a sentence for the user: too long, or the account has none.
 */
export function sendMessage(
  userAgent: UserAgent,
  account: CallAccount,
  uri: string,
  text: string,
  route: { readonly nextHop?: SipAddress; readonly routes: readonly string[] },
): Promise<RequestOutcome> {
  if (!account.messages)
    throw new Error(
      "messages are not private, and this account is for private calls only (accounts[].messages allows them)",
    );
  const content = new TextEncoder().encode(text);
  if (content.length === 0) throw new Error("there is nothing to send");
  if (content.length > MAX_MESSAGE_BYTES)
    throw new Error(`the message is too long: ${content.length} bytes, at most ${MAX_MESSAGE_BYTES}`);
  return new Promise((resolve) =>
    userAgent.request(
      "MESSAGE",
      {
        target: uri,
        from: { uri: account.uri, displayName: account.displayName },
        nextHop: route.nextHop,
        routes: route.routes,
        body: { type: "text/plain;charset=utf-8", content },
      },
      resolve,
    ),
  );
}
