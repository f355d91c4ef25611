// Questions to a DNS server: UDP first, TCP where the answer does not fit, the next server where one is silent (RFC 1035, 2181, 7766).

import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { getServers } from "node:dns";
import { connect, isIP, isIPv6 } from "node:net";
import * as packet from "dns-packet";
import { fail, ok, type Result } from "../../runtime/result.js";

/** Record types that leading to a SIP server takes, and texts (public keys). */
export type RecordType = "NAPTR" | "SRV" | "A" | "AAAA" | "TXT";

/** Data of a record, by type. */
export interface RecordData {
  readonly NAPTR: {
    readonly order: number;
    readonly preference: number;
    readonly flags: string;
    readonly services: string;
    readonly regexp: string;
    readonly replacement: string;
  };
  readonly SRV: { readonly priority: number; readonly weight: number; readonly port: number; readonly target: string };
  readonly A: string;
  readonly AAAA: string;
  /** Its character strings joined. */
  readonly TXT: string;
}

/** Records of one name; empty where there are none of the type. */
export interface Answer<T extends RecordType> {
  readonly records: readonly RecordData[T][];
  /** Seconds it may be kept. */
  readonly ttlS: number;
  /** The server says that it checked the records with DNSSEC (AD, RFC 6840 section 5.7). Worth as much as the way to the server. */
  readonly isAuthenticated?: boolean;
}

/** Asks; errors: `timeout`, `server` (SERVFAIL and its like), `malformed`. A name that does not exist has no records. */
export interface DnsClient {
  query<T extends RecordType>(name: string, type: T): Promise<Result<Answer<T>>>;
}

export interface DnsClientOptions {
  /** `address:port` or `address` (port 53), IPv6 in brackets; default the system's. */
  readonly servers?: readonly string[];
  /** How long one server is waited for, ms; it is asked twice. */
  readonly timeoutMs?: number;
}

/** Records taken from one answer, and CNAMEs followed. */
const MAX_RECORDS = 64;
const MAX_ALIASES = 8;
/** Kept without a word of the server about how long (RFC 2308 section 5 wants the SOA's figure), and bounds of what it says, s. */
const NEGATIVE_TTL_S = 60;
const MAX_TTL_S = 86_400;

interface Server {
  readonly host: string;
  readonly port: number;
}

/** Reads `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`, `2001:db8::1`. */
export function parseServer(text: string): Server {
  const found = /^(?:\[([0-9a-f:.%]+)\]|([0-9.]+)|([0-9a-f:.]+))(?::(\d{1,5}))?$/i.exec(text);
  if (isIPv6(text)) return { host: text, port: 53 };
  const host = found?.[1] ?? found?.[2];
  if (!host) throw new RangeError(`a DNS server is an address, perhaps with :port, got ${JSON.stringify(text)}`);
  return { host, port: Number(found?.[4] ?? 53) };
}

/** A stub resolver. Every question goes out from a port and with an ID that nobody can guess; answers must repeat the question. */
export function dnsClient(options: DnsClientOptions = {}): DnsClient {
  const fixed = options.servers?.map(parseServer);
  const timeoutMs = options.timeoutMs ?? 2000;
  return {
    async query<T extends RecordType>(name: string, type: T): Promise<Result<Answer<T>>> {
      const servers = fixed ?? getServers().map(parseServer);
      let last: Result<Answer<T>> = fail("server", "no DNS server is known");
      for (let round = 0; round < 2; round++)
        for (const server of servers) {
          last = await ask(server, name, type, timeoutMs);
          if (last.ok) return last;
        }
      return last;
    },
  };
}

async function ask<T extends RecordType>(
  server: Server,
  name: string,
  type: T,
  timeoutMs: number,
): Promise<Result<Answer<T>>> {
  // Longer ones do not fit the format (RFC 1035 section 2.3.4): nobody has them.
  if (
    plain(name).length > 253 ||
    plain(name)
      .split(".")
      .some((label) => label === "" || label.length > 63)
  )
    return ok({ records: [], ttlS: NEGATIVE_TTL_S });
  const id = randomInt(0, 65536);
  const question = packet.encode({
    type: "query",
    id,
    // AD in a question asks for AD in the answer (RFC 6840 section 5.7).
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA,
    questions: [{ type, name, class: "IN" }],
    additionals: [{ type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] } as never],
  });
  const asked: Asked = { id, name, type };
  const first = await overUdp(server, question, asked, timeoutMs);
  if (!first.ok) return first;
  if (!first.value.flag_tc) return read(first.value, name, type);
  const whole = await overTcp(server, question, timeoutMs);
  return whole.ok ? readAnswer(whole.value, id, name, type) : whole;
}

type Decoded = packet.DecodedPacket;

/** What was asked, to know its answer by. */
interface Asked {
  readonly id: number;
  readonly name: string;
  readonly type: RecordType;
}

/** An answer as it came. Errors: `malformed` for what cannot be read or is the answer to something else, `server`. */
export function readAnswer<T extends RecordType>(bytes: Buffer, id: number, name: string, type: T): Result<Answer<T>> {
  const response = decode(bytes);
  if (!response) return fail("malformed", "the DNS answer cannot be read");
  if (!isAnswerTo(response, { id, name, type })) return fail("malformed", "the DNS answer is to another question");
  return read(response, name, type);
}

