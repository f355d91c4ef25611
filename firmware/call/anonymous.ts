// Who a call of ours says it is from: our name, or none (RFC 3323, RFC 3325).

import type { ExtraHeaders } from "../sip/contract.js";
import type { CallAccount } from "./environment.js";

/** From of an anonymous call (RFC 3323 section 4.1.1.3). */
export const ANONYMOUS_URI = "sip:anonymous@anonymous.invalid";

/**
 * From and what goes with it. The network of the account learns who calls (it bills, it answers for its users) and is asked to tell nobody.
 */
export function callerFields(
  account: Pick<CallAccount, "uri" | "displayName">,
  anonymous: boolean,
): { readonly from: { readonly uri: string; readonly displayName?: string }; readonly headers?: ExtraHeaders } {
  if (!anonymous) return { from: { uri: account.uri, displayName: account.displayName } };
  return {
    from: { uri: ANONYMOUS_URI, displayName: "Anonymous" },
    headers: [
      ["Privacy", "id"],
      ["P-Preferred-Identity", `<${account.uri}>`],
    ],
  };
}
