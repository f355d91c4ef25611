// From a SIP URI to the servers of its domain, in order: RFC 3263 sections 4.1 and 4.2, RFC 2782; then `sip.DOMAIN`. No I/O of its own.

import { fail, ok, type Result } from "../../runtime/result.js";
import type { SipAddress } from "../contract.js";
import { bareHost, isNumeric, type SipUri, uriParam } from "../grammar/index.js";
import type { RecordData, RecordType } from "./dns-client.js";

export type Transport = SipAddress["transport"];

/** What locating needs to know of the world. */
export interface Locating {
  /** Transports there are, most wanted first. */
  readonly transports: readonly Transport[];
  /** IP versions there are. */
  readonly families: readonly (4 | 6)[];
  /** Records of a name; empty where there are none, undefined when nobody could say. */
  records<T extends RecordType>(name: string, type: T): Promise<readonly RecordData[T][] | undefined>;
  /** From 0 up to 1, for weights. */
  random(): number;
}

/** Targets of one domain at most. */
const MAX_TARGETS = 16;

const services: Readonly<Record<string, Transport>> = { "sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls" };
const srvNames: Readonly<Record<Transport, string>> = { udp: "_sip._udp", tcp: "_sip._tcp", tls: "_sips._tcp" };

/** 5061 for TLS, else 5060. */
export function defaultPort(transport: Transport): number {
  return transport === "tls" ? 5061 : 5060;
}

/** What a URI says by itself. */
export interface Wanted {
  readonly host: string;
  readonly port: number | undefined;
  /** Undefined: whatever the domain offers. */
  readonly transport: Transport | undefined;
  /** Only TLS will do. */
  readonly secure: boolean;
  /** Whom TLS servers must prove to be. */
  readonly name: string;
  readonly person: string | undefined;
}

/** Errors: `transport` for one that is not SIP's or not here. */
export function wantedOf(uri: SipUri, transports: readonly Transport[]): Result<Wanted> {
  const secure = uri.scheme === "sips";
  const parameter = uriParam(uri, "transport")?.toLowerCase();
  // With sips, tcp means TLS over TCP (RFC 3261 section 26.2.2); UDP cannot be had.
  const transport = secure ? "tls" : parameter;
  const impossible = secure && parameter !== undefined && parameter !== "tcp" && parameter !== "tls";
  const here = transport === undefined || (transports as readonly string[]).includes(transport);
  if (impossible || !here) return fail("transport", `there is no ${secure ? "TLS" : transport} transport here`);
  const name = bareHost(uri.host);
  return ok({
    host: bareHost(uriParam(uri, "maddr") ?? uri.host),
    port: uri.port,
    transport: transport as Transport | undefined,
    secure,
    name,
    person: uri.user === undefined ? undefined : `sip:${uri.user}@${uri.host}`,
  });
}

/** The transport of a URI whose host is numeric or has a port (section 4.1). */
function plainTransport(wanted: Wanted, transports: readonly Transport[]): Transport {
  return wanted.transport ?? (transports.includes("udp") ? "udp" : transports[0]);
}

/** Where nothing has to be looked up; undefined when something has. */
export function numericTarget(wanted: Wanted, transports: readonly Transport[]): SipAddress | undefined {
  if (!isNumeric(wanted.host)) return undefined;
  const transport = plainTransport(wanted, transports);
  return addressed(wanted, wanted.host, wanted.port ?? defaultPort(transport), transport);
}

function addressed(wanted: Wanted, host: string, port: number, transport: Transport): SipAddress {
  const { name, person } = wanted;
  return transport === "tls" ? { host, port, transport, name, person } : { host, port, transport };
}

