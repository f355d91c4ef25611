// Diffie-Hellman payloads: groups, values, and whose value is whose; shared by signed Diffie-Hellman and DHHMAC.

import { type DhGroupName, type DhKeyPair, isDhPublicValue } from "../../crypto/dh.js";
import { ok } from "../../runtime/result.js";
import { sameBytes } from "../bytes.js";
import { type Dialect, dhSecretFor } from "../dialect.js";
import { adopt, type MikeyResult, refuse } from "../errors.js";
import type { AgreedKey } from "../key-data.js";
import { type ParsedMessage, payloadsOf } from "../message.js";
import { DhGroup } from "../numbers.js";
import type { DhPayload, KeyValidity } from "../payloads/index.js";
import type { Outcome, PeerProof } from "./method.js";

/** Gives a fresh key pair of a group that nobody else gets; a pool may have made it long before. */
export type TakeDhKeyPair = (group: DhGroupName) => DhKeyPair | Promise<DhKeyPair>;

/** Which groups an exchange may use. */
export interface DhPolicy {
  readonly takeDhKeyPair: TakeDhKeyPair;
  /** Group of our offers; default `oakley5`, which everybody has. Those above `oakley5` go only between phones of ours. */
  readonly group?: DhGroupName;
  /** Groups accepted in offers; default OAKLEY 5, 2048 and 3072 bits and X25519: OAKLEY 1 and 2 have to be named. */
  readonly acceptedGroups?: readonly DhGroupName[];
}

const defaultGroups: readonly DhGroupName[] = ["oakley5", "modp2048", "modp3072", "x25519"];

/** Words for the screen. */
export const groupWords: Readonly<Record<DhGroupName, string>> = {
  oakley1: "OAKLEY 1",
  oakley2: "OAKLEY 2",
  oakley5: "OAKLEY 5",
  modp2048: "2048-bit MODP",
  modp3072: "3072-bit MODP",
  x25519: "X25519",
};

const byNumber = new Map(Object.entries(DhGroup).map(([name, number]) => [number as number, name as DhGroupName]));

/** The group of a number of table 6.4. */
export function groupName(number: number): DhGroupName | undefined {
  return byNumber.get(number);
}

/** The payload of our value. */
export function dhPayload(group: DhGroupName, value: Uint8Array, validity: KeyValidity): DhPayload {
  return { kind: "dh", group: DhGroup[group], value, validity };
}

/** A method's words with the group of a peer's value. */
export function labelWith(words: string, dh: DhPayload | undefined): { readonly label?: string } {
  const group = dh && groupName(dh.group);
  return group ? { label: `${words} (${groupWords[group]})` } : {};
}

/** Whether a peer's value may be used. */
export function checkDh(dh: DhPayload, policy: DhPolicy): MikeyResult<DhGroupName> {
  const group = groupName(dh.group);
  const accepted = policy.acceptedGroups ?? defaultGroups;
  if (!group || !accepted.includes(group))
    return refuse(
      "unsupported-dh-group",
      `DH group ${group ? groupWords[group] : dh.group} is not among ${accepted.map((one) => groupWords[one]).join(", ")}`,
    );
  if (!isDhPublicValue(group, dh.value)) return refuse("bad-dh-value", "the Diffie-Hellman value is outside the group");
  return ok(group);
}

function sameValidity(a: KeyValidity, b: KeyValidity): boolean {
  if (a.kind === "spi" && b.kind === "spi") return sameBytes(a.spi, b.spi);
  if (a.kind === "interval" && b.kind === "interval") return sameBytes(a.from, b.from) && sameBytes(a.to, b.to);
  return a.kind === b.kind;
}

/** The TGK: the secret as both ends count it, with the validity the initiator gave it. */
export function agreeTgk(
  pair: DhKeyPair,
  theirs: Uint8Array,
  validity: KeyValidity,
  compat: Dialect | undefined,
): MikeyResult<AgreedKey> {
  const secret = pair.secret(theirs);
  if (!secret.ok) return adopt(secret.error);
  const key = dhSecretFor(compat, secret.value);
  return ok({ kind: "tgk", key, validity });
}

/** Our half of an answer. */
export interface ResponderHalf {
  /** The payload of our value. */
  readonly ours: DhPayload;
  /** The TGK; once. Our private value is wiped with it. */
  agree(): MikeyResult<AgreedKey>;
  /** Wipes the private value unused. */
  wipe(): void;
}

/**
 * Takes a key pair to answer a peer's value with. The secret of a MODP group is computed when it is asked for: a value that was checked gives one.
 * X25519's bad values show only in computing, which is cheap and done at once.
 */
export async function respondTo(
  theirs: DhPayload,
  policy: DhPolicy,
  compat: Dialect | undefined,
): Promise<MikeyResult<ResponderHalf>> {
  const usable = checkDh(theirs, policy);
  if (!usable.ok) return usable;
  const pair = await policy.takeDhKeyPair(usable.value);
  const agree = () => {
    try {
      return agreeTgk(pair, theirs.value, theirs.validity, compat);
    } finally {
      pair.wipe();
    }
  };
  const ours: DhPayload = { ...theirs, value: pair.publicValue };
  if (usable.value !== "x25519") return ok({ ours, agree, wipe: () => pair.wipe() });
  const agreed = agree();
  if (!agreed.ok) return agreed;
  let isGiven = false;
  return ok({
    ours,
    agree() {
      isGiven = true;
      return agreed;
    },
    wipe() {
      if (!isGiven) agreed.value.key.fill(0);
    },
  });
}

/** What our half ends in. */
export function agreeWith(half: ResponderHalf, peer: PeerProof): () => MikeyResult<Outcome> {
  return () => {
    const tgk = half.agree();
    return tgk.ok ? ok({ keys: [tgk.value], peer }) : tgk;
  };
}

/** The two DH values of an answer: ours, echoed, tells which one is the responder's (the order is only recommended). */
export function responderValue(answer: ParsedMessage, ours: DhPayload, policy: DhPolicy): MikeyResult<DhPayload> {
  const values = payloadsOf(answer, "dh");
  if (values.length !== 2)
    return refuse("malformed-message", `${values.length} Diffie-Hellman values in the answer, 2 are needed`);
  const isOurs = (dh: DhPayload) => dh.group === ours.group && sameBytes(dh.value, ours.value);
  const [first, second] = values;
  const isFirst = isOurs(first);
  const isSecond = isOurs(second);
  if (!isFirst && !isSecond) return refuse("response-mismatch", "the answer does not repeat our Diffie-Hellman value");
  if (isFirst && isSecond) return refuse("bad-dh-value", "the answer's Diffie-Hellman value is our own");
  const theirs = isFirst ? second : first;
  if (theirs.group !== ours.group)
    return refuse("unsupported-dh-group", "the answer uses another group than our offer");
  if (!sameValidity(first.validity, ours.validity) || !sameValidity(second.validity, ours.validity))
    return refuse("response-mismatch", "the answer changes the key's validity");
  const usable = checkDh(theirs, { ...policy, acceptedGroups: [policy.group ?? "oakley5"] });
  return usable.ok ? ok(theirs) : usable;
}
