// What an account and its first server have agreed on to secure their SIP with (RFC 3329): the client's side.

import type { ExtraHeaders, SipAddress } from "../contract.js";
import { canonicalHost, type SipMessage } from "../grammar/index.js";
import { type Mechanism, printMechanisms, sameMechanisms } from "./mechanisms.js";

export interface AgreementOptions {
  /** Ask for an agreement in every request and do without the server otherwise; false: only when the server asks. */
  readonly required: boolean;
  /** Whether TLS is configured, and whether there are credentials for a digest. */
  readonly tls: boolean;
  readonly digest: boolean;
}

/** What was agreed on. */
interface Agreed {
  readonly list: readonly Mechanism[];
  readonly chosen: Mechanism;
}

/** Addresses of the server that are told apart from others. */
const MAX_ADDRESSES = 16;
const AGREE = "sec-agree";

export class SecurityAgreement {
  private agreed: Agreed | undefined;
  /** Where the server was met: only there requests in dialogs speak of the agreement. */
  private readonly addresses = new Set<string>();

  constructor(readonly options: AgreementOptions) {}

  /** What is in force; undefined: nothing yet. */
  get mechanism(): "tls" | "digest" | undefined {
    return this.agreed?.chosen.name as "tls" | "digest" | undefined;
  }

  /** The chosen entry of the server's list. */
  get chosen(): Mechanism | undefined {
    return this.agreed?.chosen;
  }

  get list(): readonly Mechanism[] {
    return this.agreed?.list ?? [];
  }

  /** Requests go to the server over TLS, whatever its address says (section 2.4). */
  get overTls(): boolean {
    return this.mechanism === "tls";
  }

  /** Whether credentials may be shown to who asks there: not before the agreement that was wanted is there. */
  mayAuthenticate(hop: SipAddress | undefined): boolean {
    return !this.options.required || this.agreed !== undefined || hop?.transport === "tls";
  }

  agree(list: readonly Mechanism[], chosen: Mechanism, hop: SipAddress | undefined): void {
    this.agreed = { list, chosen };
    this.meet(hop);
  }

  /** Whether that is the list in force. */
  isList(list: readonly Mechanism[]): boolean {
    return this.agreed !== undefined && sameMechanisms(list, this.agreed.list);
  }

  /** The connection ended or the server was changed: it is agreed anew (section 2.5). */
  reset(): void {
    this.agreed = undefined;
    this.addresses.clear();
  }

  /**
   * The fields of a request that goes to `hop`. ACK and CANCEL have none (section 2.6), nor has what goes elsewhere than to the server in a
   * dialog; over TLS that was not agreed on the procedure must not be used (section 2.3.1).
   * @param verify d-ver, where digest was chosen.
   */
  fields(message: SipMessage | undefined, hop: SipAddress | undefined, verify: string | undefined): ExtraHeaders {
    if (!this.concerns(message, hop)) return [];
    const { agreed, options } = this;
    const insisting: ExtraHeaders = [
      ["Require", AGREE],
      ["Proxy-Require", AGREE],
    ];
    if (agreed) return [["Security-Verify", printMechanisms(agreed.list, agreed.chosen, verify)], ...insisting];
    if (!options.required) return [["Supported", AGREE]];
    const ours = [...(options.tls ? ["tls"] : []), ...(options.digest ? ["digest"] : [])];
    return [["Security-Client", ours.join(", ")], ...insisting];
  }

  /** Whether a request that goes to `hop` speaks of the agreement. */
  concerns(message: SipMessage | undefined, hop: SipAddress | undefined): boolean {
    if (hop === undefined || (message?.kind === "request" && ["ACK", "CANCEL"].includes(message.method))) return false;
    if (!this.agreed) return hop.transport !== "tls" && !inDialog(message);
    if (this.overTls && hop.transport !== "tls") return false;
    if (inDialog(message)) return this.addresses.has(canonicalHost(hop.host));
    this.meet(hop);
    return true;
  }

  private meet(hop: SipAddress | undefined): void {
    if (hop && this.addresses.size < MAX_ADDRESSES) this.addresses.add(canonicalHost(hop.host));
  }
}

function inDialog(message: SipMessage | undefined): boolean {
  return /;\s*tag\s*=/i.test(message?.headers.get("To")?.replace(/^[^>]*>/, "") ?? "");
}