/** Every server of the domain, best first; empty when there is none. Errors: `dns` when nobody could be asked. */
export async function locate(wanted: Wanted, world: Locating): Promise<Result<readonly SipAddress[]>> {
  const state: State = { wanted, world, targets: [], unheard: false };
  if (wanted.port !== undefined) {
    const transport = plainTransport(wanted, world.transports);
    await addHost(state, wanted.host, wanted.port, transport);
  } else {
    for (const { transport, name } of await servicesOf(state)) await addService(state, name, transport);
    if (state.targets.length === 0) {
      const transport = plainTransport(wanted, world.transports);
      await addHost(state, wanted.host, defaultPort(transport), transport);
      // Thesis section 2.2: the domain with "sip." in front may have the address.
      if (state.targets.length === 0) await addHost(state, `sip.${wanted.host}`, defaultPort(transport), transport);
    }
  }
  if (state.targets.length > 0) return ok(state.targets);
  return state.unheard
    ? fail("dns", `no DNS server could say where ${wanted.host} is`)
    : fail("name", `${wanted.host} has no SIP server and no address`);
}

interface State {
  readonly wanted: Wanted;
  readonly world: Locating;
  readonly targets: SipAddress[];
  /** A question was left without an answer. */
  unheard: boolean;
}

async function ask<T extends RecordType>(state: State, name: string, type: T): Promise<readonly RecordData[T][]> {
  const records = await state.world.records(name, type);
  if (records === undefined) state.unheard = true;
  return records ?? [];
}

/** SRV names to ask for, in order: by NAPTR, else one for each transport that would do (section 4.1). */
async function servicesOf(state: State): Promise<readonly { readonly transport: Transport; readonly name: string }[]> {
  const { wanted, world } = state;
  const possible = wanted.transport ? [wanted.transport] : world.transports;
  if (wanted.transport && !wanted.secure)
    return [{ transport: wanted.transport, name: `${srvNames[wanted.transport]}.${wanted.host}` }];
  const naptr = await ask(state, wanted.host, "NAPTR");
  const usable = naptr
    .flatMap((record) => {
      const transport = services[record.services.toLowerCase()];
      const fits = record.flags.toLowerCase() === "s" && record.regexp === "" && possible.includes(transport);
      return fits ? [{ transport, name: record.replacement, order: record.order, preference: record.preference }] : [];
    })
    .sort((a, b) => a.order - b.order || a.preference - b.preference);
  if (usable.length > 0) return usable;
  return possible.map((transport) => ({ transport, name: `${srvNames[transport]}.${wanted.host}` }));
}

async function addService(state: State, name: string, transport: Transport): Promise<void> {
  const records = await ask(state, name, "SRV");
  // A single record that names the root: there is no such service here (RFC 2782).
  if (records.length === 1 && (records[0].target === "." || records[0].target === "")) return;
  for (const { target, port } of bySrv(records, state.world.random)) await addHost(state, target, port, transport);
}

async function addHost(state: State, host: string, port: number, transport: Transport): Promise<void> {
  const add = (address: string): void => {
    if (state.targets.length < MAX_TARGETS) state.targets.push(addressed(state.wanted, address, port, transport));
  };
  if (state.targets.length >= MAX_TARGETS) return;
  if (isNumeric(host)) return add(host);
  const answers = await Promise.all(
    state.world.families.map((family) => ask(state, host, family === 6 ? "AAAA" : "A")),
  );
  for (const addresses of answers) for (const address of addresses) add(address);
}

/** Lowest priority first; within one, drawn by weight (RFC 2782). */
export function bySrv(records: readonly RecordData["SRV"][], random: () => number): RecordData["SRV"][] {
  const ordered: RecordData["SRV"][] = [];
  const priorities = [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b);
  for (const priority of priorities) {
    // Those of weight 0 come first in the draw, so that they have a small chance.
    const left = records.filter((record) => record.priority === priority).sort((a, b) => a.weight - b.weight);
    while (left.length > 0) {
      const sum = left.reduce((total, record) => total + record.weight, 0);
      const drawn = random() * (sum + 1);
      let running = 0;
      let index = left.findIndex((record) => (running += record.weight) >= Math.floor(drawn));
      if (index < 0) index = left.length - 1;
      ordered.push(...left.splice(index, 1));
    }
  }
  return ordered;
}
