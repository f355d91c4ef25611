// A headset in the phone's jack, or a HID headset on USB, by the kernel's input devices.

import { type Clock, systemClock } from "../../firmware/runtime/clock.js";
import { systemTimers, type Timers } from "../../firmware/runtime/timers.js";
import type { Headset, HeadsetCallState, HeadsetEvent, HeadsetListener } from "../contract.js";
import {
  EV_KEY,
  EV_SW,
  type InputDevice,
  InputDevices,
  type InputDevicesOptions,
  type InputInfo,
  keyCode,
  SW_HEADPHONE_INSERT,
  SW_MICROPHONE_INSERT,
} from "../evdev/index.js";
import { type ButtonGesture, GestureButton } from "./button.js";

/** How a {@link WiredHeadset} is opened. */
export interface WiredHeadsetOptions extends InputDevicesOptions {
  /** Keys of the kernel that are the cable's button. Default KEY_MEDIA, KEY_PLAYPAUSE; of HID headsets KEY_PHONE. */
  readonly buttons?: readonly string[];
  /** The switch that says a headset is in. Default: that for headphones; `microphone` for jacks that tell both apart. */
  readonly jack?: "headphone" | "microphone";
  /** How it is called when it is told of. Default `in the jack`. */
  readonly label?: string;
  readonly clock?: Clock;
  readonly timers?: Timers;
}

const switches = { headphone: SW_HEADPHONE_INSERT, microphone: SW_MICROPHONE_INSERT } as const;
/** A plug that is pushed in makes and breaks contact, ms. */
const SETTLE_MS = 100;

/**
 * {@link Headset} on a wire. A device with the jack's switch is connected when something is in it; one that has the button but no switch (a
 * USB headset) is connected while the device is there.
 *
 * The button: it rings: press answers, long press declines. In a call: press hangs up, double press holds and takes back, long press
 * mutes. On hold: press or double press takes back. Idle: double press redials.
 */
export class WiredHeadset implements Headset {
  private devices: InputDevices | undefined;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly button: GestureButton;
  private listener: HeadsetListener | undefined;
  private state: HeadsetCallState = "idle";
  private muted = false;
  /** Devices that say a headset is there. */
  private readonly present = new Set<InputDevice>();
  private connected = false;
  private settling: { cancel(): void } | undefined;
  private closed = false;

  private constructor(private readonly options: WiredHeadsetOptions) {
    this.clock = options.clock ?? systemClock;
    this.timers = options.timers ?? systemTimers;
    this.button = new GestureButton(
      this.clock,
      this.timers,
      () => this.state !== "incoming",
      (gesture) => this.gesture(gesture),
    );
  }

  /** @throws Error for a key's name nobody knows, or when a native part is missing. That there is no jack yet is no error. */
  static async open(options: WiredHeadsetOptions = {}): Promise<WiredHeadset> {
    const headset = new WiredHeadset(options);
    const buttons = new Set((options.buttons ?? ["KEY_MEDIA", "KEY_PLAYPAUSE", "KEY_PHONE"]).map(keyCode));
    const jack = switches[options.jack ?? "headphone"];
    const hasButton = (info: InputInfo) => [...buttons].some((code) => info.keys.has(code));
    const named = options.device !== undefined || options.name !== undefined;
    headset.devices = await InputDevices.open(
      options,
      {
        // Unless one is named, a device with KEY_PHONE but no jack may be the phone's own keypad: only a jack's is taken.
        fits: (info) => info.switches.has(jack) || (named && hasButton(info)),
        opened: (device, info) => {
          if (!info.switches.has(jack)) headset.see(device, true);
          else headset.see(device, device.state("switch", jack) ?? false);
        },
        event: (device, _info, type, code, value) => {
          if (type === EV_SW && code === jack) headset.see(device, value === 1);
          else if (type === EV_KEY && buttons.has(code)) headset.press(value);
        },
        reset: (device, info, gone) => {
          headset.button.reset();
          if (gone) headset.see(device, false);
          else if (info.switches.has(jack)) headset.see(device, device.state("switch", jack) ?? false);
        },
      },
      true,
    );
    return headset;
  }

  listen(listener: HeadsetListener): void {
    if (this.closed) return;
    this.listener = listener;
    // It may have been in the jack before anybody listened.
    if (this.connected) this.tell(this.hello());
  }

  callState(state: HeadsetCallState): void {
    if (this.closed) return;
    this.state = state;
    if (state === "idle") this.muted = false;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.listener = undefined;
    this.settling?.cancel();
    this.button.reset();
    this.devices?.close();
  }

  private hello(): HeadsetEvent {
    return { type: "connected", name: this.options.label ?? "in the jack" };
  }

  private see(device: InputDevice, isThere: boolean): void {
    if (isThere) this.present.add(device);
    else this.present.delete(device);
    this.settling?.cancel();
    this.settling = this.timers.at(this.clock.now() + SETTLE_MS, () => {
      this.settling = undefined;
      const connected = this.present.size > 0;
      if (connected === this.connected) return;
      this.connected = connected;
      this.button.reset();
      this.tell(connected ? this.hello() : { type: "disconnected", reason: "it was pulled out" });
    });
  }

  private press(value: number): void {
    if (value === 1) this.button.down();
    else if (value === 0) this.button.up();
  }

  private gesture(gesture: ButtonGesture): void {
    const event = this.meaning(gesture);
    if (event) this.tell(event);
  }

  private meaning(gesture: ButtonGesture): HeadsetEvent | undefined {
    switch (this.state) {
      case "incoming":
        return { type: gesture === "long" ? "hangup" : "answer" };
      case "outgoing":
        return gesture === "double" ? undefined : { type: "hangup" };
      case "active":
        if (gesture === "press") return { type: "hangup" };
        if (gesture === "double") return { type: "hold" };
        this.muted = !this.muted;
        return { type: "mute", on: this.muted };
      case "held":
        return { type: gesture === "long" ? "hangup" : "resume" };
      case "idle":
        return gesture === "double" ? { type: "redial" } : undefined;
    }
  }

  private tell(event: HeadsetEvent): void {
    this.listener?.(event, this.clock.now());
  }
}
