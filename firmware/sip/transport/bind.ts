// What the transports' listening sockets have in common: addresses others can use, errors in a sentence.

import { networkInterfaces } from "node:os";

/** Why a socket could not be bound, for the user; never a bare errno. */
export function bindProblem(error: NodeJS.ErrnoException, host: string, port: number, transport: string): string {
  const where = `SIP port ${port}/${transport} on ${host}`;
  if (error.code === "EADDRINUSE") return `${where} is in use`;
  if (error.code === "EACCES") return `${where} needs more rights than this process has`;
  if (error.code === "EADDRNOTAVAIL") return `${where} cannot be opened: this machine does not have that address`;
  return `${where} cannot be opened: ${error.message}`;
}

/** @throws RangeError for what is no port; 0 takes a free one. */
export function checkPort(port: number): void {
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new RangeError(`port must be 0 to 65535, got ${port}`);
}

/** Whether a socket bound to this host is bound to all addresses. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** An address others can send to when the socket is bound to all of them. */
export function reachable(host: string): string {
  if (!isWildcard(host)) return host;
  const family = host === "::" ? "IPv6" : "IPv4";
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = addresses.find(
    (each) => !each.internal && each.family === family && !each.address.toLowerCase().startsWith("fe80"),
  );
  return outside?.address ?? (family === "IPv6" ? "::1" : "127.0.0.1");
}
