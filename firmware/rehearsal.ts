// The first call after power-on is the one people make: this plays a whole call inside the process beforehand, so that its code is
// compiled and its pages are in. Nothing leaves the process. Part of the composition root.

import { type CallAccount, type CallEvent, type CallerRules, Calls, judgeCaller } from "./call/index.js";
import type { Keying } from "./keying/index.js";
import { RemoteVoice, serveVoice } from "./media/index.js";
import { emptyStatistics } from "./media/statistics.js";
import type { Voice, VoiceAhead, VoiceStream } from "./media/voice.js";
import { type Clock, type Log, ok, silentLog, type Timers, Trace } from "./runtime/index.js";
import { forgetAll } from "./runtime/remembering.js";
import {
  type SipAddress,
  type SipTransport,
  type SipUri,
  type TransportReceiver,
  UserAgent,
  type UserAgentOptions,
} from "./sip/index.js";

/** A call to be rehearsed: an account calls itself. */
export interface Rehearsed {
  readonly uri: string;
  readonly security: CallAccount["security"];
  readonly codecs: readonly string[];
  /** Key agreement in which the account can prove to itself who it is; empty for open calls. Closed by {@link rehearse}. */
  readonly keying: readonly Keying[];
}

export interface RehearsalOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  /**
   * The transports of one of two phones that reach each other and nobody else; asked for twice. The first phone's are given for the second. Default:
   * ones inside the process, which rehearse no sockets.
   */
  readonly transports?: () => Promise<readonly SipTransport[]>;
  /** What makes the calls more like real ones; default: nothing. */
  readonly alike?: Alike;
  /**
   * No further call is begun after this, ms, once there were {@link LEAST_CALLS}: a slow device needs some seconds, and a call that is really
   * made ends it.
   */
  readonly budgetMs: number;
  /** Whether nobody needs the phone just now; default: nobody does. A real call ends the first calls, and further ones wait for it. */
  readonly isQuiet?: () => boolean;
  /** Calls at most. */
  readonly calls: number;
  /** So many instead where the last of those took so long. */
  readonly slow?: { readonly fromMs: number; readonly calls: number };
  /** Goes on after that, a call at a time: what runs a hundred times is compiled better than what ran ten times. */
  readonly further?: FurtherRehearsal;
}

/** What real calls meet on their way as well, as far as it does not lead them elsewhere. */
export interface Alike extends Pick<UserAgentOptions, "rate" | "product" | "supported"> {
  readonly callers: CallerRules;
  /** One that nobody reads. */
  readonly log: Log;
  /** Asks what the real user agent and the real calls ask for an account, and about a peer's address; nothing is done with the answers. */
  readonly lookUp: (account: string, peer?: SipUri) => void;
}

/** Rehearsing in a quiet phone's spare time. */
export interface FurtherRehearsal {
  /** Pause before a call, ms, given how many further ones were played and what the last call took, so that a slow device is not kept busy. */
  readonly pauseMs: (played: number, lastMs: number) => number;
  readonly calls: number;
  /** None is begun so long after the first rehearsed call, ms: a slow device does not go on for ever. */
  readonly limitMs: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Told of the first calls when they have been played, before the further ones. */
  readonly begins: (report: RehearsalReport) => void;
}

