// Opens SIP as configured: transports, taps, TLS, the way to names. Part of the composition root.

import { appendFileSync, chmodSync, readFileSync, writeFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { type Config, mayLogKeys } from "./config/index.js";
import { type Log, systemClock, systemTimers } from "./runtime/index.js";
import {
  dnsClient,
  hopUri,
  openTcp,
  openTls,
  parseSipUri,
  type RateLimits,
  type SipAddress,
  SipResolver,
  type SipTransport,
  type StreamLimits,
  type TlsConnectionInfo,
  UdpTransport,
} from "./sip/index.js";
import { tapTransports } from "./tap.js";

/** What a user agent is made of, opened. */
export interface Signalling {
  readonly transports: readonly SipTransport[];
  readonly resolver: SipResolver;
  readonly rate: Partial<RateLimits>;
  /** As the configuration says; port 0: found by name. */
  readonly outboundProxy: SipAddress | undefined;
  close(): Promise<void>;
}

/** Tries to find one number free for UDP and TCP. */
const FREE_PORT_TRIES = 20;
export const LOOPBACK = "127.0.0.1";

/** @throws Error with a sentence for the user when a port cannot be had or a certificate cannot be used; nothing stays open then. */
export async function openSignalling(config: Config["sip"], log: Log): Promise<Signalling> {
  const opened: SipTransport[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((transport) => transport.close()));
  };
  try {
    await openAll(config, log, opened);
  } catch (error) {
    await close();
    throw error;
  }
  const { limits, resolver, outboundProxy } = config;
  const names = new SipResolver({
    clock: systemClock,
    timers: systemTimers,
    log,
    dns: dnsClient({ servers: resolver.servers, timeoutMs: resolver.timeoutMs }),
    transports: config.transports,
    families: [isIPv6(config.address) ? 6 : 4],
    random: Math.random,
    hostsFile: resolver.servers === undefined,
  });
  const inOrder = config.transports.map((kind) => opened.find((one) => one.local.transport === kind)!);
  return {
    transports: config.tapFile ? tapTransports(inOrder, config.tapFile) : inOrder,
    resolver: names,
    rate: {
      messagesPerSource: limits.messagesPerSource,
      messagesBurst: 2 * limits.messagesPerSource,
      requestsPerSource: limits.requestsPerSource,
      requestsBurst: 2 * limits.requestsPerSource,
      requestsTotal: limits.requestsTotal,
      requestsTotalBurst: 2 * limits.requestsTotal,
    },
    outboundProxy: outboundProxy && proxyAddress(outboundProxy, config.transports[0]),
    close: async () => {
      names.close();
      await close();
    },
  };
}

/** Where a configured proxy is; port 0: found by name. */
export function proxyAddress(
  proxy: NonNullable<Config["sip"]["outboundProxy"]>,
  first: SipAddress["transport"],
): SipAddress {
  const numeric = /^[\d.]+$|:/.test(proxy.host);
  const transport = proxy.transport ?? first;
  if (numeric || proxy.port !== undefined)
    return { host: proxy.host, port: proxy.port ?? (transport === "tls" ? 5061 : 5060), transport };
  // RFC 3263 section 4.1: with a transport its SRV records are asked for, without one the NAPTR records first.
  return { host: proxy.host, port: 0, transport, ...(proxy.transport === undefined ? { anyTransport: true } : {}) };
}

/** Looks the accounts' routes up now and keeps them fresh: a call then waits for no DNS. */
export function warmRoutes(config: Config, resolver: SipResolver): void {
  for (const account of config.accounts) {
    const hops = account.outboundProxies.length > 0 ? account.outboundProxies : [config.sip.outboundProxy];
    const uris = hops.flatMap((hop) => (hop ? [hopUri(proxyAddress(hop, config.sip.transports[0]))] : []));
    if (uris.length === 0 && account.register) {
      const registrar = parseSipUri(account.registrar ?? account.uri.replace(/^(sips?:)[^@]*@/i, "$1"));
      if (registrar.ok) uris.push(registrar.value);
    }
    // Without a proxy calls go where their address says: those one is likely to dial are looked up before.
    if (hops.every((hop) => hop === undefined))
      for (const contact of config.contacts) {
        const parsed = parseSipUri(contact.uri);
        if (parsed.ok) uris.push(parsed.value);
      }
    for (const uri of uris) resolver.warm(uri);
  }
}

