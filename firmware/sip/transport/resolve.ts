// From a SIP URI to the address a request is sent to. The place where RFC 3263 (NAPTR, SRV) is plugged in.

import { lookup } from "node:dns";
import { isIPv6 } from "node:net";
import { fail, ok, type Result } from "../../runtime/result.js";
import type { SipAddress } from "../contract.js";
import { bareHost, isNumeric, type SipUri, uriParam } from "../grammar/index.js";

/** Finds the next hop for a URI. */
export interface Resolver {
  /** Calls `done` once; at once (before returning) when nothing has to be looked up. */
  resolve(uri: SipUri, done: (result: Result<SipAddress>) => void): void;
  /** How it went at an address that resolve() gave. */
  report?(to: SipAddress, outcome: "answered" | "failed", retryAfterS?: number): void;
}

/**
 * Numeric hosts directly, names through the system's resolver (A or AAAA, the family of `local`); default port 5060; maddr as RFC 3261
 * section 19.1.1 says. Errors: `transport` for one this user agent does not have, `name` when the name has no address.
 */
export function systemResolver(locals: readonly SipAddress[]): Resolver {
  const family = isIPv6(locals[0].host) ? 6 : 4;
  return {
    resolve(uri, done) {
      const wanted = uri.scheme === "sips" ? "tls" : (uriParam(uri, "transport")?.toLowerCase() ?? locals[0].transport);
      const transport = locals.find((local) => local.transport === wanted)?.transport;
      if (!transport) {
        done(fail("transport", `there is no ${wanted} transport here`));
        return;
      }
      const host = bareHost(uriParam(uri, "maddr") ?? uri.host);
      const port = uri.port ?? (transport === "tls" ? 5061 : 5060);
      if (isNumeric(host)) {
        done(ok({ host, port, transport }));
        return;
      }
      lookup(host, { family }, (error, address) =>
        done(error ? fail("name", `${host} has no IPv${family} address`) : ok({ host: address, port, transport })),
      );
    },
  };
}