/** What was rehearsed. */
export interface RehearsalReport {
  readonly calls: number;
  readonly tookMs: number;
  /** From dialling to both ends being in the call, ms: of the first and of the last. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Played however slow the device is: what runs once is only read in, what runs again is compiled. */
export const LEAST_CALLS = 3;

/** How long a rehearsed call rings, ms. */
const RING_MS = 2;
/** A call that has not come about by then never will, ms. */
const LIMIT_MS = 20_000;

/**
 * Plays calls of each account with itself, one after the other, over transports and voices that lead nowhere.
 * @throws Error when a call fails: the next real one would too.
 */
export async function rehearse(accounts: readonly Rehearsed[], options: RehearsalOptions): Promise<RehearsalReport> {
  const { clock, budgetMs, calls, isQuiet = () => true } = options;
  const startedAt = clock.now();
  const took: number[] = [];
  const report = (): RehearsalReport => ({
    calls: took.length,
    tookMs: clock.now() - startedAt,
    firstMs: took[0] ?? 0,
    lastMs: took.at(-1) ?? 0,
  });
  const stages: Stage[] = [];
  try {
    for (const account of accounts) stages.push(await Stage.open(account, options));
    const goesOn = () => isQuiet() && (took.length < LEAST_CALLS || clock.now() - startedAt < budgetMs);
    const play = async () => {
      const before = clock.now();
      await stages[took.length % stages.length].call();
      took.push(clock.now() - before);
    };
    const playUpTo = async (count: number) => {
      while (stages.length > 0 && took.length < count && goesOn()) await play();
    };
    await playUpTo(calls);
    const { slow, further } = options;
    if (slow && report().lastMs >= slow.fromMs) await playUpTo(slow.calls);
    if (further && stages.length > 0) {
      further.begins(report());
      const played = took.length;
      const pauseMs = () => further.pauseMs(took.length - played, took.at(-1) ?? 0);
      while (took.length < played + further.calls && clock.now() - startedAt < further.limitMs) {
        // Somebody dials in the meantime: the offer is made ahead.
        stages[took.length % stages.length].expect();
        if (!(await passed(pauseMs(), further.signal, options.timers))) break;
        if (isQuiet()) await play();
      }
    }
  } finally {
    await Promise.all(stages.map((stage) => stage.close()));
    // Those that got no stage.
    for (const { keying } of accounts.slice(stages.length)) for (const method of keying) method.close();
  }
  return report();
}

/** One pause. False: it is over. */
function passed(ms: number, signal: AbortSignal, timers: Timers): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const end = (goesOn: boolean) => {
      timer.cancel();
      signal.removeEventListener("abort", stop);
      resolve(goesOn);
    };
    const stop = () => end(false);
    const timer = timers.after(ms, () => end(true));
    signal.addEventListener("abort", stop);
  });
}

/** Two phones of one account. */
class Stage {
  private readonly phones: readonly { readonly userAgent: UserAgent; readonly calls: Calls; readonly voice: Voice }[];
  private readonly timers: Timers;
  private heard: (event: CallEvent) => void = () => {};
  /** Calls so far. */
  private placed = 0;

  private constructor(
    private readonly account: Rehearsed,
    options: RehearsalOptions,
    [caller, callee]: readonly (readonly SipTransport[])[],
  ) {
    this.timers = options.timers;
    this.phones = [this.phone(caller, callee[0].local, options), this.phone(callee, caller[0].local, options)];
  }

  static async open(account: Rehearsed, options: RehearsalOptions): Promise<Stage> {
    return new Stage(account, options, await pairOfTransports(options));
  }

  /** The next call is likely. */
  expect(): void {
    this.phones[0].calls.expect(this.account.uri, this.account.uri);
  }

