// From a SIP URI to the address a request is sent to. The place where RFC 3263 (NAPTR, SRV) is plugged in.

import { lookup } from "node:dns";
import { fail, ok, type Result } from "../../runtime/result.js";
import type { SipAddress } from "../contract.js";
import { bareHost, isNumeric, type SipUri, uriParam } from "../grammar/index.js";

/** Finds the next hop for a URI. */
export interface Resolver {
  /** Calls `done` once; at once (before returning) when nothing has to be looked up. */
  resolve(uri: SipUri, done: (result: Result<SipAddress>) => void): void;
}

/**
 * Numeric hosts directly, names through the system's resolver (A/AAAA only); default port 5060; maddr as RFC 3261 section 19.1.1 says.
 * Errors: `transport` for anything but UDP, `name` when the name has no address.
 */
export const systemResolver: Resolver = {
  resolve(uri, done) {
    const transport = uriParam(uri, "transport")?.toLowerCase() ?? "udp";
    if (uri.scheme === "sips" || transport !== "udp")
      return done(fail("transport", `no transport here for ${uri.scheme === "sips" ? "sips" : transport}`));
    const host = bareHost(uriParam(uri, "maddr") ?? uri.host);
    const port = uri.port ?? 5060;
    if (isNumeric(host)) return done(ok({ host, port, transport: "udp" }));
    lookup(host, (error, address) =>
      done(error ? fail("name", `no address for ${host}`) : ok({ host: address, port, transport: "udp" })),
    );
  },
};
