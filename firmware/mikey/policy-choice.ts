// Which SRTP policy each crypto session of a message gets: the one it names, when we can meet it (RFC 3830 sections 6.1.1 and 6.10).

import { ok } from "../runtime/result.js";
import { type MikeyResult, refuse } from "./errors.js";
import type { Header } from "./header.js";
import { SecurityProtocol } from "./numbers.js";
import type { PolicyPayload } from "./payloads/index.js";
import { DEFAULT_SUITE, type MikeySuite, readPolicy, type SrtpTerms, type SrtpUse, useOf } from "./srtp-policy.js";

/** A session's policy: the number it goes by, and what it asks of SRTP. */
export interface ChosenPolicy {
  readonly policy: number;
  readonly use: SrtpUse;
}

/** Protection that may be missing because our own terms leave it out as well. Key derivation rates are all welcome. */
function isProtected(use: SrtpUse, ours: SrtpTerms): boolean {
  return (
    (!use.unencryptedRtp || ours.unencryptedRtp === true) &&
    (!use.unencryptedRtcp || ours.unencryptedRtcp === true) &&
    (!use.unauthenticatedRtp || ours.unauthenticatedRtp === true)
  );
}

/** What lists of SRTP's parameters were found to ask for; gone with them. */
const known = new WeakMap<PolicyPayload["parameters"], { readonly use: SrtpUse | undefined }>();

function askedBy(policy: PolicyPayload): SrtpUse | undefined {
  if (policy.protocol !== SecurityProtocol.srtp) return undefined;
  let found = known.get(policy.parameters);
  if (!found) {
    const read = readPolicy(policy);
    found = { use: read.ok ? useOf(read.value) : undefined };
    known.set(policy.parameters, found);
  }
  return found.use;
}

/** A policy as we can meet it, or undefined. */
function acceptable(policy: PolicyPayload, allowed: readonly MikeySuite[], ours: SrtpTerms): ChosenPolicy | undefined {
  const use = askedBy(policy);
  return use && allowed.includes(use.suite) && isProtected(use, ours) ? { policy: policy.number, use } : undefined;
}

/**
 * The policy of each crypto session of a message, in the order of its CS ID map. `malformed-message`: two have one number.
 * @param mayChoose when the policy a session names cannot be met, another one of the message may be taken in its place, the
 * first that can: the sender said so.
 * @param ours protection left out there may be missing in the message; default: none.
 */
export function acceptPolicies(
  header: Pick<Header, "sessions">,
  policies: readonly PolicyPayload[],
  allowed: readonly MikeySuite[] = [DEFAULT_SUITE],
  mayChoose = false,
  ours: SrtpTerms = {},
): MikeyResult<readonly ChosenPolicy[]> {
  const numbered = new Map<number, ChosenPolicy | undefined>();
  let first: ChosenPolicy | undefined;
  for (const policy of policies) {
    if (numbered.has(policy.number)) return refuse("malformed-message", `two policies are numbered ${policy.number}`);
    const found = acceptable(policy, allowed, ours);
    numbered.set(policy.number, found);
    first ??= found;
  }
  const chosen: ChosenPolicy[] = [];
  for (const session of header.sessions) {
    const found = numbered.get(session.policy) ?? (mayChoose ? first : undefined);
    if (!found) return whyNot(session.policy, policies, allowed);
    chosen.push(found);
  }
  return ok(chosen);
}

function whyNot(
  number: number,
  policies: readonly PolicyPayload[],
  allowed: readonly MikeySuite[],
): MikeyResult<never> {
  const policy = policies.find((one) => one.number === number);
  if (!policy) return refuse("unsupported-policy", `no policy numbered ${number} is in the message`);
  const read = readPolicy(policy);
  if (!read.ok) return read;
  const use = useOf(read.value);
  const isOpen = use && allowed.includes(use.suite);
  const asked = isOpen ? "leaves out protection that we want" : `asks for something other than ${allowed.join(", ")}`;
  return refuse("unsupported-policy", `policy ${number} ${asked}`);
}
