// The wearer's side of the Bluetooth Hands-Free Profile 1.7, written from its text and sharing no code with the phone's
// side: what tests and `sotto doctor headset --simulate` hold against it. It keeps a list of everything the phone did against the text.

import { systemTimers, type Timer, type Timers } from "../../firmware/runtime/timers.js";

/** What a hands-free unit can do and how it is connected. */
export interface HandsFreeOptions {
  /** Sends characters to the phone. */
  send(text: string): void;
  /** Bits of AT+BRSF; default: all of three-way calling, CLIP, volume, call status, call control, codecs, indicators. */
  readonly features?: number;
  /** Codecs of AT+BAC. Default CVSD and mSBC. */
  readonly codecs?: readonly number[];
  /** How long the phone may take to answer, ms. Default 3000. */
  readonly answerMs?: number;
  readonly timers?: Timers;
  /** Told everything that goes either way, for a person to read. */
  readonly trace?: (direction: ">" | "<", text: string) => void;
}

/** A call as AT+CLCC lists it. */
export interface ListedCall {
  readonly index: number;
  readonly direction: "outgoing" | "incoming";
  readonly status: "active" | "held" | "dialling" | "alerting" | "incoming" | "waiting" | "held by response";
  readonly number: string;
}

const statusNames = ["active", "held", "dialling", "alerting", "incoming", "waiting", "held by response"] as const;
const DEFAULT_FEATURES = 0b1_1111_0110 & ~0b1000;

interface Asked {
  readonly command: string;
  readonly lines: string[];
  readonly resolve: (lines: string[]) => void;
  readonly reject: (error: Error) => void;
  timer: Timer;
}

/** A phone's refusal. */
export class Refused extends Error {}

/** A hands-free unit. */
export class HandsFree {
  /** Indicators by name, as the phone last told them. */
  readonly indicators = new Map<string, number>();
  /** How often it rang, and for whom. */
  rings = 0;
  caller: string | undefined;
  /** The number of a call that waits. */
  waiting: string | undefined;
  /** What the phone set the speaker to, 0 to 15. */
  speaker: number | undefined;
  codec: number | undefined;
  /** Bits of the phone's +BRSF. */
  phoneFeatures = 0;
  connected = false;
  /** What the phone did against the text. */
  readonly violations: string[] = [];
  /** Called after anything above changed. */
  onChange: () => void = () => {};
  private readonly features: number;
  private readonly codecs: readonly number[];
  private readonly timers: Timers;
  private names: { readonly name: string; readonly low: number; readonly high: number }[] = [];
  private holds: string[] = [];
  private readonly queue: (() => void)[] = [];
  private asked: Asked | undefined;
  private settling = false;
  private received = "";

  constructor(private readonly options: HandsFreeOptions) {
    this.features = options.features ?? DEFAULT_FEATURES;
    this.codecs = options.codecs ?? [1, 2];
    this.timers = options.timers ?? systemTimers;
  }

  /** Characters from the phone. */
  receive(text: string): void {
    this.received += text;
    for (;;) {
      // Every result code is <cr><lf>text<cr><lf>.
      const start = this.received.indexOf("\r\n");
      if (start < 0) break;
      if (start > 0) this.violate(`characters outside a result code: ${JSON.stringify(this.received.slice(0, start))}`);
      const end = this.received.indexOf("\r\n", start + 2);
      if (end < 0) break;
      const line = this.received.slice(start + 2, end);
      this.received = this.received.slice(end + 2);
      this.options.trace?.("<", line);
      if (line === "") this.violate("an empty result code");
      else this.line(line);
    }
    if (this.received.length > 4096) {
      this.violate("a result code without an end");
      this.received = "";
    }
  }

