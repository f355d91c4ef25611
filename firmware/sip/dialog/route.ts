// Route sets: what goes into the Request-URI and what into Route, with loose and strict routers (RFC 3261 section 12.2.1.1).

import { hasParam, parseNameAddr, parseSipUri, printSipUri, type SipUri, uriParam } from "../grammar/index.js";

/** The Request-URI and Route values of a request for `target` through `routes`. */
export function routed(
  target: string,
  routes: readonly string[],
): { readonly uri: string; readonly routes: readonly string[] } {
  if (routes.length === 0) return { uri: target, routes: [] };
  const first = parseNameAddr(routes[0]);
  const parsed = first.ok ? parseSipUri(first.value.uri) : first;
  if (!parsed.ok || uriParam(parsed.value, "lr") !== undefined || hasParam(parsed.value.params, "lr"))
    return { uri: target, routes };
  // A strict router: it stands in the Request-URI, the target at the end of the routes.
  const stripped: SipUri = {
    ...parsed.value,
    headers: [],
    params: parsed.value.params.filter((param) => param.name.toLowerCase() !== "method"),
  };
  return { uri: printSipUri(stripped), routes: [...routes.slice(1), `<${target}>`] };
}
