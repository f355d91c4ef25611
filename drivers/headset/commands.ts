// What each AT command of a headset does (Hands-Free Profile 1.7; AT+CKPD is the Headset Profile's).

import type { HeadsetEvent } from "../contract.js";
import { type AtCommand, numbers } from "./at.js";
import { holdActions, indicators, isWaiting, mandatory } from "./calls.js";
import { AG_FEATURES, type AudioGateway, HF_CODECS } from "./gateway.js";

/** @returns whether it was done: OK or ERROR. */
type Command = (ag: AudioGateway, command: AtCommand) => boolean;

/** HF indicators we take (Bluetooth assigned numbers): 1 enhanced safety, 2 battery level. */
const HF_SAFETY = 1;
const HF_BATTERY = 2;

const event = (ag: AudioGateway, what: HeadsetEvent): boolean => ag.outlet.event(what);

/** One whole number within limits. */
function level(text: string, most: number): number | undefined {
  const value = numbers(text);
  return value?.length === 1 && value[0] >= 0 && value[0] <= most ? value[0] : undefined;
}

function toggle(set: (ag: AudioGateway, on: boolean) => void): Command {
  return (ag, { kind, text }) => {
    const value = kind === "set" ? level(text, 1) : undefined;
    if (value === undefined) return false;
    set(ag, value === 1);
    return true;
  };
}

/** Ends what AT+CHUP means: an incoming call is declined, an outgoing one cancelled, an active one ended; a held one is left alone. */
function hangUp(ag: AudioGateway): boolean {
  const { calls } = ag;
  const ended =
    calls.find(({ state }) => state === "active") ??
    calls.find(({ state }) => state === "dialling" || state === "alerting") ??
    calls.find((call) => call.state === "incoming" && !isWaiting(call, calls));
  return ended !== undefined && event(ag, { type: "hangup", call: ended.id });
}

function answer(ag: AudioGateway): boolean {
  const ringing = ag.calls.find((call) => call.state === "incoming" && !isWaiting(call, ag.calls));
  return ringing !== undefined && event(ag, { type: "answer", call: ringing.id });
}

/** +BCS with the best codec both sides have. */
export function proposeCodec(ag: AudioGateway): boolean {
  const ours = ag.options.codecs ?? [1];
  const theirs = ag.link.codecs.length > 0 ? ag.link.codecs : [1];
  const best = [...ours].sort((a, b) => b - a).find((codec) => theirs.includes(codec));
  if (best === undefined) return false;
  ag.say(`+BCS: ${best}`);
  return true;
}

