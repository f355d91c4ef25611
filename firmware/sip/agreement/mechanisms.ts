// Lists of security mechanisms: Security-Client, Security-Server, Security-Verify (RFC 3329 section 2.2). Pure.

import { fail, ok, type Result } from "../../runtime/result.js";
import { getParam, type Params, scanParams } from "../grammar/index.js";
import { Scanner } from "../grammar/scanner.js";

/** One entry of a list. */
export interface Mechanism {
  /** Lower case: `tls`, `digest`, `ipsec-ike`, … */
  readonly name: string;
  readonly params: Params;
  /** Preference, 0 to 1: the highest is taken. */
  readonly q: number;
  /** As it stood, every white space a single SP: what Security-Verify mirrors. */
  readonly text: string;
}

const MAX_MECHANISMS = 16;

/**
 * Reads the values of a Security-Server field. Errors: `syntax`; `preference` for a q that is none, or that two entries share, which the RFC calls an
 * error; `empty`.
 */
export function parseMechanisms(values: readonly string[]): Result<readonly Mechanism[]> {
  const found: Mechanism[] = [];
  for (const value of values) {
    const scanner = new Scanner(value);
    scanner.lws();
    const name = scanner.token().toLowerCase();
    const params = scanParams(scanner);
    scanner.lws();
    if (name === "" || !params || !scanner.done || found.length >= MAX_MECHANISMS)
      return fail("syntax", "a list of security mechanisms that cannot be read");
    const written = getParam(params, "q") ?? "1";
    if (!/^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(written)) return fail("preference", "a preference that is none");
    const q = Number(written);
    if (found.some((each) => each.q === q)) return fail("preference", "two mechanisms of the same preference");
    found.push({ name, params, q, text: value.trim().replace(/\s+/g, " ") });
  }
  return found.length > 0 ? ok(found) : fail("empty", "no security mechanism");
}

/** The most preferred one of those that can be used; undefined when there is none. */
export function bestOf(
  mechanisms: readonly Mechanism[],
  usable: (mechanism: Mechanism) => boolean,
): Mechanism | undefined {
  return mechanisms.filter(usable).sort((a, b) => b.q - a.q)[0];
}

/** Whether both lists have the same mechanisms in the same order with the same parameters (section 2.3.1). */
export function sameMechanisms(a: readonly Mechanism[], b: readonly Mechanism[]): boolean {
  const form = (list: readonly Mechanism[]): string =>
    list
      .map(({ name, params }) =>
        [name, ...params.map((each) => `${each.name.toLowerCase()}=${each.value ?? ""}`).sort()].join(";"),
      )
      .join(", ");
  return form(a) === form(b);
}

/** The list as the value of a field; `verify` goes into the digest entry that was chosen, as its d-ver. */
export function printMechanisms(mechanisms: readonly Mechanism[], chosen?: Mechanism, verify?: string): string {
  return mechanisms
    .map((each) => (each === chosen && verify !== undefined ? `${each.text};d-ver="${verify}"` : each.text))
    .join(", ");
}

/**
 * The `security-server` of section 2.2's A2: the header field whole, as the grammar's rule of that name has it, in one line with single SPs.
 */
export function securityServerField(mechanisms: readonly Mechanism[]): string {
  return `Security-Server: ${printMechanisms(mechanisms)}`;
}
