// Parameters behind semicolons: names without case, values as written, order kept.

import { type Scanner, unquote } from "./scanner.js";

/** One parameter; `value` is as written (quotes and escapes kept), undefined for a bare name. */
export interface Param {
  readonly name: string;
  readonly value?: string;
}
export type Params = readonly Param[];

/** Whether the parameter is there. */
export function hasParam(params: Params, name: string): boolean {
  return params.some((param) => param.name.toLowerCase() === name);
}

/** The parameter's value, quotes removed; `""` for a bare name, undefined where there is none. `name` in lower case. */
export function getParam(params: Params, name: string): string | undefined {
  for (const param of params) if (param.name.toLowerCase() === name) return unquote(param.value ?? "");
  return undefined;
}

/** The same parameters with one set (in its old place when it was there). */
export function setParam(params: Params, name: string, value: string): Params {
  const changed = params.map((param) => (param.name.toLowerCase() === name ? { name: param.name, value } : param));
  return hasParam(params, name) ? changed : [...changed, { name, value }];
}

/** Prints `;name=value;name`. */
export function printParams(params: Params): string {
  let text = "";
  for (const param of params) text += param.value === undefined ? `;${param.name}` : `;${param.name}=${param.value}`;
  return text;
}

/**
 * Takes `*(SEMI generic-param)` (RFC 3261 section 25.1); undefined when it is not well formed. A value may be a token, a host
 * (IPv6 with or without brackets) or a quoted string.
 */
export function scanParams(scanner: Scanner): Params | undefined {
  const params: Param[] = [];
  while (scanner.separator(";")) {
    const name = scanner.token();
    if (name === "") return undefined;
    if (!scanner.separator("=")) {
      params.push({ name });
      continue;
    }
    let value = scanner.text[scanner.pos] === '"' ? scanner.quoted() : undefined;
    if (value === undefined) {
      const start = scanner.pos;
      while (scanner.token() !== "" || scanner.eat("[") || scanner.eat("]") || scanner.eat(":"));
      value = scanner.text.slice(start, scanner.pos);
      if (value === "") return undefined;
    }
    params.push({ name, value });
  }
  return params;
}
