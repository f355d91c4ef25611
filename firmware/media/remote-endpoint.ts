// Where a stream's packets go and from where it takes them: symmetric RTP (RFC 4961) without letting strangers take a call over.

import { isIP, isIPv4, SocketAddress } from "node:net";

/** An address the source has to be silent for before another one may take its place, ms. */
const QUIET_MS = 500;
/** Takeovers of a clear stream between two words of signalling. */
const MAX_TAKEOVERS = 5;

/** Spells a numeric address as the sockets of `family` report it; undefined for a host name or another family. */
export function normaliseAddress(address: string, family: 4 | 6): string | undefined {
  switch (isIP(address)) {
    case 4:
      return family === 4 ? address : "::ffff:" + address;
    case 6: {
      if (family === 4) return undefined;
      const spelled = new SocketAddress({ address: address.replace(/%.*$/, ""), family: "ipv6" }).address;
      return spelled + (/%.*$/.exec(address)?.[0] ?? "");
    }
    default:
      return undefined;
  }
}

/** True for 0.0.0.0 and ::, the "do not send" of RFC 2543 style hold (RFC 3264 section 8.4). */
export function isUnspecified(address: string): boolean {
  return address === "0.0.0.0" || address === "::" || address === "::ffff:0.0.0.0";
}

/**
 * The far end of one socket. It starts as signalling told it; packets move it:
 *
 * - authenticated (SRTP): any good packet is taken; the address follows it once the old one has been quiet for half a second, so that a
 *   copy of a packet sent from elsewhere does not turn the voice away;
 * - clear: one source is listened to at a time. The signalled one wins at once and is kept; another one is let in when nobody has spoken
 *   yet or the one before has been quiet, and only a few times.
 */
export class RemoteEndpoint {
  /** Where to send; empty while unknown. */
  address = "";
  port = 0;
  private signalledAddress = "";
  private signalledPort = -1;
  /** False until a packet was taken. */
  private heard = false;
  private heardAtMs = 0;
  private takeovers = 0;
  private held = false;

  /**
   * What signalling says, with a numeric address spelled by {@link normaliseAddress} (empty: not known). The same words again change
   * nothing: behind a NAT they stay wrong, while the address learnt from packets is right.
   * @returns whether they are new.
   */
  signal(address: string, port: number): boolean {
    if (address === this.signalledAddress && port === this.signalledPort) return false;
    this.signalledAddress = address;
    this.signalledPort = port;
    this.held = isUnspecified(address) || port === 0;
    this.address = address;
    this.port = port;
    this.heard = false;
    this.takeovers = 0;
    return true;
  }

  /** False: nowhere to send to. */
  get reachable(): boolean {
    return !this.held && this.address !== "";
  }

  /**
   * A packet that passed every other check came from `address`:`port`.
   * @param authenticated its tag was right.
   * @returns whether the stream may use it; the far end may have moved there.
   */
  take(address: string, port: number, authenticated: boolean, nowMs: number): boolean {
    if (port === this.port && address === this.address) {
      this.heard = true;
      this.heardAtMs = nowMs;
      return true;
    }
    const quiet = !this.heard || nowMs - this.heardAtMs >= QUIET_MS;
    if (authenticated) {
      if (quiet) this.move(address, port, nowMs);
      return true;
    }
    if (!this.isSignalled(address, port)) {
      if (!quiet || this.takeovers >= MAX_TAKEOVERS) return false;
      this.takeovers++;
    }
    this.move(address, port, nowMs);
    return true;
  }

  private isSignalled(address: string, port: number): boolean {
    return port === this.signalledPort && address === this.signalledAddress;
  }

  private move(address: string, port: number, nowMs: number): void {
    this.address = address;
    this.port = port;
    this.heard = true;
    this.heardAtMs = nowMs;
  }
}

/** Family of a local address. */
export function familyOf(address: string): 4 | 6 {
  return isIPv4(address) ? 4 : 6;
}
