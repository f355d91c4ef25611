// What can be measured: every combination of method, transport, way, warmth, precomputation, processor and network.

/** Key agreements; `none` is an open call. */
export const methods = ["none", "psk", "dh", "dhhmac", "pke", "rsa-r"] as const;
export const transports = ["udp", "tcp", "tls"] as const;
/** From phone to phone, or through the proxies of two domains. */
export const paths = ["direct", "proxies"] as const;
/** A call of a phone that has made others, or the first one after its start. */
export const warmths = ["warm", "cold"] as const;
/** Whether work is done before it is waited for: key pairs, offers, answers. */
export const precomputations = ["on", "off"] as const;
/** This machine's processor, or a 32-bit ARM emulated by qemu-user. */
export const processors = ["native", "armv7"] as const;
/** Loopback; a link of 20 ms each way; the same one losing 2 of 100 packets. */
export const networks = ["loopback", "delay", "loss"] as const;

export type Method = (typeof methods)[number];
export type Transport = (typeof transports)[number];
export type Path = (typeof paths)[number];
export type Warmth = (typeof warmths)[number];
export type Precomputation = (typeof precomputations)[number];
export type Processor = (typeof processors)[number];
export type Network = (typeof networks)[number];

/** What two phones are set up for: calls of one site differ in their method only. */
export interface Site {
  readonly transport: Transport;
  readonly path: Path;
  readonly precomputation: Precomputation;
  readonly processor: Processor;
  readonly network: Network;
}

/** One kind of call. */
export interface LabCase extends Site {
  readonly method: Method;
  readonly warmth: Warmth;
}

/** Words of a site, in the order of its names. */
function siteWords(site: Site): string[] {
  return [site.transport, site.path, site.precomputation, site.processor, site.network];
}

/** E.g. `udp/direct/on/native/loopback`. */
export function siteName(site: Site): string {
  return siteWords(site).join("/");
}

/** E.g. `dh/udp/direct/warm/on/native/loopback`. */
export function caseName(one: LabCase): string {
  const [transport, path, ...rest] = siteWords(one);
  return [one.method, transport, path, one.warmth, ...rest].join("/");
}

/** Every case the laboratory knows, whether it can be measured here or not. */
export function allCases(): LabCase[] {
  const cases: LabCase[] = [];
  for (const processor of processors)
    for (const network of networks)
      for (const path of paths)
        for (const transport of transports)
          for (const precomputation of precomputations)
            for (const warmth of warmths)
              for (const method of methods) {
                const one = { method, transport, path, warmth, precomputation, processor, network };
                if (isSensible(one)) cases.push(one);
              }
  return cases;
}

/** Emulation and links measure each other's patience when combined with everything: direct calls only, one of the two at a time. */
function isSensible(one: LabCase): boolean {
  const isPlain = one.processor === "native" && one.network === "loopback";
  return isPlain || (one.path === "direct" && (one.processor === "native" || one.network === "loopback"));
}

/** Cases that targets are about. */
function isCentral(one: LabCase): boolean {
  return one.method === "none" || one.method === "dh";
}

/**
 * How many calls of a case are measured when `calls` are asked for; 0: only when asked for by name. Each first call after a start costs
 * a start, and an emulated phone is slow: those are measured where a target needs them.
 * @param isNamed the case was asked for.
 */
export function callsOf(one: LabCase, calls: number, isNamed: boolean): number {
  const few = Math.max(1, Math.ceil(calls / 5));
  const isUdp = one.transport === "udp";
  if (one.warmth === "cold") {
    const isWanted = one.path === "direct" && isUdp && one.precomputation === "on" && one.network === "loopback";
    if (one.processor === "armv7") return isWanted && isCentral(one) ? Math.ceil(calls / 25) : isNamed ? 1 : 0;
    if (isWanted) return isCentral(one) ? calls : few;
    return isNamed ? few : 0;
  }
  if (one.processor === "armv7") {
    const isWanted = isUdp && one.precomputation === "on" && (isCentral(one) || one.method === "psk");
    return isWanted || isNamed ? calls : 0;
  }
  if (one.network !== "loopback") {
    const isWanted = one.transport !== "tls" && one.precomputation === "on" && (isCentral(one) || one.method === "psk");
    return isWanted || isNamed ? few : 0;
  }
  return calls;
}
