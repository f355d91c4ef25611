// A card's mixer: volumes in dB, mute, capture gain, routes, and news of who changed them.

import type { Direction, Handle, MixerElement } from "./binding.js";
import { AlsaError } from "./errors.js";
import { binding } from "./load.js";

/** An open mixer. */
export class Mixer {
  private readonly native = binding();
  private closed = false;

  private constructor(
    private readonly handle: Handle,
    /** The card, as it was opened. */
    readonly card: string,
  ) {}

  /**
   * @param card ALSA's name of a control device: `default`, `hw:0`, …
   * @throws AlsaError when there is none.
   */
  static open(card: string): Mixer {
    try {
      return new Mixer(binding().openMixer(card), card);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === undefined) throw error;
      throw new AlsaError(message, code, card);
    }
  }

  /** Every element and how it stands now. */
  elements(): MixerElement[] {
    return this.native.mixerElements(this.handle);
  }

  /** The element of this name; undefined: there is none. */
  element(name: string, index = 0): MixerElement | undefined {
    return this.elements().find((element) => element.name === name && element.index === index);
  }

  /** Sets the volume of all channels, in dB. @throws AlsaError when the element has no such volume. */
  setDb(name: string, direction: Direction, db: number, index = 0): void {
    this.set(name, index, "db", direction, db);
  }
  /** Sets the volume of all channels, in the card's own steps. @throws AlsaError when the element has no such volume. */
  setVolume(name: string, direction: Direction, volume: number, index = 0): void {
    this.set(name, index, "volume", direction, volume);
  }
  /** Sets the switch of all channels: off is muted. @throws AlsaError when the element has no such switch. */
  setOn(name: string, direction: Direction, on: boolean, index = 0): void {
    this.set(name, index, "on", direction, on ? 1 : 0);
  }
  /** Chooses one of the element's items, e.g. a route. @throws AlsaError when it has no such item. */
  choose(name: string, item: string, index = 0): void {
    const at = this.element(name, index)?.items?.indexOf(item) ?? -1;
    if (at < 0) throw new AlsaError(`mixer element "${name}" has no item "${item}"`, "EINVAL", this.card);
    this.set(name, index, "item", "playback", at);
  }

  /**
   * Tells of changes by anyone but this object: another program, a knob, another `Mixer`. Does not keep the process alive. One listener a mixer.
   * @param changed something stands differently. @param gone the card was unplugged; the mixer tells nothing more.
   */
  watch(changed: () => void, gone: () => void = () => {}): void {
    this.native.watchMixer(this.handle, (isGone) => (isGone ? gone() : changed()));
  }

  /** Closing twice does nothing the second time. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.native.closeMixer(this.handle);
  }

  private set(name: string, index: number, what: string, direction: Direction, value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`a mixer value must be a number, got ${value}`);
    try {
      this.native.mixerSet(this.handle, name, index, what, direction === "capture", value);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === undefined) throw error;
      throw new AlsaError(message, code, this.card, direction);
    }
  }
}