/** ID and question must be ours (RFC 5452 section 9.1); a server that could not read the question may leave it out of its error. */
function isAnswerTo(response: Decoded, { id, name, type }: Asked): boolean {
  if (response.id !== id || response.type !== "response") return false;
  const questions = response.questions ?? [];
  if (questions.length === 0) return codeOf(response) !== "NOERROR";
  const [question] = questions;
  return questions.length === 1 && plain(question.name) === plain(name) && question.type === type;
}

function codeOf(response: Decoded): string {
  return (response as { rcode?: string }).rcode ?? "NOERROR";
}

function decode(bytes: Buffer): Decoded | undefined {
  try {
    return packet.decode(bytes);
  } catch {
    return undefined;
  }
}

function overUdp(server: Server, question: Buffer, asked: Asked, timeoutMs: number): Promise<Result<Decoded>> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(server.host) ? "udp6" : "udp4");
    const finish = (result: Result<Decoded>): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => {});
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => finish(fail("timeout", `DNS server ${server.host} does not answer`)), timeoutMs);
    socket.once("error", (error) => finish(fail("server", `DNS server ${server.host}: ${error.message}`)));
    socket.on("message", (bytes) => {
      const response = decode(bytes);
      // Anything else is noise, or somebody guessing: the answer may still come.
      if (response && isAnswerTo(response, asked)) finish(ok(response));
    });
    // Connected: only datagrams of that server reach the socket.
    socket.connect(server.port, server.host, () => socket.send(question));
  });
}

function overTcp(server: Server, question: Buffer, timeoutMs: number): Promise<Result<Buffer>> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.host, port: server.port });
    let got = Buffer.alloc(0);
    const finish = (result: Result<Buffer>): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => finish(fail("timeout", `DNS server ${server.host} does not answer`)), timeoutMs);
    socket.on("error", (error) => finish(fail("server", `DNS server ${server.host}: ${error.message}`)));
    socket.on("close", () => finish(fail("server", `DNS server ${server.host} closed the connection`)));
    socket.on("data", (bytes: Buffer) => {
      got = Buffer.concat([got, bytes]);
      if (got.length < 2 || got.length < 2 + got.readUInt16BE(0)) return;
      finish(ok(got.subarray(2, 2 + got.readUInt16BE(0))));
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(question.length);
    socket.write(Buffer.concat([length, question]));
  });
}

const plain = (name: string): string => name.toLowerCase().replace(/\.$/, "");

/** The records asked for, through CNAMEs. */
function read<T extends RecordType>(response: Decoded, name: string, type: T): Result<Answer<T>> {
  const code = codeOf(response);
  if (code !== "NOERROR" && code !== "NXDOMAIN") return fail("server", `the DNS server says ${code}`);
  // Neither its own zone nor willing to ask others: it knows nothing of the name, which is not that there is nothing (a lame server).
  if ((response.answers ?? []).length === 0 && code === "NOERROR" && !response.flag_aa && !response.flag_ra)
    return fail("server", "the DNS server does not look names up for others");
  let owner = plain(name);
  let ttlS = MAX_TTL_S;
  const answers = (response.answers ?? []).slice(0, 4 * MAX_RECORDS);
  for (let i = 0; i < MAX_ALIASES; i++) {
    const alias = answers.find((one) => one.type === "CNAME" && plain(one.name) === owner);
    if (alias?.type !== "CNAME") break;
    ttlS = Math.min(ttlS, alias.ttl ?? 0);
    owner = plain(alias.data);
  }
  const records: RecordData[T][] = [];
  for (const one of answers) {
    if (one.type !== type || plain(one.name) !== owner || records.length >= MAX_RECORDS) continue;
    const data = typed(type, (one as { data: unknown }).data);
    if (data === undefined) continue;
    records.push(data as RecordData[T]);
    ttlS = Math.min(ttlS, (one as { ttl?: number }).ttl ?? 0);
  }
  const isAuthenticated = response.flag_ad;
  if (records.length > 0) return ok({ records, ttlS, isAuthenticated });
  const soa = response.authorities?.find((one) => one.type === "SOA");
  const negative = soa?.type === "SOA" ? Math.min(soa.ttl ?? 0, soa.data.minimum ?? 0) : NEGATIVE_TTL_S;
  return ok({ records: [], ttlS: Math.min(Math.max(negative, 5), 3600), isAuthenticated });
}

function typed(type: RecordType, data: unknown): RecordData[RecordType] | undefined {
  if (type === "A" || type === "AAAA")
    return typeof data === "string" && isIP(data) === (type === "A" ? 4 : 6) ? data : undefined;
  if (type === "TXT") {
    const strings = Array.isArray(data) ? data : [data];
    return strings.map((one) => (Buffer.isBuffer(one) ? one.toString("latin1") : String(one))).join("");
  }
  const fields = data as Record<string, unknown> | null;
  if (typeof fields !== "object" || fields === null) return undefined;
  if (type === "SRV") {
    const { priority = 0, weight = 0, port, target } = fields as Partial<RecordData["SRV"]>;
    // Port 0 leads nowhere, except where the root as target says that there is no such service (RFC 2782).
    return typeof port === "number" && typeof target === "string" && (port > 0 || plain(target) === "")
      ? { priority, weight, port, target }
      : undefined;
  }
  const naptr = fields as Partial<Record<keyof RecordData["NAPTR"], unknown>>;
  return {
    order: Number(naptr.order ?? 0),
    preference: Number(naptr.preference ?? 0),
    flags: String(naptr.flags ?? ""),
    services: String(naptr.services ?? ""),
    regexp: String(naptr.regexp ?? ""),
    replacement: String(naptr.replacement ?? ""),
  };
}
