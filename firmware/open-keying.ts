// Opens key agreement as configured: keys, certificates, revocation lists, the replay cache. Part of the composition root.

import { readFileSync } from "node:fs";
import type { KeyRules } from "./call/environment.js";
import type { AccountConfig, Config } from "./config/index.js";
import { type DhGroupName, sameSipIdentity } from "./crypto/index.js";
import { RevocationLists } from "./crypto/revocation.js";
import {
  createMikeyKeying,
  DomainKeys,
  FileCounters,
  FileReplayCache,
  type Keying,
  type KeyPairPool,
  type LaterKeying,
  laterKeying,
  perPeerKeying,
} from "./keying/index.js";
import {
  type CounterStore,
  MemoryReplayCache,
  type MethodName,
  type RandomSource,
  type ReplayCache,
} from "./mikey/index.js";
import { type Log, Secret, systemClock } from "./runtime/index.js";
import { dnsClient } from "./sip/index.js";

/** Methods that need certificates or published keys. */
const signing: ReadonlySet<MethodName> = new Set<MethodName>(["dh", "pke", "rsa-r"]);

/** The cache of offers seen, for all accounts. @throws Error when the file is there and is none of ours. */
export function openReplayCache(config: Config, log: Log): ReplayCache {
  if (config.replayFile === undefined) return new MemoryReplayCache();
  return new FileReplayCache(config.replayFile, {
    nowMs: systemClock.wallMs(),
    failed: (error) => log.warn("replay-cache-not-written", { error: error.message }),
  });
}

/**
 * The counters that peers use as timestamps, beside the cache of offers seen. Undefined when nothing is kept: a counter forgotten at a
 * restart would let old offers pass, so none are taken. @throws Error when the file is there and is none of ours.
 */
export function openCounters(config: Config, log: Log): CounterStore | undefined {
  if (config.replayFile === undefined) return undefined;
  return new FileCounters(`${config.replayFile}.counters`, {
    failed: (error) => log.warn("counters-not-written", { error: error.message }),
  });
}

/** What the accounts of a phone share for their key agreements. */
export interface KeyingShared {
  readonly replay: ReplayCache;
  readonly counters: CounterStore | undefined;
  readonly keyPairs: Pick<KeyPairPool, "take">;
  readonly random: RandomSource;
  readonly log: Log;
}

/**
 * The same methods as {@link openKeying}, opened when they are first used or loaded: reading certificates takes time that registering need
 * not wait for.
 */
export function laterKeyings(account: AccountConfig, shared: KeyingShared): LaterKeying[] {
  const { privateKey, sharedKeys, peers } = account.keying;
  const has = privateKey !== undefined || sharedKeys.length > 0 || peers.length > 0;
  return account.security === "off" || !has ? [] : [laterKeying("mikey", () => openKeying(account, shared)[0])];
}

