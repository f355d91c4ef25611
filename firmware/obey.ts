// What each request of the control socket does. Part of the composition root.

import { type PhoneKey, phoneKeys } from "../drivers/contract.js";
import type { Calls } from "./call/index.js";
import type { HandsetStatus } from "./control/index.js";
import type { Handset } from "./handset/index.js";
import { type LatencyHistory, latencyMetrics, latencyRows } from "./latency/index.js";

/** What requests are about. */
export interface Obeyed {
  readonly calls: Calls;
  readonly handset: Handset;
  readonly status: () => Promise<HandsetStatus>;
  readonly history: LatencyHistory;
  /** Further metrics. */
  readonly metrics: () => string;
  readonly simulate: ((action: string, params: Record<string, unknown>) => void) | undefined;
}

/** Carries out a control request. @throws Error with a sentence for the user. */
export function obey(method: string, params: Record<string, unknown>, obeyed: Obeyed): unknown {
  const { calls, handset, status, history, metrics, simulate } = obeyed;
  const id = params["id"] === undefined ? undefined : integer(params["id"], "id");
  switch (method) {
    case "dial":
      return calls.dial(
        text(params["uri"], "uri"),
        params["account"] === undefined ? undefined : text(params["account"], "account"),
        params["anonymous"] === undefined ? {} : { anonymous: params["anonymous"] === true },
      );
    case "expect":
      calls.expect(
        params["uri"] === undefined ? undefined : text(params["uri"], "uri"),
        params["account"] === undefined ? undefined : text(params["account"], "account"),
        params["anonymous"] === undefined ? {} : { anonymous: params["anonymous"] === true },
      );
      return calls.expected();
    case "message":
      return calls.sendMessage(
        text(params["uri"], "uri"),
        text(params["text"], "text"),
        params["account"] === undefined ? undefined : text(params["account"], "account"),
      );
    case "answer":
      return calls.answer(id);
    case "hangup":
      return calls.hangup(id);
    case "hold":
      return calls.hold(id);
    case "resume":
      return calls.resume(id);
    case "secure":
      return calls.secure(id);
    case "rekey":
      return calls.rekey(id);
    case "mute":
      return calls.mute(params["on"] === true, id);
    case "digit":
      return calls.digit(text(params["digit"], "digit"), id);
    case "key": {
      const key = text(params["key"], "key");
      if (!(phoneKeys as readonly string[]).includes(key))
        throw new Error(`no key ${key.slice(0, 20)}; keys: ${phoneKeys.join(" ")}`);
      return handset.key(params["action"] === "long" ? "long" : "press", key as PhoneKey);
    }
    case "status":
      return status();
    case "latency":
      return latencyRows(history.all);
    case "metrics":
      return latencyMetrics(latencyRows(history.all)) + metrics();
    case "simulate": {
      if (!simulate) throw new Error("this board has real devices: nothing to simulate");
      return simulate(text(params["action"], "action"), params);
    }
    default:
      throw new Error(`unknown request ${method.slice(0, 40)}`);
  }
}

function text(value: unknown, name: string): string {
  if (typeof value !== "string") throw new Error(`${name} must be a text`);
  return value;
}

function integer(value: unknown, name: string): number {
  if (typeof value !== "number" || !Number.isInteger(value)) throw new Error(`${name} must be a whole number`);
  return value;
}
