// An OPTIONS of ours within a dialog: asks what the other side can tell beside the call (RFC 3261 sections 11 and 12.2.1).

import type { ExtraHeaders } from "../contract.js";
import { type SendOutcome, sendAuthorised } from "./authorised.js";
import { type DialogHost, notSent } from "./host.js";
import { resolveHop } from "./next-hop.js";
import type { DialogState } from "./state.js";

/** Sends it; `done` is called once. */
export function sendOptions(
  host: DialogHost,
  state: DialogState,
  headers: ExtraHeaders,
  done: (outcome: SendOutcome) => void,
): void {
  const hop = state.nextHop();
  if (!hop) return done({ failed: notSent("the peer's contact is not a SIP URI") });
  resolveHop(host, state, hop, (found) => {
    if (!found.ok) return done({ failed: notSent(found.error.text) });
    const make = () => {
      const branch = host.ids.branch();
      const fields = [host.fields.contactFor(state.account), ...host.fields.userAgent, ...headers];
      return { branch, request: state.compose("OPTIONS", { via: host.transport.newVia(branch), headers: fields }) };
    };
    sendAuthorised(host, host.auth(state.account)?.begin(state.callId), make, found.value, done);
  });
}
