// What an exchange leaves behind: the keys of its sessions, and what a running bundle needs to be updated or given to others.

import { ok } from "../runtime/result.js";
import type { Bundle } from "./bundle.js";
import { copy } from "./bytes.js";
import { type CryptoSession, deriveSessions, wipeSessions } from "./crypto-sessions.js";
import { prfOf } from "./dialect.js";
import type { MikeyResult } from "./errors.js";
import type { SrtpSession } from "./header.js";
import { type AgreedKey, copyKeys, wipeKeys } from "./key-data.js";
import type { Envelope, MethodName, MikeyMethod, Outcome, PeerProof } from "./methods/method.js";
import type { PolicyPayload } from "./payloads/index.js";
import type { SrtpUse } from "./srtp-policy.js";
import type { CallParties, Terms } from "./terms.js";

/** Keys of a bundle: in a call one crypto session per direction. */
export interface Agreement {
  readonly method: MethodName;
  readonly label: string;
  readonly csbId: number;
  readonly peer: PeerProof;
  /** Every crypto session, in the order of the CS ID map. */
  readonly sessions: readonly CryptoSession[];
  /** The first session we send. Throws TypeError when there is none. */
  readonly sent: CryptoSession;
  /** The first session we receive. Throws TypeError when there is none. */
  readonly received: CryptoSession;
  /** What later updates need, when the agent keeps bundles; whoever has it closes it. */
  readonly bundle?: Bundle;
}

/** Zeroes an agreement's keys. */
export function wipeAgreement(agreement: Agreement): void {
  wipeSessions(agreement.sessions);
}

/** A bundle's state as an exchange leaves it: enough to update it, or to give it to others. */
export interface Agreed {
  readonly method: MikeyMethod;
  readonly label: string;
  readonly peer: PeerProof;
  readonly parties: CallParties;
  /** The CSB ID of messages, and the one the media keys are made with (they differ in RSA-R's groups). */
  readonly csbId: number;
  readonly keyCsbId: number;
  readonly rand: Uint8Array;
  readonly keys: readonly AgreedKey[];
  readonly sessions: readonly SrtpSession[];
  readonly directions: readonly CryptoSession["direction"][];
  readonly uses: readonly SrtpUse[];
  readonly policies: readonly PolicyPayload[];
  readonly envelope?: Envelope;
}

/** Decides whether an exchange leaves a {@link Bundle}; what it is not given is wiped. */
export type Keep = (agreed: Agreed, nowMs: number) => Bundle | undefined;

/** What an exchange was about, and how its method did. */
export interface Settled {
  readonly parties: CallParties;
  /** The bundle that was updated. */
  readonly current?: Agreed | undefined;
  readonly method: MikeyMethod;
  /** The method in words; default: its own. */
  readonly label?: string;
  readonly terms: Terms;
  readonly directions: readonly CryptoSession["direction"][];
  readonly outcome: Outcome;
  readonly csbId: number;
  readonly rand: Uint8Array;
}

function agreedOf({ parties, current, method, label, terms, directions, outcome, csbId, rand }: Settled): Agreed {
  const isKept = outcome.keys.length === 0 && current !== undefined;
  const old = current?.envelope;
  const envelope = outcome.envelope ?? (old && { ...old, key: copy(old.key) });
  return {
    method,
    label: current?.label ?? label ?? method.label,
    peer: outcome.peer,
    parties,
    csbId,
    keyCsbId: outcome.csbId ?? current?.keyCsbId ?? csbId,
    rand: outcome.rand ?? rand,
    // Copies: the running bundle is closed on its own.
    keys: isKept ? copyKeys(current.keys) : outcome.keys,
    sessions: terms.sessions,
    directions,
    uses: terms.uses,
    policies: terms.policies,
    ...(envelope ? { envelope } : {}),
  };
}

/** Turns what a method gave into keys of sessions; the method's keys are wiped unless the agent keeps the bundle. */
export function settle(settled: Settled, keep: Keep, nowMs: number): MikeyResult<Agreement> {
  const agreed = agreedOf(settled);
  const { keys, keyCsbId: csbId, rand, directions, parties } = agreed;
  const bundle = { keys, csbId, rand, prf: prfOf(parties.compat) };
  const sessions = deriveSessions(bundle, agreed.sessions, agreed.uses, (_, i) => directions[i] === "sent");
  const kept = sessions.ok ? keep(agreed, nowMs) : undefined;
  if (!kept) wipeKeys(keys);
  agreed.envelope?.key.fill(0);
  return sessions.ok ? ok(new Agreements(agreed, sessions.value, kept)) : sessions;
}

class Agreements implements Agreement {
  readonly method: MethodName;
  readonly label: string;
  readonly csbId: number;
  readonly peer: PeerProof;
  declare readonly bundle?: Bundle;

  constructor(
    agreed: Agreed,
    readonly sessions: readonly CryptoSession[],
    bundle: Bundle | undefined,
  ) {
    this.method = agreed.method.name;
    this.label = agreed.label;
    this.csbId = agreed.csbId;
    this.peer = agreed.peer;
    if (bundle) this.bundle = bundle;
  }

  get sent(): CryptoSession {
    return this.first("sent");
  }
  get received(): CryptoSession {
    return this.first("received");
  }

  private first(direction: CryptoSession["direction"]): CryptoSession {
    const found = this.sessions.find((session) => session.direction === direction);
    if (!found) throw new TypeError(`the bundle has no session that is ${direction}`);
    return found;
  }
}
