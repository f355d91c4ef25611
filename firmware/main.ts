// Composition root: loads the configuration, picks the board, opens drivers, starts the handset. The only place that knows all.

import { appendFileSync, createWriteStream } from "node:fs";
import { isIPv6 } from "node:net";
import { findBoard, openDevices, openServiceManager } from "../platform/index.js";
import { Accounts } from "./accounts.js";
import type { CallAccount } from "./call/environment.js";
import { type CallSnapshot, Calls } from "./call/index.js";
import { type Config, loadConfig } from "./config/index.js";
import { ControlServer, type HandsetEvent, type HandsetStatus, type PhoneEvent } from "./control/index.js";
import { pooledRandom } from "./crypto/index.js";
import { Handset, type SoundRoute } from "./handset/index.js";
import { KeyPairPool } from "./keying/index.js";
import { delaysOf, LatencyHistory } from "./latency/index.js";
import { learnFromCalls } from "./learn-from-calls.js";
import { obey } from "./obey.js";
import {
  type KeyingShared,
  keyRules,
  laterKeyings,
  openCounters,
  openReplayCache,
  warmKeyPairs,
} from "./open-keying.js";
import { rehearseCalls } from "./rehearse-calls.js";
import {
  every,
  keepCode,
  Log,
  LoopDelay,
  loopDelayMetrics,
  Shutdown,
  systemClock,
  systemTimers,
  Trace,
  type TraceEntry,
} from "./runtime/index.js";
import { LOOPBACK, openSignalling, warmRoutes } from "./signalling.js";
import { areRegistered, isWildcard, type SipUri, UserAgent, watchAddress } from "./sip/index.js";
import { StartUp, startUpMetrics } from "./start-up.js";
import { watchNotice } from "./system-notice.js";
import { startVoiceThread } from "./voice-client.js";

/** How a handset is run. */
export interface RunOptions {
  /** Use the terminal as keys and screen. */
  readonly interactive: boolean;
  readonly version: string;
}

/** How long the registrars may take to answer when the phone is switched off. */
const UNREGISTER_MS = 2000;

const random = pooledRandom();

/**
 * Runs a handset until SIGTERM or SIGINT; resolves when it is up.
 * @throws ConfigError or Error with a sentence for the user; whatever was opened before is closed again.
 */
export async function runHandset(configFile: string, options: RunOptions): Promise<void> {
  const config = loadConfig(configFile);
  const shutdown = new Shutdown(new Log("main", (line) => process.stderr.write(line + "\n"), "warn"));
  shutdown.onSignals((code) => process.exit(code));
  try {
    await start(config, options, shutdown);
  } catch (error) {
    await shutdown.run();
    throw error;
  }
}