  /** The service level connection, step by step (section 4.2.1). @throws Error when the phone refuses or breaks the text. */
  async connect(): Promise<void> {
    const brsf = await this.ask(`AT+BRSF=${this.features}`);
    const features = /^\+BRSF: (\d+)$/.exec(brsf[0] ?? "");
    if (!features || brsf.length !== 1) throw new Error(`AT+BRSF was answered ${JSON.stringify(brsf)}`);
    this.phoneFeatures = Number(features[1]);
    const both = (ours: number, theirs: number) =>
      !!(this.features & (1 << ours)) && !!(this.phoneFeatures & (1 << theirs));
    if (both(7, 9)) await this.ask(`AT+BAC=${this.codecs.join(",")}`);
    this.readNames(await this.ask("AT+CIND=?"));
    this.readValues(await this.ask("AT+CIND?"));
    // The last of the following steps completes the connection on the phone's side; it may speak from then on.
    this.settling = true;
    await this.ask("AT+CMER=3,0,0,1");
    if (both(1, 0)) {
      const chld = /^\+CHLD: \((.*)\)$/.exec((await this.ask("AT+CHLD=?"))[0] ?? "");
      if (!chld) throw new Error("AT+CHLD=? was not answered");
      this.holds = chld[1].split(",");
    }
    if (both(8, 10)) {
      await this.ask("AT+BIND=1,2");
      const bind = await this.ask("AT+BIND=?");
      if (!/^\+BIND: \(\d+(,\d+)*\)$/.test(bind[0] ?? ""))
        this.violate(`AT+BIND=? was answered ${JSON.stringify(bind)}`);
      await this.ask("AT+BIND?");
    }
    this.connected = true;
    await this.ask("AT+CMEE=1");
    await this.ask("AT+CLIP=1");
    if (both(1, 0)) await this.ask("AT+CCWA=1");
    this.onChange();
  }

  answer(): Promise<unknown> {
    return this.ask("ATA");
  }
  /** Declines, cancels or ends. */
  hangUp(): Promise<unknown> {
    return this.ask("AT+CHUP");
  }
  dial(number: string): Promise<unknown> {
    return this.ask(`ATD${number};`);
  }
  dialMemory(location: number): Promise<unknown> {
    return this.ask(`ATD>${location};`);
  }
  redial(): Promise<unknown> {
    return this.ask("AT+BLDN");
  }
  digit(digit: string): Promise<unknown> {
    return this.ask(`AT+VTS=${digit}`);
  }
  /** @param level 0 to 15. */
  setSpeaker(level: number): Promise<unknown> {
    return this.ask(`AT+VGS=${level}`);
  }
  setMicrophone(level: number): Promise<unknown> {
    return this.ask(`AT+VGM=${level}`);
  }
  /** The wearer's box does its own echo control. */
  noEchoControl(): Promise<unknown> {
    return this.ask("AT+NREC=0");
  }
  battery(percent: number): Promise<unknown> {
    return this.ask(`AT+BIEV=2,${percent}`);
  }
  /** `0`, `1`, `2`, `11`, `22`, …. */
  hold(action: string): Promise<unknown> {
    const pattern = action.length === 2 ? `${action[0]}x` : action;
    if (!this.holds.includes(pattern))
      this.violate(`CHLD=${action} is asked for, the phone offers ${this.holds.join(",")}`);
    return this.ask(`AT+CHLD=${action}`);
  }
  /** The Headset Profile's button. */
  button(): Promise<unknown> {
    return this.ask("AT+CKPD=200");
  }
  /** Asks for the sound to be connected; the phone proposes a codec. */
  connectSound(): Promise<unknown> {
    return this.ask("AT+BCC");
  }

