// Who may ring this phone: decided on the proved identity where there is one, else on what the caller says.

import { canonicalHost, parseSipUri, unescapeUri } from "../sip/index.js";

/** What the owner of the phone wants. */
export interface CallerRules {
  /** `sip:bob@example.com`, or `*@example.com` for everybody there. People in the phone book belong here too. */
  readonly allow: readonly string[];
  readonly block: readonly string[];
  /** What becomes of all others. */
  readonly unknown: "ring" | "silent" | "reject";
}

/** What is known of a caller. */
export interface Caller {
  /** From. */
  readonly claimed: string;
  /** The identity proved by the key agreement. */
  readonly verified?: string;
  /** P-Asserted-Identity. */
  readonly asserted?: string;
}

/** `block`: on the block list; `reject`: a stranger where strangers are not taken. */
export type CallerVerdict = "ring" | "silent" | "reject" | "block";

export const everybodyRings: CallerRules = { allow: [], block: [], unknown: "ring" };

/**
 * Judges a caller. The block list looks at every name there is, so that nobody escapes it by claiming another; the other lists believe the
 * proved identity alone where there is one.
 */
export function judgeCaller(rules: CallerRules, caller: Caller): CallerVerdict {
  const { claimed, verified, asserted } = caller;
  const names = [verified, claimed, asserted].filter((name) => name !== undefined);
  if (names.some((name) => rules.block.some((entry) => fits(entry, name)))) return "block";
  if (rules.unknown === "ring") return "ring";
  return rules.allow.some((entry) => fits(entry, verified ?? claimed)) ? "ring" : rules.unknown;
}

/** Whether an entry of a list means this address: user with case, host without, port and parameters ignored. */
function fits(entry: string, uri: string): boolean {
  const name = split(uri);
  const wanted = split(entry.startsWith("*@") ? `sip:${entry}` : entry);
  if (!name || !wanted || name.host !== wanted.host) return false;
  return entry.startsWith("*@") || name.user === wanted.user;
}

function split(uri: string): { readonly user: string; readonly host: string } | undefined {
  const parsed = parseSipUri(uri);
  if (!parsed.ok) return undefined;
  return { user: unescapeUri(parsed.value.user ?? ""), host: canonicalHost(parsed.value.host) };
}
