// SIP transports and the layer above them.
export { type DnsClient, type DnsClientOptions, dnsClient } from "./dns-client.js";
export * from "./layer.js";
export { defaultRateLimits, RateGuard, type RateLimits } from "./rate.js";
export * from "./resolve.js";
export { SipResolver, type SipResolverOptions } from "./resolver.js";
export * from "./routing.js";
export { defaultStreamLimits, type StreamLimits, StreamTransport } from "./stream.js";
export { openTcp, type TcpOptions } from "./tcp.js";
export { openTls, type TlsConnectionInfo, type TlsOptions } from "./tls.js";
export * from "./transport.js";
export * from "./udp.js";
