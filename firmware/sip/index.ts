// SIP (RFC 3261) for one user agent: the public face of the room.
export * from "./contract.js";
export type { RequestSequence, RequestTarget } from "./core/client-request.js";
export type { Accepts } from "./core/screening.js";
export { type CounterName, Counters } from "./counters.js";
export * from "./digest/index.js";
export * from "./grammar/index.js";
export * from "./registration/index.js";
export { defaultTiming, type SipTiming } from "./transaction/timing.js";
export { type AddressProvider, outsideAddress, watchAddress } from "./transport/address-watch.js";
export { type Resolver, systemResolver } from "./transport/resolve.js";
export type { SipTransport, TransportReceiver } from "./transport/transport.js";
export { type UdpOptions, UdpTransport } from "./transport/udp.js";
export * from "./user-agent.js";