/** The key agreement methods an account is configured for. @throws Error naming the file that is not what it should be. */
export function openKeying(
  account: AccountConfig,
  { replay, counters, keyPairs, random, log }: KeyingShared,
): Keying[] {
  const { keying } = account;
  if (account.security === "off") return [];
  const { certificate, privateKey, domainKeys } = keying;
  const identity =
    privateKey === undefined
      ? undefined
      : {
          privateKeyPem: readFileSync(privateKey, "utf8"),
          ...(certificate === undefined ? {} : { certificateChainPem: readFileSync(certificate, "utf8") }),
        };
  try {
    const lists = keying.revocationLists.map(readList);
    const wantsLists = lists.length > 0 || keying.requireRevocationLists;
    const common = {
      ...(identity ? { identity } : {}),
      trustAnchorsPem: keying.trustAnchors.map((file) => readFileSync(file, "utf8")),
      peerCertificatesPem: keying.peerCertificates.map((file) => readFileSync(file, "utf8")),
      ...(wantsLists ? { revocation: new RevocationLists(lists, { required: keying.requireRevocationLists }) } : {}),
      ...(domainKeys
        ? {
            directory: new DomainKeys({
              dns: dnsClient(domainKeys.servers ? { servers: domainKeys.servers } : {}),
              ...(domainKeys.folder === undefined ? {} : { folder: domainKeys.folder }),
              requiresAuthenticated: domainKeys.requireDnssec,
              failed: (error) => log.warn("domain-key-not-kept", { error: error.message }),
            }),
          }
        : {}),
      ...(keying.accepts ? { accepts: keying.accepts } : {}),
      signatures: keying.signatures,
      group: keying.group,
      suites: keying.suites,
      level: keying.level,
      // Calls are re-keyed, and changes of them are proved, by the agreement they began with.
      keepsBundles: true,
      takeDhKeyPair: (group: DhGroupName) => keyPairs.take(group),
      clock: systemClock,
      random,
      skewMs: keying.clockSkewS * 1000,
      replay,
      ...(counters ? { counters } : {}),
    };
    const others = identity && createMikeyKeying({ ...common, offer: offerable(keying.offer, true, false) });
    const peers = peersOf(keying).map(({ uri, shared, own }) => {
      const compat = own?.compat ?? shared?.compat;
      return {
        fits: (other: string) => sameSipIdentity(uri, other),
        keying: createMikeyKeying({
          ...common,
          offer: offerable(own?.offer ?? keying.offer, identity !== undefined, shared !== undefined),
          ...(shared ? { psk: { key: readSharedKey(shared.file), name: shared.peer } } : {}),
          ...(own?.accepts ? { accepts: own.accepts } : {}),
          ...(own?.suites ? { suites: own.suites } : {}),
          ...(compat ? { compat } : {}),
        }),
      };
    });
    return others || peers.length > 0 ? [perPeerKeying(peers, others)] : [];
  } catch (error) {
    throw new Error(`account ${account.uri}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Peers with a key or settings of their own. */
function peersOf({ sharedKeys, peers }: AccountConfig["keying"]) {
  const own = (uri: string) => peers.find(({ peer }) => sameSipIdentity(peer, uri));
  const rest = peers.filter(({ peer }) => !sharedKeys.some((shared) => sameSipIdentity(shared.peer, peer)));
  return [
    ...sharedKeys.map((shared) => ({ uri: shared.peer, shared, own: own(shared.peer) })),
    ...rest.map((one) => ({ uri: one.peer, shared: undefined, own: one })),
  ];
}

/** Those of the methods that there are keys for, or what there are keys for. */
function offerable(wanted: readonly MethodName[], hasIdentity: boolean, hasSharedKey: boolean): MethodName[] {
  const can = wanted.filter((method) => (signing.has(method) ? hasIdentity : hasSharedKey));
  return can.length > 0 ? can : [hasSharedKey && !hasIdentity ? "psk" : "dh"];
}

/** How an account's calls deal with keys. */
export function keyRules({ keying }: AccountConfig): KeyRules {
  const { rekeyS, rekeyBy, keyPackets, changes, failedLine, refusedRekey } = keying;
  return {
    ...(rekeyS === undefined ? {} : { rekeyMs: rekeyS * 1000 }),
    rekeyBy,
    ...(keyPackets === undefined ? {} : { lifetime: keyPackets }),
    changes,
    failedLine,
    refusedRekey,
  };
}

/** A revocation list's file: PEM or DER. */
function readList(file: string): string | Uint8Array {
  const bytes = readFileSync(file);
  return bytes[0] === 0x30 ? new Uint8Array(bytes) : bytes.toString("utf8");
}

/**
 * Starts making the key pairs that the accounts' calls will take: for their own offers, and for answers to signed offers of others.
 * Resolves when the pool is full.
 */
export async function warmKeyPairs(config: Config, keyPairs: KeyPairPool): Promise<void> {
  for (const { security, keying } of config.accounts) {
    const offered = [keying, ...keying.peers].flatMap(({ offer = [] }) => offer);
    const usesPairs = keying.privateKey !== undefined || offered.some((one) => one === "dh" || one === "dhhmac");
    if (security !== "off" && usesPairs) await keyPairs.fill(keying.group);
  }
}

/**
 * Key agreement in which an account can prove to itself who it is: what a rehearsed call needs. With certificates it is the account's own;
 * with shared keys only, one that nobody else has.
 */
export function openRehearsedKeying(account: AccountConfig, shared: KeyingShared): Keying[] {
  const { keying, security } = account;
  if (security === "off") return [];
  if (keying.privateKey !== undefined) {
    const offer = offerable(keying.offer, true, false);
    // An envelope to oneself needs one's own certificate.
    const peerCertificates = keying.certificate === undefined ? [] : [keying.certificate];
    return openKeying(
      { ...account, keying: { ...keying, offer, peerCertificates, sharedKeys: [], peers: [] } },
      shared,
    );
  }
  if (keying.sharedKeys.length === 0) return [];
  const { keyPairs, random, replay } = shared;
  const takeDhKeyPair = (group: DhGroupName) => keyPairs.take(group);
  const psk = { key: random(32), name: "rehearsal" };
  return [
    createMikeyKeying({
      ...{ offer: offerable(keying.offer, false, true), psk, takeDhKeyPair, group: keying.group },
      ...{ clock: systemClock, random, replay },
    }),
  ];
}

function readSharedKey(file: string): Secret {
  const text = readFileSync(file, "utf8").trim();
  if (!/^([0-9a-fA-F]{2}){16,256}$/.test(text))
    throw new Error(`${file}: a shared key is 32 to 512 hexadecimal digits on one line`);
  return new Secret(Uint8Array.from(Buffer.from(text, "hex")));
}
