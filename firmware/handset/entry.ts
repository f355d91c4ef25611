// What has been typed or chosen on the phone, as an address: the one to dial, or the one that is likely to be dialled next.

import type { Contact } from "./handset.js";

/** Digits from which on a number that is being typed may be complete. */
const LEAST_DIGITS = 3;

/** What the person has entered so far. */
export interface Entry {
  /** Typed text, or how a chosen contact or a number to redial is shown. */
  readonly text: string;
  /** Index of the chosen contact; negative: none. */
  readonly contact: number;
}

/** The address of something typed: as it is where it is one, else at the account's own host. */
export function addressOf(typed: string, account: string): string {
  return /^sips?:/i.test(typed) ? typed : `sip:${encodeURIComponent(typed)}@${account.replace(/^sips?:[^@]*@/i, "")}`;
}

/**
 * Whom the call key, or a digit that is being held, would call; undefined: nobody, or it is too early to tell. One digit means the contact
 * who has it as key.
 */
export function likelyCallee(entry: Entry, contacts: readonly Contact[], account: string): string | undefined {
  const { text, contact } = entry;
  if (contact >= 0) return contacts[contact]?.uri;
  const held = text.length === 1 ? contacts.find(({ key }) => key === text) : undefined;
  if (held) return held.uri;
  return text.length >= LEAST_DIGITS ? addressOf(text, account) : undefined;
}
