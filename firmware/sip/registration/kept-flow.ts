// The way to the edge proxy a registration was made over, kept open and watched (RFC 5626 sections 4.2.2, 4.4).

import type { SipAddress } from "../contract.js";
import type { Flow, FlowOptions } from "../transport/transport.js";

/**
 * Whether the next hop is known to answer keep-alives: `auto`, where the registrar agreed on outbound; `answered`, always; `off`: none are sent.
 */
export type KeepAlive = "auto" | "answered" | "off";

export interface KeptFlowOptions {
  /** The user agent's keepOpen(); undefined where nothing can be kept. */
  readonly keepOpen:
    | ((to: SipAddress, options: FlowOptions, failed: (error: Error) => void) => Flow | undefined)
    | undefined;
  readonly keepAlive: KeepAlive;
  /** It works: a keep-alive was answered. */
  readonly alive: () => void;
  /** It is gone. `proven`: it had worked before. */
  readonly lost: (error: Error, to: SipAddress, proven: boolean) => void;
}

/** What the registrar said of it. */
export interface FlowTerms {
  readonly outbound: boolean;
  readonly flowTimerS?: number;
}

export class KeptFlow {
  private way: SipAddress | undefined;
  private flow: Flow | undefined;
  private key = "";
  private bound = false;
  private worked = false;
  private answering = false;

  constructor(private readonly options: KeptFlowOptions) {}

  /**
   * Where refreshes go: over the same flow (section 4.2.2). Undefined where there is none to keep to: over UDP to a registrar without outbound
   * any server of the domain will do.
   */
  get address(): SipAddress | undefined {
    return this.way && this.bound ? { ...this.way, alternatives: undefined } : undefined;
  }

  /** The same for other requests of the account: should its connection be gone they open another, and fail over. */
  get hop(): SipAddress | undefined {
    return this.way && this.bound ? { ...this.way, connection: undefined } : undefined;
  }

  /** Whether it counts as established (section 4.5): a keep-alive was answered, or there is nothing an answer could come to. */
  get proven(): boolean {
    return this.worked || !this.bound;
  }

  /** How it is kept, for people; undefined: it is not. */
  get description(): string | undefined {
    if (!this.flow || !this.way) return undefined;
    const { host, port, transport } = this.way;
    const by = !this.answering ? "CRLFs nobody need answer" : transport === "udp" ? "STUN" : "pings";
    return `${transport} ${host.includes(":") ? `[${host}]` : host}:${port}, kept by ${by}`;
  }

  /** A REGISTER was answered over `way`: that flow is kept from now on, or goes on being kept. */
  take(way: SipAddress, terms: FlowTerms): void {
    const { keepAlive, keepOpen } = this.options;
    if (keepAlive === "off" || !keepOpen) return;
    const answered = terms.outbound || keepAlive === "answered";
    const everyMs = terms.flowTimerS === undefined ? undefined : terms.flowTimerS * 1000;
    const key = [way.host, way.port, way.transport, way.connection ?? "", answered, everyMs ?? ""].join(" ");
    if (this.flow && key === this.key) {
      this.way = way;
      return;
    }
    this.end();
    this.key = key;
    this.way = way;
    this.bound = answered || way.transport !== "udp";
    this.answering = answered;
    this.worked = false;
    const mine = (): boolean => this.key === key && this.way !== undefined;
    const flow = keepOpen(
      way,
      {
        answered,
        ...(everyMs === undefined ? {} : { everyMs }),
        alive: () => {
          if (!mine()) return;
          this.worked = true;
          this.options.alive();
        },
      },
      (error) => {
        if (!mine()) return;
        const proven = this.worked;
        this.end();
        this.options.lost(error, way, proven);
      },
    );
    if (mine()) this.flow = flow;
    else flow?.close();
  }

  /** It is kept no longer. */
  end(): void {
    this.flow?.close();
    this.flow = undefined;
    this.way = undefined;
    this.key = "";
    this.bound = false;
    this.answering = false;
  }
}
