// Two phones that call each other: a process each, an account for each method, over one transport and one way.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CallSnapshot } from "../../firmware/call/index.js";
import type { TraceEntry } from "../../firmware/runtime/index.js";
import { freePort, freeRange } from "../../test/support/ports.js";
import { endWithUs } from "../../test/support/started.js";
import { eventually } from "../../test/support/wait.js";
import {
  installedOptions,
  type Launch,
  Phone,
  type PhoneFiles,
  phoneFiles,
  untilRehearsed,
  untilRested,
} from "../demo-call/phone.js";
import { type Method, type Site, siteName, transports } from "./cases.js";
import { LineTail } from "./line-tail.js";
import { type People, passwords, type Side, sides, userOf } from "./people.js";
import { keepToProcessor } from "./processor.js";
import { type Sample, sampleOf } from "./sample.js";

/** From choosing somebody to pressing the call key, ms: no finger is faster. */
const CHOSEN_MS = 100;

/** Where and how the two phones of a site run. */
export interface Ground {
  /** Host part of a side's address of record: an address, or a domain. */
  readonly domain: Readonly<Record<Side, string>>;
  /** The address a side binds. */
  readonly address: Readonly<Record<Side, string>>;
  /** The domains' DNS server, where the phones register with the domains' proxies. */
  readonly dns?: string;
  /** How a side's process is started; default: as this one was. */
  readonly launch?: Readonly<Record<Side, Launch>>;
  /** How long a phone rings before it answers by itself, ms: the calling phase is over by then, and work ahead done. */
  readonly ringMs: number;
  /** How long a call is left up, ms, for the first voice packets. */
  readonly talkMs: number;
  /** How long anything may take, ms. */
  readonly patienceMs: number;
  /** What the phones run; default the translated tree. */
  readonly program: string;
  /** Further fields of both configurations. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A pair of phones that is up. */
export class LabPhones {
  private readonly tails: Readonly<Record<Side, LineTail<{ entries: TraceEntry[] }>>>;

  private constructor(
    readonly site: Site,
    private readonly ground: Ground,
    private readonly phones: Readonly<Record<Side, Phone>>,
    private readonly files: Readonly<Record<Side, PhoneFiles>>,
    /** Ports of SIP: UDP's and TCP's. */
    private readonly sipPorts: Readonly<Record<Side, number>>,
  ) {
    const tail = (side: Side) => new LineTail<{ entries: TraceEntry[] }>(files[side].trace);
    this.tails = { alice: tail("alice"), bob: tail("bob") };
  }

  /**
   * Starts both and waits until they are ready: registered, key pairs made, first call rehearsed.
   * @param folder an empty folder with a short path.
   * @throws Error with a phone's own words when it does not come up.
   */
  static async start(
    folder: string,
    site: Site,
    methods: readonly Method[],
    ground: Ground,
    people: People,
  ): Promise<LabPhones> {
    const phones: Partial<Record<Side, Phone>> = {};
    const files = {} as Record<Side, PhoneFiles>;
    const ports = {} as Record<Side, number>;
    try {
      const starting = sides.map(async (side) => {
        const own = join(folder, side);
        mkdirSync(own, { recursive: true });
        files[side] = phoneFiles(own, own, side);
        ports[side] = await freePort();
        const config = await configOf(side, site, methods, ground, people, files[side], ports[side]);
        // A group of its own: Ctrl-C ends the laboratory first, which then ends its phones.
        const limitMs = Math.max(15_000, ground.patienceMs);
        const launch = { node: installedOptions, limitMs, isGroup: true, ...ground.launch?.[side] };
        const phone = await Phone.start(side, ground.program, files[side], config, launch);
        endWithUs(phone.pid, phone.exited);
        keepToProcessor(phone.pid, side);
        phones[side] = phone;
      });
      const failed = (await Promise.allSettled(starting)).find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
      const pair = new LabPhones(site, ground, phones as Record<Side, Phone>, files, ports);
      await Promise.all(sides.map((side) => pair.ready(side)));
      return pair;
    } catch (error) {
      await Promise.all(sides.map((side) => phones[side]?.stop()));
      throw new Error(`${siteName(site)}: ${(error as Error).message}`);
    }
  }

  /** Resolves when both have played all their rehearsed calls, so that no call meets one. */
  async rested(isStopping: () => boolean): Promise<void> {
    if (this.site.precomputation === "off") return;
    await Promise.all(sides.map((side) => untilRested(this.files[side], isStopping)));
  }

  /** Ports both are reached at, but for TLS. */
  get ports(): readonly number[] {
    return sides.map((side) => this.sipPorts[side]);
  }

  /** Places a call as {@link place} does, and says what its phases took. */
  async call(method: Method): Promise<Sample> {
    for (const side of sides) this.tails[side].read();
    const { transport } = await this.place(method);
    const entries = (side: Side) => this.tails[side].read().at(-1)?.entries ?? [];
    const traces = { alice: entries("alice"), bob: entries("bob") };
    const sample = sampleOf(traces, method !== "none", this.site.network === "loss");
    return { ...sample, carriedBy: transport };
  }

