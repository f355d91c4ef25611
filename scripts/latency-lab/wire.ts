// INVITE to ACK as it passes over loopback, of our telephones and of baresip's, one call of each in turn, captured alike.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wavFile } from "../../firmware/audio/index.js";
import { Baresip, baresipMissing } from "../../test/interop/baresip.js";
import { Capture, captureMissing } from "../../test/interop/capture.js";
import { pause } from "../../test/support/wait.js";
import type { Method, Site } from "./cases.js";
import type { PartContext } from "./parts.js";
import { LabPhones } from "./phones.js";
import { keepToProcessor } from "./processor.js";
import type { WireResult } from "./result.js";

/** Two telephones of one kind; the called one answers by itself, at once. */
interface Couple {
  readonly name: string;
  /** Ports their SIP passes through. */
  readonly ports: readonly number[];
  call(): Promise<void>;
  /** Resolves when both are done with what they do after a start. */
  rested?(): Promise<void>;
  stop(): Promise<void>;
}

/** Calls before those that count: ours are compiled while they run. */
const WARMUP = 40;
/** Between two calls, ms: what one leaves behind is over. */
const REST_MS = 60;

/** Why nothing can be measured here; undefined: it can. */
export async function wireMissing(): Promise<string | undefined> {
  return baresipMissing() ?? (await captureMissing());
}

/** Measures. @throws Error when a telephone does not come up or the capture fails. */
export async function measureWire(context: PartContext): Promise<WireResult[]> {
  const { calls, progress } = context;
  const folder = join(context.folder, "wire");
  mkdirSync(folder);
  const says = join(folder, "silence.wav");
  writeFileSync(says, wavFile(8000, new Int16Array(80_000)));
  const couples: Couple[] = [];
  let capture: Capture | undefined;
  try {
    for (const method of ["none", "psk", "dh"] as const)
      couples.push(await ours(method, join(folder, method), context));
    progress.status("waiting until our telephones have rehearsed");
    if (!context.isQuick) await Promise.all(couples.map((couple) => couple.rested?.()));
    for (const [mediaEncryption, name] of [
      ["none", "baresip open"],
      ["srtp-mand", "baresip SDES"],
      ["dtls_srtp", "baresip DTLS"],
    ] as const)
      couples.push(await baresips(name, mediaEncryption, join(folder, mediaEncryption), says));
    const ports = couples.flatMap((couple) => couple.ports);
    const file = join(folder, "wire.pcapng");
    capture = await Capture.start(file, ports, [], { limitS: 60 + 6 * (WARMUP + calls), withTcp: true });
    for (let round = -WARMUP; round < calls && !context.isStopping(); round++)
      for (const couple of couples) {
        progress.status(`${couple.name}, call ${round + WARMUP + 1} of ${calls + WARMUP}`);
        await couple.call();
        await pause(REST_MS);
      }
    await capture.stop();
    return await read(capture, couples);
  } finally {
    await capture?.stop();
    await Promise.all(couples.map((couple) => couple.stop()));
  }
}

async function ours(method: Method, folder: string, context: PartContext): Promise<Couple> {
  const local = { alice: "127.0.0.1", bob: "127.0.0.1" };
  const site: Site = {
    transport: "udp",
    path: "direct",
    precomputation: "on",
    processor: "native",
    network: "loopback",
  };
  const ground = {
    ...{ domain: local, address: local, program: context.program, ringMs: 0, talkMs: 30, patienceMs: 10_000 },
  };
  const phones = await LabPhones.start(folder, site, [method], ground, context.people);
  return {
    name: `Sotto ${method === "none" ? "open" : method}`,
    ports: phones.ports,
    call: async () => void (await phones.place(method)),
    rested: () => phones.rested(context.isStopping),
    stop: () => phones.stop(),
  };
}

async function baresips(
  name: string,
  mediaEncryption: "none" | "srtp-mand" | "dtls_srtp",
  folder: string,
  says: string,
): Promise<Couple> {
  const start = (user: string) =>
    Baresip.start({ folder: join(folder, user), user, codecs: ["PCMU"], says, mediaEncryption });
  const [alice, bob] = [await start("alice"), await start("bob")];
  keepToProcessor(alice.pid, "alice");
  keepToProcessor(bob.pid, "bob");
  return {
    name,
    ports: [alice.sipPort, bob.sipPort],
    async call() {
      const from = { alice: alice.events.entries.length, bob: bob.events.entries.length };
      await alice.command("dial", bob.uri);
      await alice.until("CALL_ESTABLISHED", 10_000, from.alice);
      await bob.until("CALL_ESTABLISHED", 10_000, from.bob);
      await pause(30);
      await alice.command("hangup");
      await Promise.all([alice.until("CALL_CLOSED", 10_000, from.alice), bob.until("CALL_CLOSED", 10_000, from.bob)]);
    },
    stop: async () => void (await Promise.all([alice.stop(), bob.stop()])),
  };
}

/** What is kept of a call's messages: when each first passed, s. */
interface Passing {
  readonly ports: ReadonlySet<number>;
  invite?: number;
  ringing?: number;
  ack?: number;
}

async function read(capture: Capture, couples: readonly Couple[]): Promise<WireResult[]> {
  const rows = await capture.fields(
    "sip",
    ...["frame.time_epoch", "udp.srcport", "udp.dstport", "tcp.srcport", "tcp.dstport"],
    ...["sip.Call-ID", "sip.Method", "sip.Status-Code"],
  );
  const calls = new Map<string, Passing>();
  for (const [time, udpFrom, udpTo, tcpFrom, tcpTo, ids, method, status] of rows) {
    const id = ids.split(",")[0];
    const ports = new Set([udpFrom, udpTo, tcpFrom, tcpTo].filter(Boolean).map(Number));
    const call = calls.get(id) ?? { ports };
    calls.set(id, call);
    const at = Number(time);
    if (/\bINVITE\b/.test(method)) call.invite ??= at;
    if (/\bACK\b/.test(method)) call.ack ??= at;
    if (/\b18\d\b/.test(status)) call.ringing ??= at;
  }
  return couples.map(({ name, ports }) => {
    const own = [...calls.values()].filter((call) => ports.some((port) => call.ports.has(port))).slice(WARMUP);
    const between = (end: "ringing" | "ack") =>
      own.flatMap((call) => {
        const [from, to] = [call.invite, call[end]];
        return from === undefined || to === undefined ? [] : [(to - from) * 1000];
      });
    return { name, inviteToAck: between("ack"), inviteToRinging: between("ringing") };
  });
}