  /** One call, from dialling to its end at both ends. */
  async call(): Promise<void> {
    const states: string[] = [];
    const inCall = () => states.filter((state) => state === "active").length >= 2;
    const over = () => states.filter((state) => state === "ended").length >= 2;
    let wake = () => {};
    this.heard = (event) => {
      if (event.type === "refused") states.push("ended");
      if (event.type === "call" && (event.call.state === "active" || event.call.state === "ended"))
        states.push(event.call.state);
      wake();
    };
    let isLate = false;
    let isUp = false;
    const until = async (done: () => boolean) => {
      while (!done()) {
        // A caller that has nothing to offer is the only one that ends.
        if ((!isUp && states.includes("ended")) || isLate)
          throw new Error(`a rehearsed call ${isLate ? "hung" : "failed"}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    const limit = this.timers.after(LIMIT_MS, () => {
      isLate = true;
      wake();
    });
    try {
      const [{ calls }] = this.phones;
      // The real call's names are new to this phone.
      forgetAll();
      this.placed++;
      const { id } = calls.dial(this.account.uri, this.account.uri);
      await until(inCall);
      isUp = true;
      calls.hangup(id);
      await until(over);
      // Every other call is one between phones that know each other: its offer is another.
      if (this.placed % 2 === 0) for (const method of this.account.keying) method.forgetPeers?.();
    } finally {
      limit.cancel();
    }
  }

  async close(): Promise<void> {
    for (const { calls } of this.phones) calls.close();
    await Promise.all(this.phones.flatMap(({ userAgent, voice }) => [userAgent.close(), voice.close()]));
    for (const method of this.account.keying) method.close();
  }

  private phone(transport: readonly SipTransport[], other: SipAddress, options: RehearsalOptions) {
    const { clock, timers, random, alike } = options;
    const { uri, security, codecs, keying } = this.account;
    const log = alike?.log ?? silentLog;
    const voice = openVoiceless();
    const userAgent = new UserAgent({
      ...{ transport, clock, timers, random, log },
      ...(alike ? { rate: alike.rate, product: alike.product, supported: alike.supported } : {}),
      contactOf: (account) => {
        alike?.lookUp(account);
        return undefined;
      },
      accepts: (wanted) => calls.accepts(wanted),
      resolver: {
        resolve: (wanted, done) => {
          alike?.lookUp(uri, wanted);
          done(ok(other));
        },
      },
    });
    const calls: Calls = new Calls({
      // It rings for a moment: an answer that is made ahead is what most calls have.
      accounts: [{ uri, security, codecs, keying, autoAnswerMs: RING_MS, verifiesAlone: true }],
      ...{ userAgent, voice, clock, timers, random },
      trace: new Trace(clock),
      log,
      ...(alike ? { callers: lettingIn(alike.callers, uri) } : {}),
      localAddress: transport[0].local.host,
      route: (account) => {
        alike?.lookUp(account);
        return this.placed % 2 === 1 ? { routes: [] } : { nextHop: other, routes: [] };
      },
      maxCalls: 1,
      ringLimitMs: LIMIT_MS,
      onEvent: (event) => this.heard(event),
    });
    return { userAgent, calls, voice };
  }
}

/** Rules of the owner that let the account's own calls pass. */
function lettingIn(rules: CallerRules, uri: string): CallerRules {
  const isOwn = (entry: string) =>
    judgeCaller({ allow: [], block: [entry], unknown: "ring" }, { claimed: uri }) === "block";
  return { ...rules, allow: [...rules.allow, uri], block: rules.block.filter((entry) => !isOwn(entry)) };
}

/** Transports of two phones that reach each other and nobody else. */
async function pairOfTransports({ clock, transports }: RehearsalOptions): Promise<(readonly SipTransport[])[]> {
  if (!transports) return pairInside(clock);
  const first = await transports();
  try {
    return [first, await transports()];
  } catch (error) {
    await Promise.all(first.map((one) => one.close()));
    throw error;
  }
}

/** Transports without sockets; their addresses are ones that no network has (RFC 5737). */
function pairInside(clock: Clock): (readonly SipTransport[])[] {
  const receivers: (TransportReceiver | undefined)[] = [];
  const one = (mine: number): readonly SipTransport[] => {
    const local: SipAddress = { host: `192.0.2.${mine + 1}`, port: 5060, transport: "udp" };
    const transport: SipTransport = {
      local,
      reliable: false,
      maxBytes: 65_535,
      start(receiver) {
        receivers[mine] = receiver;
      },
      send(bytes, _to, done) {
        setImmediate(() => {
          done(undefined, clock.now());
          receivers[1 - mine]?.message(bytes, local, clock.now());
        });
      },
      async close() {
        receivers[mine] = undefined;
      },
    };
    return [transport];
  };
  return [one(0), one(1)];
}

const nobody = { device() {}, failed() {} };

/** A voice without sound or sockets, whose ports are always told, behind the line that a voice in a thread is behind. */
function openVoiceless(): RemoteVoice {
  const { port1: line, port2: end } = new MessageChannel();
  let tell = (_ports: { rtpPort: number; rtcpPort: number }) => {};
  const stream: VoiceStream = {
    ...{ rtpPort: 4000, rtcpPort: 4001 },
    keys() {},
    rekey: async () => {},
    confirmKeys() {},
    start() {},
    digit() {},
    mute() {},
    statistics: async () => emptyStatistics,
    close: async () => emptyStatistics,
  };
  const voice: Voice & VoiceAhead = {
    open: async () => stream,
    offerPorts(told) {
      tell = told;
      tell(stream);
    },
    openAt() {
      tell(stream);
      return stream;
    },
    tone() {},
    volume() {},
    async close() {},
  };
  serveVoice(
    end,
    () => voice,
    () => end.close(),
  );
  return new RemoteVoice(line, nobody);
}
