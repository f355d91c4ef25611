// The headsets the suites in this folder run against. A real driver joins by adding an entry here.

import type { Headset, HeadsetEvent } from "../../../drivers/contract.js";
import { EV_SW, SW_HEADPHONE_INSERT } from "../../../drivers/evdev/index.js";
import { BluetoothHeadset, type Port } from "../../../drivers/headset/index.js";
import { HandsFree } from "../../../drivers/headset-simulator/index.js";
import { SimulatedHeadset } from "../../../drivers/simulated/headset.js";
import { VirtualTime } from "../../../firmware/runtime/virtual-time.js";
import { wiredRig } from "./wired-rig.js";

/** A headset under test and its wearer. */
export interface HeadsetRig {
  readonly headset: Headset;
  /** The wearer does something; resolves when the phone has heard of it. */
  act(event: HeadsetEvent): Promise<void>;
  /** What the headset was told of calls: "incoming bob", "active", "idle". */
  told(): Promise<string[]>;
}

/** One kind of headset. */
export interface HeadsetImplementation {
  readonly name: string;
  /** What its wearer can do, in an order that makes sense. */
  readonly can: readonly HeadsetEvent[];
  /** It has nothing to be told by: neither light nor display. */
  readonly isMute?: boolean;
  open(): HeadsetRig | Promise<HeadsetRig>;
}

const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

/** A line in memory between the driver and a hands-free unit. */
export class FakePort implements Port {
  isOpen = true;
  writableLength = 0;
  readonly listeners: Record<string, ((argument: never) => void)[]> = {};
  constructor(private readonly deliver: (text: string) => void) {}
  write(data: string): void {
    this.deliver(data);
  }
  on(event: string, listener: (argument: never) => void): void {
    (this.listeners[event] ??= []).push(listener);
  }
  emit(event: string, argument?: unknown): void {
    for (const listener of this.listeners[event] ?? []) listener(argument as never);
  }
  close(done?: () => void): void {
    if (this.isOpen) {
      this.isOpen = false;
      this.emit("close");
    }
    done?.();
  }
}

/** A phone with a headset, in memory. */
export function bluetooth(features?: number) {
  const time = new VirtualTime();
  const ports: FakePort[] = [];
  const wearer: HandsFree = new HandsFree({
    features,
    timers: time,
    send: (text) => {
      const port = ports.at(-1);
      if (port?.isOpen) port.emit("data", Buffer.from(text, "latin1"));
    },
  });
  const headset = new BluetoothHeadset({
    tty: "/dev/rfcomm0",
    clock: time,
    timers: time,
    name: "Ear",
    openPort: async () => {
      const port = new FakePort((text) => wearer.receive(text));
      ports.push(port);
      return port;
    },
  });
  return { time, ports, wearer, headset };
}

async function openBluetooth(): Promise<HeadsetRig> {
  const { ports, wearer, headset } = bluetooth();
  await settle();
  const told: string[] = [];
  wearer.onChange = () => {
    const { indicators, caller } = wearer;
    const word =
      indicators.get("callsetup") === 1
        ? caller === undefined
          ? undefined
          : `incoming ${caller}`
        : indicators.get("call") === 1
          ? "active"
          : "idle";
    if (word !== undefined && word !== (told.at(-1) ?? "idle")) told.push(word);
  };
  const inCall = (state: "incoming" | "active", run: () => Promise<unknown>) => {
    headset.callState(state, "sip:bob@example.com");
    return run();
  };
  const acts: Partial<Record<HeadsetEvent["type"], (event: never) => Promise<unknown>>> = {
    connected: () => wearer.connect(),
    disconnected: async () => {
      ports.at(-1)!.isOpen = false;
      ports.at(-1)!.emit("close", new Error("out of reach"));
    },
    answer: () => inCall("incoming", () => wearer.answer()),
    hangup: () => inCall("active", () => wearer.hangUp()),
    hold: () => inCall("active", () => wearer.hold("2")),
    digit: ({ digit }: { digit: string }) => inCall("active", () => wearer.digit(digit)),
    volume: ({ speaker }: { speaker: number }) => wearer.setSpeaker(speaker * 15),
    gain: ({ microphone }: { microphone: number }) => wearer.setMicrophone(microphone * 15),
    dial: ({ number }: { number: string }) => wearer.dial(number),
    memory: ({ location }: { location: number }) => wearer.dialMemory(location),
    redial: () => wearer.redial(),
    battery: ({ percent }: { percent: number }) => wearer.battery(percent),
  };
  let connected = false;
  return {
    headset,
    act: async (event) => {
      if (!ports.at(-1)?.isOpen) return;
      if (event.type !== "connected" && !connected) await wearer.connect().catch(() => {});
      connected = true;
      await acts[event.type]!(event as never).catch(() => {});
      await settle();
    },
    told: async () => {
      await settle();
      return told;
    },
  };
}

