// Directions of a stream (RFC 3264 sections 5.1, 6.1 and 8.4): who sends, who receives, and what hold makes of it.

/** Direction of a stream as its speaker sees it. */
export type MediaDirection = "sendrecv" | "sendonly" | "recvonly" | "inactive";

/** True when the word is a direction attribute. */
export function isDirection(name: string): name is MediaDirection {
  return name === "sendrecv" || name === "sendonly" || name === "recvonly" || name === "inactive";
}

/** True when a stream of this direction is sent by its speaker. */
export function sends(direction: MediaDirection): boolean {
  return direction === "sendrecv" || direction === "sendonly";
}

/** True when a stream of this direction is received by its speaker. */
export function receives(direction: MediaDirection): boolean {
  return direction === "sendrecv" || direction === "recvonly";
}

/** The direction with these two halves. */
export function directionOf(send: boolean, receive: boolean): MediaDirection {
  return send ? (receive ? "sendrecv" : "sendonly") : receive ? "recvonly" : "inactive";
}

/** The same stream seen from the other end. */
export function mirror(direction: MediaDirection): MediaDirection {
  return directionOf(receives(direction), sends(direction));
}

/** What both directions allow. */
export function meet(a: MediaDirection, b: MediaDirection): MediaDirection {
  return directionOf(sends(a) && sends(b), receives(a) && receives(b));
}

/**
 * The answer's direction: as much of `wish` as the offer leaves (RFC 3264 section 6.1: sendonly is answered recvonly or
 * inactive, recvonly by sendonly or inactive, inactive by inactive).
 *
 * @param offered the offerer's direction, as {@link directionOfMedia} reads it
 */
export function answerDirection(offered: MediaDirection, wish: MediaDirection = "sendrecv"): MediaDirection {
  return meet(mirror(offered), wish);
}

/**
 * What to offer in order to hold: we stop receiving, and go on sending if we did (RFC 3264 section 8.4: sendrecv becomes
 * sendonly, recvonly becomes inactive).
 */
export function hold(direction: MediaDirection): MediaDirection {
  return meet(direction, "sendonly");
}
