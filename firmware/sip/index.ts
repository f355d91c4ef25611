// SIP (RFC 3261) for one user agent: the public face of the room.

export { SecurityAgreement } from "./agreement/index.js";
export * from "./contract.js";
export type { RequestSequence, RequestTarget } from "./core/client-request.js";
export { hopUri } from "./core/client-request.js";
export type { Accepts } from "./core/screening.js";
export { type CounterName, Counters } from "./counters.js";
export * from "./digest/index.js";
export * from "./grammar/index.js";
export * from "./registration/index.js";
export { defaultTiming, type SipTiming } from "./transaction/timing.js";
export { type AddressProvider, outsideAddress, watchAddress } from "./transport/address-watch.js";
export { isWildcard } from "./transport/bind.js";
export {
  type DnsClient,
  type DnsClientOptions,
  defaultRateLimits,
  defaultStreamLimits,
  dnsClient,
  type Flow,
  type FlowOptions,
  openTcp,
  openTls,
  type RateLimits,
  type Resolver,
  type SendDone,
  SipResolver,
  type SipResolverOptions,
  type SipTransport,
  type StreamLimits,
  StreamTransport,
  systemResolver,
  type TcpOptions,
  type TlsConnectionInfo,
  type TlsOptions,
  type TransportReceiver,
  type UdpOptions,
  UdpTransport,
} from "./transport/index.js";
export * from "./user-agent.js";