async function openWired(): Promise<HeadsetRig> {
  const { headset, send, press, double, time, end } = await wiredRig(false);
  const close = headset.close.bind(headset);
  let closed = false;
  headset.close = () => {
    close();
    if (closed) return;
    closed = true;
    end();
  };
  const inserted = async (value: number) => {
    await send(EV_SW, SW_HEADPHONE_INSERT, value);
    time.advance(500);
  };
  const inCall = async (state: "incoming" | "active" | "held" | "idle", run: () => Promise<void>) => {
    headset.callState(state);
    await run();
    time.advance(2000);
  };
  const acts: Partial<Record<HeadsetEvent["type"], () => Promise<void>>> = {
    connected: () => inserted(1),
    disconnected: () => inserted(0),
    answer: () => inCall("incoming", () => press(100)),
    hold: () => inCall("active", double),
    resume: () => inCall("held", () => press(100)),
    mute: () => inCall("active", () => press(1500)),
    hangup: () => inCall("active", () => press(100)),
    redial: () => inCall("idle", double),
  };
  return {
    headset,
    act: async ({ type }) => {
      if (!closed) await acts[type]!();
    },
    told: async () => [],
  };
}

export const implementations: readonly HeadsetImplementation[] = [
  {
    name: "simulated",
    can: [
      { type: "connected", name: "Ear" },
      { type: "answer" },
      { type: "digit", digit: "5" },
      { type: "volume", speaker: 0.5 },
      { type: "mute", on: true },
      { type: "dial", number: "123" },
      { type: "redial" },
      { type: "hangup" },
      { type: "disconnected", reason: "out of reach" },
    ],
    open: () => {
      const told: string[] = [];
      const time = new VirtualTime();
      const observe = (what: string) => told.push(what.replace(/sip:(\w+)@\S+/, "$1"));
      const headset = new SimulatedHeadset({ clock: time, timers: time, observe });
      return { headset, told: async () => told, act: async (event) => void headset.act(event) };
    },
  },
  {
    name: "bluetooth",
    can: [
      { type: "connected", name: "Ear" },
      { type: "answer", call: 1 },
      { type: "digit", digit: "5" },
      { type: "hold", call: 1 },
      { type: "volume", speaker: 0.6 },
      { type: "gain", microphone: 0.2 },
      { type: "dial", number: "123" },
      { type: "memory", location: 2 },
      { type: "redial" },
      { type: "battery", percent: 70 },
      { type: "hangup", call: 1 },
      { type: "disconnected", reason: "the line is gone" },
    ],
    open: openBluetooth,
  },
  {
    name: "wired",
    isMute: true,
    can: [
      { type: "connected", name: "in the jack" },
      { type: "answer" },
      { type: "hold" },
      { type: "resume" },
      { type: "mute", on: true },
      { type: "hangup" },
      { type: "redial" },
      { type: "disconnected", reason: "it was pulled out" },
    ],
    open: openWired,
  },
];