  /** The phone's calls. */
  async listCalls(): Promise<ListedCall[]> {
    return (await this.ask("AT+CLCC")).flatMap((line) => {
      const match = /^\+CLCC: (\d+),([01]),([0-6]),([0-9]),([01])(?:,"([^"]*)",(\d{3}))?$/.exec(line);
      if (!match) {
        this.violate(`not a CLCC line: ${line}`);
        return [];
      }
      return {
        index: Number(match[1]),
        direction: match[2] === "1" ? "incoming" : "outgoing",
        status: statusNames[Number(match[3])],
        number: match[6] ?? "",
      } as const;
    });
  }

  /** Name of the network. */
  async operator(): Promise<string> {
    await this.ask("AT+COPS=3,0");
    const line = (await this.ask("AT+COPS?"))[0] ?? "";
    const match = /^\+COPS: \d(?:,0,"([^"]{0,16})")?$/.exec(line);
    if (!match) this.violate(`AT+COPS? was answered ${JSON.stringify(line)}`);
    return match?.[1] ?? "";
  }

  /** Sends a command and waits for its result; one at a time. @throws Refused for ERROR, Error when nothing comes. */
  ask(command: string): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const start = () => {
        const timer = this.timers.after(this.options.answerMs ?? 3000, () =>
          this.finish((one) => one.reject(new Error(`${command} was not answered`))),
        );
        this.asked = { command, lines: [], resolve, reject, timer };
        this.options.trace?.(">", command);
        this.options.send(`${command}\r`);
      };
      if (this.asked) this.queue.push(start);
      else start();
    });
  }

  /** The line is gone: whoever waits is told. */
  lost(): void {
    this.connected = this.settling = false;
    this.received = "";
    this.queue.length = 0;
    this.finish((one) => one.reject(new Error("the line is gone")));
    this.onChange();
  }

  private finish(end: (asked: Asked) => void): void {
    const { asked } = this;
    if (!asked) return;
    this.asked = undefined;
    asked.timer.cancel();
    end(asked);
    this.queue.shift()?.();
  }

  private line(line: string): void {
    if (line === "OK") {
      if (!this.asked) this.violate("OK that nobody waited for");
      this.finish((one) => one.resolve(one.lines));
    } else if (line === "ERROR" || /^\+CME ERROR: \d+$/.test(line)) {
      if (!this.asked) this.violate("ERROR that nobody waited for");
      this.finish((one) => one.reject(new Refused(`${one.command} was answered ${line}`)));
    } else if (this.unasked(line)) this.onChange();
    else if (this.asked) this.asked.lines.push(line);
    else this.violate(`not a result code of this profile: ${line}`);
  }

  /** Result codes the phone sends on its own. */
  private unasked(line: string): boolean {
    const match = /^(RING|\+[A-Z]+)(?:: ?(.*))?$/.exec(line);
    const [, name, text = ""] = match ?? [];
    switch (name) {
      case "RING":
        this.rings++;
        return true;
      case "+CLIP":
      case "+CCWA": {
        const who = /^"([^"]*)",(\d{3})(,.*)?$/.exec(text);
        if (!who) this.violate(`malformed ${line}`);
        if (name === "+CLIP") this.caller = who?.[1];
        else this.waiting = who?.[1];
        return true;
      }
      case "+CIEV": {
        const values = /^(\d+),(\d+)$/.exec(text);
        const known = this.names[Number(values?.[1]) - 1];
        const value = Number(values?.[2]);
        if (!known || !(value >= known.low && value <= known.high)) this.violate(`${line} fits no indicator`);
        else if (!this.settling) this.violate(`${line} before the service level connection`);
        else this.indicators.set(known.name, value);
        if (known?.name === "callsetup" && value === 0) this.caller = this.waiting = undefined;
        return true;
      }
      case "+VGS":
        if (!/^\d{1,2}$/.test(text) || Number(text) > 15) this.violate(`malformed ${line}`);
        this.speaker = Number(text);
        return true;
      case "+BCS":
        this.codec = Number(text);
        if (!this.codecs.includes(this.codec)) this.violate(`codec ${text} was not among ours`);
        else
          void this.ask(`AT+BCS=${this.codec}`).catch(() => this.violate("the codec the phone proposed was refused"));
        return true;
      case "+BSIR":
        return true;
      default:
        return false;
    }
  }

  private readNames(lines: readonly string[]): void {
    const list = /^\+CIND: (.*)$/.exec(lines[0] ?? "")?.[1] ?? "";
    this.names = [...list.matchAll(/\("(\w+)",\((\d)[-,](\d)\)\)/g)].map(([, name, low, high]) => ({
      name,
      low: Number(low),
      high: Number(high),
    }));
    for (const name of ["service", "call", "callsetup"])
      if (!this.names.some((one) => one.name === name)) this.violate(`AT+CIND=? lacks the indicator ${name}`);
    if (this.names.length > 20) this.violate("more than 20 indicators");
  }

  private readValues(lines: readonly string[]): void {
    const values = (/^\+CIND: ([\d,]+)$/.exec(lines[0] ?? "")?.[1] ?? "").split(",").map(Number);
    if (values.length !== this.names.length)
      this.violate(`AT+CIND? has ${values.length} values for ${this.names.length} names`);
    this.names.forEach(({ name, low, high }, i) => {
      if (!(values[i] >= low && values[i] <= high)) this.violate(`indicator ${name} is ${values[i]}`);
      this.indicators.set(name, values[i]);
    });
  }

  private violate(text: string): void {
    if (this.violations.length < 100) this.violations.push(text);
  }
}