  /** Places a call, has it answered, hangs up, and waits until both ends are free. @throws Error saying what did not happen. */
  async place(method: Method): Promise<CallSnapshot> {
    const { alice, bob } = this.phones;
    const { patienceMs, talkMs } = this.ground;
    for (const side of sides) this.phones[side].calls.clear();
    const wanted = {
      uri: this.uriOf("bob", method),
      account: `sip:${userOf("alice", method, this.site.precomputation)}@${this.ground.domain.alice}`,
    };
    // Somebody is chosen on the screen before the call key is pressed.
    if (this.site.precomputation === "on") {
      await alice.control.ask("expect", wanted);
      await new Promise((resolve) => setTimeout(resolve, CHOSEN_MS));
    }
    const { id } = await alice.control.ask("dial", wanted);
    const isUp = [
      alice.until("answer", patienceMs, (call) => call.id === id && call.state === "active"),
      bob.until("call", patienceMs, (call) => call.state === "active"),
    ];
    const calls = await Promise.all(isUp);
    const state = method === "none" ? "open" : "secure";
    for (const { security } of calls)
      if (security.state !== state) throw new Error(`the call is ${security.state}, not ${state}`);
    await new Promise((resolve) => setTimeout(resolve, talkMs));
    await alice.control.ask("hangup", { id });
    await Promise.all(
      sides.map((side) => this.phones[side].until("end", patienceMs, ({ state }) => state === "ended")),
    );
    return calls[0];
  }

  /** After a call that failed: both ends hang up, so that the next call finds them free. */
  async settle(): Promise<void> {
    for (const side of sides) {
      const { control } = this.phones[side];
      await control.ask("hangup", {}).catch(() => {});
      const isFree = async () => (await control.ask("status", {})).calls.length === 0;
      await eventually(`${side} to be free`, this.ground.patienceMs, isFree).catch(() => {});
    }
  }

  /** Both processes end as a system would end them. */
  async stop(): Promise<void> {
    await Promise.all(sides.map((side) => this.phones[side].stop()));
  }

  private uriOf(side: Side, method: Method): string {
    const { domain, dns } = this.ground;
    const user = userOf(side, method, this.site.precomputation);
    if (dns !== undefined) return `sip:${user}@${domain[side]}`;
    const { transport } = this.site;
    const port = transport === "tls" ? this.sipPorts.bob + 1 : this.sipPorts.bob;
    return `sip:${user}@${domain[side]}:${port}${transport === "udp" ? "" : `;transport=${transport}`}`;
  }

  private async ready(side: Side): Promise<void> {
    const { patienceMs } = this.ground;
    const phone = this.phones[side];
    if (this.site.precomputation === "on") await untilRehearsed(this.files[side], patienceMs);
    await eventually(`${side}'s registration`, patienceMs, async () =>
      (await phone.control.ask("status", {})).registrations.every(({ state }) => state === "registered"),
    );
  }
}

async function configOf(
  side: Side,
  site: Site,
  methods: readonly Method[],
  ground: Ground,
  people: People,
  files: PhoneFiles,
  port: number,
): Promise<object> {
  const uri = (method: Method) => (who: Side) =>
    `sip:${userOf(who, method, site.precomputation)}@${ground.domain[who]}`;
  const accounts = [];
  for (const method of methods) {
    const user = userOf(side, method, site.precomputation);
    const passwordFile = join(files.config, "..", `${user}.password`);
    if (ground.dns !== undefined) writeFileSync(passwordFile, `${passwords()[user]}\n`, { mode: 0o600 });
    accounts.push({
      uri: uri(method)(side),
      security: method === "none" ? "off" : "required",
      keying: await people.keying(method, side, uri(method)),
      codecs: ["PCMU"],
      ...(side === "bob" ? { autoAnswerMs: ground.ringMs } : {}),
      ...(ground.dns === undefined
        ? {}
        : {
            register: true,
            registerExpiresS: 3600,
            auth: { user, passwordFile },
            outboundProxies: [{ host: ground.domain[side] }],
          }),
    });
  }
  const tls = await people.server([ground.address[side]]);
  return {
    board: "host",
    sip: {
      address: ground.address[side],
      port,
      transports: [site.transport, ...transports.filter((one) => one !== site.transport)],
      tls: { ...tls, trustAnchors: [people.authorityFile] },
      ...(ground.dns === undefined ? {} : { resolver: { servers: [ground.dns] } }),
    },
    rtp: await freeRange(16),
    control: files.socket,
    log: { level: "info", file: files.log },
    traceFile: files.trace,
    accounts,
    ...(site.precomputation === "off" ? { precompute: false } : {}),
    // One caller places them all here, one after the other.
    offerBudget: { burst: 1000, perSecond: 1000 },
    ...ground.more,
  };
}
