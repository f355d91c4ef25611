// Where a request within a dialog goes: as the peer's Contact says, or over the connection the peer itself has opened.

import { ok, type Result } from "../../runtime/result.js";
import type { SipAddress } from "../contract.js";
import type { SipUri } from "../grammar/index.js";
import type { DialogHost } from "./host.js";
import type { DialogState } from "./state.js";

/**
 * Finds the address for `hop`, the dialog's next hop.
 *
 * Over TLS a telephone proves to be the person the dialog is with; what its Contact has for a user is its own affair. Some phones take no
 * connections, and some name the far end of theirs as their Contact: who speaks over a connection is who named the Contact, so that a
 * request in the dialog tells nobody else anything.
 */
export function resolveHop(
  host: DialogHost,
  state: DialogState,
  hop: SipUri,
  done: (result: Result<SipAddress>) => void,
): void {
  const own = state.flowTo(hop);
  host.resolve(hop, (found) => {
    if (!found.ok) return done(own ? ok(own.flow) : found);
    const { alternatives = [], ...first } = found.value;
    const ways = [first, ...alternatives];
    const { person } = state;
    if (first.transport === "tls" && person !== undefined && person !== first.person)
      ways.unshift({ ...first, person });
    if (own?.exact) ways.unshift(own.flow);
    else if (own) ways.push(own.flow);
    const [best, ...others] = ways;
    done(ok(others.length > 0 ? { ...best, alternatives: others } : best));
  });
}
