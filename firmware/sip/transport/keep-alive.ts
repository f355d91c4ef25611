// Flows that are kept open: pings over a stream, STUN or CRLFs over UDP (RFC 5626 section 4.4).

import type { Timer, Timers } from "../../runtime/timers.js";
import type { SipAddress } from "../contract.js";
import { canonicalHost } from "../grammar/index.js";
import type { Connection } from "./connection.js";
import { isBindingError, readBindingResponse, stunBindingRequest } from "./stun.js";
import type { Flow, FlowOptions } from "./transport.js";

const STREAM_MS = 120_000;
const UDP_MS = 29_000;
/**
 * STUN over UDP: seven requests at these distances (RTO 500 ms, doubled), the last waits 16 RTO (RFC 5389 section 7.2.1, which is what RFC 5626
 * section 4.4.2 asks for): an edge that is silent for 39.5 s is gone.
 */
const STUN_RETRY_MS = [500, 1000, 2000, 4000, 8000, 16_000, 8000];

/** From 80 to 100 % of the longest interval. */
function interval(everyMs: number): number {
  return everyMs * (0.8 + 0.2 * Math.random());
}

/** What {@link keepStreamOpen} needs of its transport. */
export interface StreamHost {
  readonly timers: Timers;
  connect(to: SipAddress, told: (error: Error | undefined, connection: Connection | undefined) => void): void;
  /** The connection is not to be closed for want of use while held. */
  hold(id: number, on: boolean): void;
}

/**
 * Opens a connection, or takes the one there is, and pings over it; `failed` is told once when it is lost or cannot be had. Who is known to
 * answer is pinged at once, so that a flow that does not work is known from the start.
 */
export function keepStreamOpen(
  host: StreamHost,
  to: SipAddress,
  options: FlowOptions,
  failed: (error: Error) => void,
): Flow {
  let connection: Connection | undefined;
  let timer: Timer | undefined;
  let closed = false;
  const fail = (error: Error): void => {
    if (closed) return;
    closed = true;
    timer?.cancel();
    failed(error);
  };
  const ping = (): void => connection?.ping(options.answered === true);
  const tick = (): void => {
    timer = host.timers.after(interval(options.everyMs ?? STREAM_MS), () => {
      // Nobody need answer: that the connection has lasted so long is what there is to know.
      if (!options.answered) options.alive?.();
      ping();
      if (!closed) tick();
    });
  };
  host.connect(to, (error, opened) => {
    if (closed) return;
    if (!opened) return fail(error ?? new Error("there is no connection"));
    connection = opened;
    host.hold(opened.id, true);
    opened.onClosed(fail);
    opened.onPong(() => {
      if (!closed) options.alive?.();
    });
    ping();
    if (!closed) tick();
  });
  return {
    get address() {
      return connection ? { ...to, connection: connection.id } : to;
    },
    close() {
      if (closed) return;
      closed = true;
      timer?.cancel();
      if (connection) host.hold(connection.id, false);
    },
  };
}

/** What {@link UdpKeepAlive} needs of its transport. */
export interface DatagramHost {
  readonly timers: Timers;
  /** Unpredictable bytes. */
  random(count: number): Uint8Array;
  send(bytes: Uint8Array, to: SipAddress): void;
}

interface UdpFlow {
  readonly to: SipAddress;
  readonly options: FlowOptions;
  readonly failed: (error: Error) => void;
  timer: Timer | undefined;
  /** Transaction ID of the request under way. */
  asked: Uint8Array | undefined;
  /** Our address as the other end saw it first. */
  mapped: string | undefined;
}

/** The flows of a UDP transport. */
export class UdpKeepAlive {
  private readonly flows = new Set<UdpFlow>();

  constructor(private readonly host: DatagramHost) {}

  open(to: SipAddress, options: FlowOptions, failed: (error: Error) => void): Flow {
    const flow: UdpFlow = { to, options, failed, timer: undefined, asked: undefined, mapped: undefined };
    this.flows.add(flow);
    this.wait(flow, options.answered ? 0 : interval(options.everyMs ?? UDP_MS));
    return { address: to, close: () => this.end(flow) };
  }

  /** Takes a datagram that may be the answer to a request of ours; true: it was one. */
  receive(bytes: Uint8Array, from: SipAddress): boolean {
    for (const flow of this.flows) {
      if (!flow.asked || flow.to.port !== from.port || canonicalHost(flow.to.host) !== canonicalHost(from.host))
        continue;
      if (isBindingError(bytes, flow.asked)) {
        this.fail(flow, new Error("a keep-alive was refused"));
        return true;
      }
      const mapped = readBindingResponse(bytes, flow.asked);
      if (mapped === undefined) continue;
      flow.asked = undefined;
      if (flow.mapped !== undefined && flow.mapped !== mapped) {
        this.fail(flow, new Error(`our address has changed from ${flow.mapped} to ${mapped}`));
        return true;
      }
      flow.mapped = mapped;
      flow.options.alive?.();
      this.wait(flow, interval(flow.options.everyMs ?? UDP_MS));
      return true;
    }
    return false;
  }

  close(): void {
    for (const flow of [...this.flows]) this.end(flow);
  }

  private wait(flow: UdpFlow, delayMs: number): void {
    flow.timer?.cancel();
    flow.timer = this.host.timers.after(delayMs, () => {
      if (flow.options.answered) this.ask(flow, 0);
      else {
        flow.options.alive?.();
        this.host.send(Uint8Array.of(13, 10, 13, 10), flow.to);
        this.wait(flow, interval(flow.options.everyMs ?? UDP_MS));
      }
    });
  }

  private ask(flow: UdpFlow, attempt: number): void {
    flow.asked ??= this.host.random(12);
    this.host.send(stunBindingRequest(flow.asked), flow.to);
    flow.timer = this.host.timers.after(STUN_RETRY_MS[attempt], () => {
      if (attempt + 1 < STUN_RETRY_MS.length) this.ask(flow, attempt + 1);
      else this.fail(flow, new Error("a keep-alive was not answered"));
    });
  }

  private fail(flow: UdpFlow, error: Error): void {
    this.end(flow);
    flow.failed(error);
  }

  private end(flow: UdpFlow): void {
    flow.timer?.cancel();
    this.flows.delete(flow);
  }
}