async function start(config: Config, options: RunOptions, shutdown: Shutdown): Promise<void> {
  const bootMs = systemClock.now() - performance.now();
  const manager = await openServiceManager();
  const log = openLog(config, options, shutdown);
  const board = findBoard(config.board);
  const trace = new Trace(systemClock);
  const startUp = new StartUp(trace, bootMs);
  const sound = { state: "ok" as HandsetStatus["sound"]["state"], text: "", xruns: 0 };
  let publish: (event: PhoneEvent, monotonicMs?: number) => void = () => {};
  let tellAlive = () => {};
  let handset: Handset | undefined;

  // First in, so last to be closed: who watches is told the end of every call and that the vibrator stopped.
  let control: ControlServer | undefined;
  shutdown.add("control socket", () => control?.close());

  const history = new LatencyHistory({
    ...(config.latencyFile === undefined ? {} : { file: config.latencyFile }),
    failed: (error) => log.warn("latency-not-written", { error: error.message }),
  });
  let isWarm = false;
  const loopDelay = new LoopDelay();
  /** Calls that have not ended. */
  const alive = new Set<number>();

  const keyPairs = new KeyPairPool({
    ...{ timers: systemTimers, ...(config.precompute ? {} : { size: 0 }) },
    failed: (error) => log.error("key-pair-not-made", { error: String(error) }),
  });
  const [replay, counters] = [once(() => openReplayCache(config, log)), once(() => openCounters(config, log))];
  const shared: KeyingShared = {
    ...{ keyPairs, random, log: log.for("keying") },
    get replay() {
      return replay();
    },
    get counters() {
      return counters();
    },
  };
  const keying = config.accounts.map((account) => laterKeyings(account, shared));
  shutdown.add("keying", () => {
    for (const method of keying.flat()) method.close();
    keyPairs.close();
  });

  const [signalling, devices] = await together(
    openSignalling(config.sip, log.for("sip")).then((opened) => {
      shutdown.add("sip sockets", () => opened.close());
      return opened;
    }),
    openDevices(board, {
      options: config.devices,
      interactive: options.interactive,
      observe: (device, what, atMs) => publish({ type: "device", device, text: what }, atMs),
      tell: (device, text) => {
        log.info("device", { device, text });
        publish({ type: "device", device, text });
      },
    }).then((opened) => {
      shutdown.add("devices", () => opened.close());
      return opened;
    }),
  );

  const accounts: Accounts = new Accounts({
    ...{ config, clock: systemClock, timers: systemTimers, random, log: log.for("registration") },
    changed: (status) => {
      startUp.registrations(accounts.status());
      tellAlive();
      publish({ type: "registration", registration: status });
    },
    unreachable: (to) => signalling.resolver.report(to, "failed"),
  });

  const common = {
    product: `Sotto/${options.version}`,
    supported: [
      ...(config.accounts.some((account) => account.register) ? ["outbound"] : []),
      ...(config.accounts.some((account) => account.gruu) ? ["gruu"] : []),
    ],
  };
  // What the user agent and the calls ask; rehearsed calls ask it, too.
  const asked = {
    // Who asks before there is a call control finds nobody at home.
    accepts: (uri: SipUri) => callControl?.accepts(uri) ?? true,
    auth: (account: string) => accounts.auth(account),
    contactOf: (account: string) => accounts.contact(account),
    route: (account: string) => accounts.route(account),
  };
  const userAgent = new UserAgent({
    transport: signalling.transports,
    resolver: signalling.resolver,
    rate: signalling.rate,
    clock: systemClock,
    timers: systemTimers,
    random,
    log: log.for("sip"),
    ...common,
    // A call leaves two transactions that live on for 32 s; calls that end make room for the next at once.
    limits: { dialogs: Math.max(64, 2 * config.maxCalls), serverTransactions: Math.max(4000, 32 * config.maxCalls) },
    accepts: asked.accepts,
    auth: asked.auth,
    contactOf: asked.contactOf,
  });
  shutdown.add("sip", () => userAgent.close());
  shutdown.add("registrations", () => accounts.close(UNREGISTER_MS));

  // Registering waits for the network: the rest is opened meanwhile. It takes a turn of the event loop for the REGISTER to leave.
  let callControl: Calls | undefined;
  warmRoutes(config, signalling.resolver);
  accounts.start(userAgent);
  await turn();

  let routed: SoundRoute = "handset";
  const voiceThread = startVoiceThread(
    {
      audio: devices.audio,
      voice: {
        localAddress: config.sip.address,
        ports: { min: config.rtp.portMin, max: config.rtp.portMax },
        audio: devices.audioOptions,
        tones: config.ring.tones,
        levels: devices.audioLevels,
      },
    },
    {
      device: ({ type, text }) => {
        log.warn("sound-card", { type, text });
        if (type === "xrun") sound.xruns++;
        else {
          sound.state = type === "lost" ? "lost" : "ok";
          sound.text = type === "lost" ? text : "";
          // A headset's card that goes before the headset's link: the call goes on over the phone's own.
          if (type === "lost" && routed !== "handset") route("handset");
          handset?.tell(type === "lost" ? `Sound card gone: ${text}` : "Sound card is back", type === "lost");
        }
        publish({ type: "device", device: "sound", text: `${type} ${text}` });
      },
      failed: (text) => {
        log.error("voice-failed", { text });
        sound.state = "failed";
        sound.text = text;
        handset?.tell("This phone's voice path has failed", true);
        publish({ type: "device", device: "sound", text: `failed ${text}` });
      },
    },
  );
  const { voice } = voiceThread;
  shutdown.add("voice", () => voiceThread.close());
  const route = (to: SoundRoute): void => {
    const wanted = to !== "handset" && devices.sounds[to] ? to : "handset";
    if (wanted === routed) return;
    routed = wanted;
    log.info("sound-route", { to: wanted });
    publish({ type: "device", device: "sound", text: `moves to the ${wanted}` });
    voice.useCard(wanted === "handset" ? undefined : devices.sounds[wanted]);
  };

  const measured = ({ id, security, direction, transport, statistics }: CallSnapshot) => {
    const entries = trace.read(id);
    keepTrace(config, id, entries, log);
    // A call that was not agreed on says nothing of the delays that users meet.
    if (security.state === "pending") return;
    history.add({
      ...delaysOf(entries, statistics?.mouthToEarMs),
      ...(transport === undefined ? {} : { transport }),
      ...{ atMs: systemClock.wallMs(), direction, warmth: isWarm ? "warm" : "cold" },
      method: security.state === "secure" ? security.peer.method : "open",
    });
    isWarm = true;
  };
  const learn = config.precompute ? undefined : learnFromCalls();
  const callers = { ...config.callers, allow: [...config.callers.allow, ...config.contacts.map(({ uri }) => uri)] };
  const calls = new Calls({
    accounts: config.accounts.map(
      (account, i): CallAccount => ({
        uri: account.uri,
        displayName: account.displayName,
        security: account.security,
        keying: keying[i],
        keys: keyRules(account),
        codecs: account.codecs,
        autoAnswerMs: account.autoAnswerMs,
        messages: account.messages ?? account.security !== "required",
        anonymous: account.anonymous,
        registers: account.register,
        refusesFor: account.refusesFor,
        verifiesAlone: account.keying.domainKeys === undefined,
      }),
    ),
    userAgent,
    voice,
    clock: systemClock,
    timers: systemTimers,
    trace,
    log: log.for("call"),
    random,
    localAddress: userAgent.local.host,
    route: asked.route,
    maxCalls: config.maxCalls,
    precompute: config.precompute,
    offerBudget: config.offerBudget,
    ringLimitMs: config.ring.limitS * 1000,
    callers,
    onEvent: (event) => {
      handset?.onCall(event);
      // Written before anybody is told: who hears of the end finds the file complete.
      if (event.type === "call") {
        if (event.call.state === "ended") {
          measured(event.call);
          learn?.();
          alive.delete(event.call.id);
        } else alive.add(event.call.id);
        loopDelay.watch(alive.size > 0);
      }
      publish(event);
    },
  });

  callControl = calls;

  handset = new Handset({
    devices,
    calls,
    voice,
    timers: systemTimers,
    log: log.for("handset"),
    account: config.accounts[0].uri,
    contacts: config.contacts,
    ringVolume: config.ring.volume,
    vibrate: config.ring.vibrate,
    mode: config.ring.mode,
    keyClick: config.ring.keyClick,
    route,
  });
  const hand = handset;
  shutdown.add("handset", () => hand.close());
  if (process.env["SOTTO_NOTICE"]) {
    const notice = watchNotice(process.env["SOTTO_NOTICE"], (text, error) => hand.tell(text, error));
    shutdown.add("system notice", () => notice.close());
  }
  shutdown.add("calls", () => calls.close());
  onCrash(hand, shutdown, log);

  const status = async (): Promise<HandsetStatus> => ({
    version: options.version,
    board: board.name,
    pid: process.pid,
    uptimeS: (systemClock.now() - bootMs) / 1000,
    startUp: startUp.status(),
    sip: {
      address: userAgent.local.host,
      port: userAgent.local.port,
      transport: userAgent.local.transport,
      transports: userAgent.locals.map(({ host, port, transport }) => ({ transport, address: host, port })),
      connections: userAgent.connections,
    },
    accounts: config.accounts.map((account, i) => ({
      uri: account.uri,
      security: account.security,
      keying: keying[i].map((method) => method.name),
      offers: account.keying.offer,
      suites: account.keying.suites,
    })),
    registrations: accounts.status(),
    calls: await Promise.all(calls.list().map(async (call) => ({ ...call, voice: await calls.statistics(call.id) }))),
    sound,
    keyPairs: keyPairs.status,
    offersAhead: calls.speculated,
    counters: userAgent.counters(),
    voiceDrops: await calls.voiceDrops(),
    refusals: Object.fromEntries(calls.refusals),
    callsSoFar: { ...calls.totals },
    loopDelay: loopDelay.status,
    memory: { rssBytes: process.memoryUsage.rss(), heapUsedBytes: process.memoryUsage().heapUsed },
  });
  control = await ControlServer.open(
    config.control!,
    (method, params) =>
      obey(method, params, {
        ...{ calls, handset: hand, status, history, simulate: devices.simulate },
        metrics: () => startUpMetrics(startUp.status()) + loopDelayMetrics(loopDelay.status),
      }),
    log.for("control"),
  );
  publish = (event, monotonicMs = systemClock.now()) =>
    control?.publish({ ...event, atMs: systemClock.wallMs(), monotonicMs } as HandsetEvent);

  if (isWildcard(config.sip.address)) {
    const watch = watchAddress(userAgent.local.host, {
      family: isIPv6(config.sip.address) ? 6 : 4,
      ...{ timers: systemTimers, clock: systemClock },
      changed: (address) => {
        log.info("address-changed", { address });
        userAgent.readdress(address);
        signalling.resolver.flush();
        accounts.readdress();
        calls.readdress(address);
        publish({ type: "device", device: "network", text: `address ${address}` });
      },
    });
    shutdown.add("address watch", () => watch.cancel());
  }

  for (const method of keying.flat()) {
    await turn();
    method.load();
  }
  await voiceThread.ready;
  startUp.ready();

  // Keys, certificates and key pairs are made ready while nobody waits for them.
  if (config.precompute)
    for (const method of keying.flat())
      method.prepare().catch((error: unknown) => log.error("keying-prepare-failed", { error: String(error) }));
  const lookUp = (account: string, peer?: SipUri): void => {
    // Calls come for the account's own address and for the phone's: here one that no network has (RFC 5737).
    for (const uri of [account, account.replace(/@.*/, "@192.0.2.1")]) {
      asked.route(uri);
      asked.contactOf(uri);
      asked.auth(uri);
    }
    if (!peer) return;
    asked.accepts(peer);
    signalling.resolver.resolve({ ...peer, host: LOOPBACK, params: [] }, () => {});
  };
  const alike = { ...common, rate: signalling.rate, callers, lookUp };
  const precomputed = config.precompute
    ? warmKeyPairs(config, keyPairs).then(() => rehearseCalls(config, { shared, voice, calls, alike, shutdown }))
    : Promise.resolve();
  precomputed
    .then(() => keepCode())
    .catch((error: unknown) =>
      log.warn("code-not-kept", { error: error instanceof Error ? error.message : String(error) }),
    );
  const { host: address, port } = userAgent.local;
  log.info("ready", { board: board.name, address, port, ...startUp.status() });
  if (manager) {
    manager.ready();
    tellAlive = () => manager.alive(areRegistered(accounts.status()));
    tellAlive();
    if (manager.watchdogMs !== undefined) {
      const feeding = every(systemTimers, systemClock, manager.watchdogMs, () => tellAlive());
      shutdown.add("watchdog", () => feeding.cancel());
    }
    shutdown.add("service manager", () => {
      manager.stopping();
      manager.close();
    });
  }
  // A screen on the same terminal says it itself.
  const display = config.devices?.["display"]?.["driver"] ?? board.display?.driver;
  if (!options.interactive && !(display === "terminal" && process.stdout.isTTY))
    process.stdout.write(
      `sotto is ready: ${config.accounts[0].uri} at ${address}:${port}, control ${config.control}\n`,
    );
}

