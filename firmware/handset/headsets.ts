// Headsets, in the ear or on a wire: which of them has the voice, and what their buttons ask for.

import type { HeadsetEvent } from "../../drivers/contract.js";
import type { CallControl, CallSnapshot } from "../call/types.js";
import type { Contact, SoundRoute } from "./handset.js";

/** Which of a board's headsets. */
export type HeadsetName = Exclude<SoundRoute, "handset">;

/** From so little on a headset's battery is worth a word, percent. */
const LOW_BATTERY = 15;

/** The telephone behind the headsets. */
export interface HeadsetsHost {
  readonly calls: CallControl;
  readonly contacts: readonly Contact[];
  /** The call that keys mean. */
  meant(): CallSnapshot | undefined;
  isCall(id: number): boolean;
  dial(target: string): void;
  /** False: nobody was called before. */
  redial(): boolean;
  /** Of the earpiece, 0 to 1. */
  volume(of: number): void;
  /** Words for the screen. */
  notice(text: string): void;
  /** Moves the voice. */
  route(to: SoundRoute): void;
}

export class Headsets {
  /** Those that are connected, the latest last: it has the voice. */
  private readonly connected: HeadsetName[] = [];

  constructor(private readonly host: HeadsetsHost) {}

  /**
   * Does what a headset says.
   * @returns false when it could not be done; the headset is told so. @throws what call control throws.
   */
  obey(event: HeadsetEvent, which: HeadsetName): boolean {
    const { host } = this;
    switch (event.type) {
      case "connected":
        this.routeTo(which, true);
        host.notice(`Headset ${event.name} connected`);
        return true;
      case "disconnected":
        this.routeTo(which, false);
        host.notice(`Headset gone: ${event.reason}`);
        return true;
      case "answer":
      case "hangup":
      case "hold":
      case "resume": {
        const id = event.call ?? host.meant()?.id;
        if (id === undefined || !host.isCall(id)) return false;
        host.calls[event.type](id);
        return true;
      }
      case "dial":
        host.dial(event.number);
        return true;
      case "redial":
        return host.redial();
      case "memory": {
        const { contacts } = host;
        const contact = contacts.find(({ key }) => key === String(event.location)) ?? contacts[event.location - 1];
        if (!contact) return false;
        host.dial(contact.uri);
        return true;
      }
      case "digit": {
        const call = host.meant();
        if (call?.state !== "active") return false;
        host.calls.digit(event.digit, call.id);
        return true;
      }
      case "volume":
        host.volume(Math.min(1, Math.max(0, event.speaker)));
        return true;
      case "mute": {
        const call = host.meant();
        if (!call) return false;
        host.calls.mute(event.on, call.id);
        return true;
      }
      case "gain":
        return true;
      case "battery":
        if (event.percent <= LOW_BATTERY) host.notice(`The headset's battery is at ${event.percent} %`);
        return true;
    }
  }

  /** The headset that came last has the voice; when it goes, the one before it, at last the phone itself. */
  private routeTo(which: HeadsetName, isThere: boolean): void {
    const before = this.connected.at(-1) ?? "handset";
    const at = this.connected.indexOf(which);
    if (at >= 0) this.connected.splice(at, 1);
    if (isThere) this.connected.push(which);
    const now = this.connected.at(-1) ?? "handset";
    if (now !== before) this.host.route(now);
  }
}
