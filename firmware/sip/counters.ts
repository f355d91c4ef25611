// What was received, sent, refused and dropped, by reason. The set of reasons is fixed, so the table cannot grow.

import type { SipCounters } from "./contract.js";

const reasons = [
  "requests-received", // new requests, retransmissions included
  "responses-received",
  "messages-sent",
  "send-failed", // the socket refused
  "sent-over-mtu", // larger than RFC 3261 section 18.1.1 wants on UDP
  "keep-alive", // CRLF, NUL or spaces only
  "rate-dropped", // more messages from one source, or in all, than the limits allow
  "rate-refused", // more new requests than that: answered 503
  "connections-refused", // too many connections
  "connections-slow", // closed: a message did not come whole, or a handshake did not end, in time
  "connections-unread", // closed: the other end does not take what we send
  "framing-lost", // closed: no end of a message can be found in the stream
  "tls-refused", // a handshake failed or the other end is not who it must be
  "failed-over", // a request went on to the next server
  "not-sip", // first byte cannot begin a SIP message (STUN, RTP, noise)
  "malformed-dropped", // no answer possible or safe
  "malformed-answered", // 400 or 505
  "oversize-dropped",
  "response-not-ours", // Via sent-by is not this transport's (section 18.1.2)
  "stray-response", // no transaction
  "stray-ack", // no transaction, no dialog
  "retransmissions-received",
  "transactions-full", // answered 503
  "dialogs-full", // answered 503
  "merged", // answered 482
  "no-dialog", // answered 481
  "out-of-order", // answered 500
  "glare", // 491 sent or received
  "refused", // answered 404, 405, 415, 416, 420, 501 by the core itself
  "forked-2xx", // acknowledged and ended
  "ack-timeout", // our 2xx was never acknowledged
  "transaction-timeout",
  "challenges", // 401 and 407 received
  "server-proof-wrong", // Authentication-Info of a server that does not know our password
  "session-expired", // nobody refreshed it (RFC 4028)
  "redirected", // 3xx followed
] as const;

/** A reason something is counted under. */
export type CounterName = (typeof reasons)[number];

/** The counters of one user agent. */
export class Counters {
  private readonly values = new Map<CounterName, number>(reasons.map((name) => [name, 0]));

  add(name: CounterName): void {
    this.values.set(name, this.values.get(name)! + 1);
  }
  /** A copy: every reason with its count. */
  read(): SipCounters {
    return Object.fromEntries(this.values);
  }
}