/** Waits for both; when one fails, until the other has come to its end as well, so that it can be closed. */
async function together<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return [await one, await other];
}

/** Lets the event loop turn once. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Makes a thing at its first use. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function openLog(config: Config, options: RunOptions, shutdown: Shutdown): Log {
  const { file, level } = config.log;
  if (!file)
    return new Log("main", options.interactive ? () => {} : (line) => process.stderr.write(line + "\n"), level);
  const stream = createWriteStream(file, { flags: "a", mode: 0o600 });
  stream.on("error", () => {});
  // Lines of one turn are written at its end, together: whoever has something to say may have something to send first.
  let lines = "";
  const write = () => {
    if (lines) stream.write(lines);
    lines = "";
  };
  shutdown.add("log", () => {
    write();
    return new Promise<void>((resolve) => stream.end(resolve));
  });
  const put = (line: string) => {
    if (!lines) setImmediate(write);
    lines += `${line}\n`;
  };
  return new Log("main", put, level);
}

function keepTrace(config: Config, call: number, entries: readonly TraceEntry[], log: Log): void {
  if (!config.traceFile) return;
  try {
    appendFileSync(config.traceFile, JSON.stringify({ call, entries }) + "\n", { mode: 0o600 });
  } catch (error) {
    log.warn("trace-not-written", {
      file: config.traceFile,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}

/** A bug must not leave the vibrator on or the line open: everything is closed, then the process ends and its supervisor starts a new one. */
function onCrash(handset: Handset, shutdown: Shutdown, log: Log): void {
  const crash = (error: unknown) => {
    // The message may quote what the network sent; the log redacts it. The stack says where.
    log.error("crash", {
      error: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
    handset.close();
    void shutdown.run().then(() => process.exit(70));
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}