export const commands: Readonly<Record<string, Command>> = {
  // ---- service level connection
  "+BRSF": (ag, { kind, text }) => {
    const features = kind === "set" ? level(text, 0xffff) : undefined;
    if (features === undefined) return false;
    const { connected } = ag;
    ag.reset();
    if (connected) event(ag, { type: "disconnected", reason: "it began anew" });
    ag.link.hfFeatures = features;
    ag.answer(`+BRSF: ${AG_FEATURES}`);
    return true;
  },
  "+BAC": (ag, { kind, text }) => {
    const codecs = kind === "set" ? numbers(text) : undefined;
    if (!codecs?.includes(1) || codecs.some(Number.isNaN)) return false;
    ag.link.codecs = codecs;
    return true;
  },
  "+CIND": (ag, { kind }) => {
    if (kind === "test") ag.answer(`+CIND: ${indicators.map(([name, range]) => `("${name}",${range})`).join(",")}`);
    else if (kind === "read") {
      const now = ag.indicators();
      ag.answer(`+CIND: ${indicators.map(([name]) => now[name]).join(",")}`);
    } else return false;
    return true;
  },
  "+CMER": (ag, { kind, text }) => {
    const values = kind === "set" ? numbers(text) : undefined;
    // Only mode 3 with no key, no display: indicator events on or off.
    if (values?.[0] !== 3 || values.length < 4 || values[3] > 1 || Number.isNaN(values[3])) return false;
    ag.link.eventsOn = values[3] === 1;
    ag.settle("events");
    return true;
  },
  "+CHLD": (ag, { kind, text }) => {
    if (kind === "test") {
      ag.answer("+CHLD: (0,1,1x,2,2x)");
      ag.settle("hold");
      return true;
    }
    const actions = kind === "set" ? holdActions(text, ag.calls, (call) => ag.index(call)) : undefined;
    return actions?.every((action) => event(ag, action)) ?? false;
  },
  "+BIND": (ag, { kind, text }) => {
    if (kind === "set") {
      const wanted = numbers(text);
      if (!wanted || wanted.some(Number.isNaN)) return false;
      ag.link.hfIndicators = new Map(
        wanted.filter((id) => id === HF_SAFETY || id === HF_BATTERY).map((id) => [id, true]),
      );
    } else if (kind === "test") ag.answer(`+BIND: (${HF_SAFETY},${HF_BATTERY})`);
    else if (kind === "read") {
      for (const [id, on] of ag.link.hfIndicators) ag.answer(`+BIND: ${id},${on ? 1 : 0}`);
      ag.settle("indicators");
    } else return false;
    return true;
  },
  "+BIEV": (ag, { kind, text }) => {
    const values = kind === "set" ? numbers(text) : undefined;
    if (values?.length !== 2 || !ag.link.hfIndicators.get(values[0])) return false;
    if (values[0] === HF_SAFETY) return values[1] <= 1;
    if (!(values[1] <= 100)) return false;
    event(ag, { type: "battery", percent: values[1] });
    return true;
  },

  // ---- calls
  A: answer,
  "+CHUP": (ag, { kind }) => kind === "do" && hangUp(ag),
  "+CKPD": (ag, { kind, text }) => {
    // The Headset Profile's only button; some headsets append the time it was held.
    if (kind !== "set" || !/^200(,\d{1,3}){0,2}$/.test(text)) return false;
    ag.becomeReady();
    return answer(ag) || hangUp(ag) || (ag.calls.length === 0 && event(ag, { type: "redial" }));
  },
  D: (ag, { text }) => {
    const memory = /^>(\d{1,4});$/.exec(text)?.[1];
    if (memory !== undefined) return event(ag, { type: "memory", location: Number(memory) });
    const number = /^(\+?[0-9*#A-C]{1,32});$/i.exec(text)?.[1];
    return number !== undefined && event(ag, { type: "dial", number });
  },
  "+BLDN": (ag, { kind }) => kind === "do" && event(ag, { type: "redial" }),
  "+VTS": (ag, { kind, text }) =>
    kind === "set" &&
    /^[0-9*#A-D]$/i.test(text) &&
    ag.calls.some(({ state }) => state === "active") &&
    event(ag, { type: "digit", digit: text.toUpperCase() }),
  "+CLCC": (ag, { kind }) => {
    if (kind !== "do") return false;
    for (const line of ag.callLines()) ag.answer(line);
    return true;
  },
  "+CLIP": toggle((ag, on) => {
    ag.link.clip = on;
  }),
  "+CCWA": toggle((ag, on) => {
    ag.link.callWaiting = on;
  }),

  // ---- sound
  "+VGS": (ag, { kind, text }) => {
    const value = kind === "set" ? level(text, 15) : undefined;
    if (value === undefined) return false;
    ag.becomeReadyByHeadsetProfile();
    ag.link.speaker = value;
    event(ag, { type: "volume", speaker: value / 15 });
    return true;
  },
  "+VGM": (ag, { kind, text }) => {
    const value = kind === "set" ? level(text, 15) : undefined;
    if (value === undefined) return false;
    ag.becomeReadyByHeadsetProfile();
    event(ag, { type: "gain", microphone: value / 15 });
    return true;
  },
  // It may only be switched off; the phone then does none.
  "+NREC": (_ag, { kind, text }) => kind === "set" && text === "0",
  "+BCC": (ag, { kind }) => kind === "do" && (ag.link.hfFeatures & HF_CODECS) !== 0 && proposeCodec(ag),
  "+BCS": (ag, { kind, text }) => {
    const codec = kind === "set" ? level(text, 2) : undefined;
    if ((codec !== 1 && codec !== 2) || !(ag.options.codecs ?? [1]).includes(codec)) return false;
    ag.outlet.codec?.(codec);
    return true;
  },

  // ---- network, settings
  "+COPS": (ag, { kind, text }) => {
    if (kind === "set") return text === "3,0";
    if (kind !== "read") return false;
    ag.answer(`+COPS: 0,0,"${(ag.options.operator ?? "Sotto").replace(/["\\\r\n]/g, "").slice(0, 16)}"`);
    return true;
  },
  "+CNUM": (ag, { kind }) => {
    if (kind !== "do") return false;
    const { number } = ag.options;
    if (number) ag.answer(`+CNUM: ,"${number.replace(/["\\\r\n]/g, "")}",${number.startsWith("+") ? 145 : 129},,4`);
    return true;
  },
  "+CMEE": toggle((ag, on) => {
    ag.link.extendedErrors = on;
  }),
  "+BIA": (ag, { kind, text }) => {
    const values = kind === "set" ? numbers(text) : undefined;
    if (!values || values.length > indicators.length || values.some((value) => value > 1)) return false;
    values.forEach((value, i) => {
      const [name] = indicators[i];
      // An empty place leaves as it is; what calls need cannot be switched off.
      if (!Number.isNaN(value) && !mandatory.includes(name)) ag.link.active[name] = value === 1;
    });
    return true;
  },
};