async function openAll(config: Config["sip"], log: Log, opened: SipTransport[]): Promise<void> {
  const limits: Partial<StreamLimits> = {
    connections: config.limits.connections,
    perSource: config.limits.connectionsPerSource,
  };
  const port = await openClear(config, limits, opened);
  if (config.transports.includes("tls")) opened.push(await openSecure(config, port, limits, log));
}

/** UDP and TCP on one port number, as far as they are wanted. @returns the number. */
async function openClear(
  { address: host, port: wanted, transports }: Pick<Config["sip"], "address" | "port" | "transports">,
  limits: Partial<StreamLimits>,
  opened: SipTransport[],
): Promise<number> {
  let port = wanted;
  for (let tries = 1; ; tries++) {
    const udp = transports.includes("udp") ? await UdpTransport.open({ host, port }) : undefined;
    if (udp) opened.push(udp);
    port = udp?.local.port ?? port;
    if (!transports.includes("tcp")) return port;
    try {
      const tcp = await openTcp({ host, port, limits });
      opened.push(tcp);
      return tcp.local.port;
    } catch (error) {
      // A port the system chose for UDP may be taken for TCP: another one is.
      if (wanted !== 0 || !udp || tries >= FREE_PORT_TRIES) throw error;
      opened.pop();
      await udp.close();
      port = 0;
    }
  }
}

/**
 * What opens transports like the phone's own on loopback, for two phones inside this process; TLS, which asks for certificates, is left out. Undefined
 * where loopback gives none.
 */
export async function loopbackTransports(
  kinds: Config["sip"]["transports"],
): Promise<(() => Promise<readonly SipTransport[]>) | undefined> {
  const clear = kinds.filter((kind) => kind !== "tls");
  const transports = clear.length > 0 ? clear : (["tcp"] as const);
  const open = async (): Promise<readonly SipTransport[]> => {
    const opened: SipTransport[] = [];
    try {
      await openClear({ address: LOOPBACK, port: 0, transports: [...transports] }, { connections: 4 }, opened);
    } catch (error) {
      await Promise.all(opened.map((one) => one.close()));
      throw error;
    }
    return transports.map((kind) => opened.find((one) => one.local.transport === kind)!);
  };
  try {
    await Promise.all((await open()).map((one) => one.close()));
    return open;
  } catch {
    return undefined;
  }
}

function openSecure(
  config: Config["sip"],
  port: number,
  limits: Partial<StreamLimits>,
  log: Log,
): Promise<SipTransport> {
  const { tls } = config;
  const { certificate, privateKey } = tls;
  const keyLogFile = mayLogKeys() ? tls.keyLogFile : undefined;
  if (keyLogFile) {
    writeFileSync(keyLogFile, "", { flag: "a", mode: 0o600 });
    chmodSync(keyLogFile, 0o600);
    log.warn("tls-secrets-are-written", { file: keyLogFile });
  }
  for (const name of tls.insecureHosts) log.warn("tls-not-verified", { host: name });
  return openTls({
    host: config.address,
    port: tls.port ?? (config.port === 0 ? 0 : port + 1),
    identity:
      certificate !== undefined && privateKey !== undefined
        ? { certificateChainPem: readFileSync(certificate, "utf8"), privateKeyPem: readFileSync(privateKey, "utf8") }
        : undefined,
    trustAnchorsPem: tls.trustAnchors.map((file) => readFileSync(file, "utf8")),
    clientCertificates: tls.clientCertificates,
    insecureHosts: tls.insecureHosts,
    rememberMs: tls.rememberS * 1000,
    keyLog: keyLogFile ? (line) => appendFileSync(keyLogFile, line) : undefined,
    connected: (info: TlsConnectionInfo) => {
      log.info("tls-connected", { ...info });
      if (info.changed) log.warn("tls-certificate-changed", { name: info.name });
    },
    limits,
  });
}
