// A Bluetooth headset on an RFCOMM tty.

import { type Clock, systemClock } from "../../firmware/runtime/clock.js";
import { systemTimers, type Timers } from "../../firmware/runtime/timers.js";
import type { Headset, HeadsetCall, HeadsetCallState, HeadsetEvent, HeadsetListener } from "../contract.js";
import { callsOf } from "./calls.js";
import { AudioGateway, type GatewayOptions } from "./gateway.js";
import { HeadsetLink, type OpenPort } from "./link.js";

/** How a {@link BluetoothHeadset} is opened. */
export interface BluetoothHeadsetOptions extends GatewayOptions {
  /** E.g. `/dev/rfcomm0`. */
  readonly tty: string;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly timers?: Timers;
  /** Default: the serialport package. */
  readonly openPort?: OpenPort;
  /** Told why the line cannot be opened. */
  readonly tell?: (text: string) => void;
}

/** {@link Headset} by the Hands-Free or Headset Profile. The line may come later, go, and come back. */
export class BluetoothHeadset implements Headset {
  private readonly clock: Clock;
  private readonly gateway: AudioGateway;
  private readonly link: HeadsetLink;
  private listener: HeadsetListener | undefined;
  private closed = false;

  constructor(options: BluetoothHeadsetOptions) {
    const { clock = systemClock, timers = systemTimers } = options;
    this.clock = clock;
    this.gateway = new AudioGateway(options, {
      clock,
      timers,
      send: (text) => this.link.send(text),
      event: (event) => {
        this.link.proven();
        return this.tell(event);
      },
      codec: (id) => options.tell?.(`codec ${id === 2 ? "mSBC" : "CVSD"}`),
    });
    this.link = new HeadsetLink(
      options.tty,
      {
        open: () => options.tell?.(`${options.tty} is open; no headset has spoken yet`),
        data: (text) => this.gateway.receive(text),
        lost: (reason) => {
          const { connected } = this.gateway;
          this.gateway.reset();
          if (connected) this.tell({ type: "disconnected", reason });
          else options.tell?.(`${options.tty}: ${reason}`);
        },
        cannot: (reason) => options.tell?.(`${options.tty} cannot be opened: ${reason}`),
      },
      timers,
      options.openPort,
    );
  }

  /** Whether a headset answers at the other end. */
  get connected(): boolean {
    return this.gateway.connected;
  }

  listen(listener: HeadsetListener): void {
    if (!this.closed) this.listener = listener;
  }

  callState(state: HeadsetCallState, from?: string, calls?: readonly HeadsetCall[]): void {
    if (!this.closed) this.gateway.update(callsOf(state, from, calls));
  }

  volume(speaker: number): void {
    if (!this.closed) this.gateway.volume(speaker);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.listener = undefined;
    this.gateway.reset();
    await this.link.close();
  }

  private tell(event: HeadsetEvent): boolean {
    if (this.closed) return false;
    return this.listener?.(event, this.clock.now()) !== false;
  }
}
