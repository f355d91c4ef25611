// Buttons on GPIO lines.

import { type ButtonOptions, Buttons } from "../buttons.js";
import type { PhoneKey } from "../contract.js";
import { Debounce } from "../debounce.js";
import type { LineSpec } from "./lines.js";
import { type GpioLine, type GpioOptions, openLine } from "./onoff.js";

/** A button: its key and its line (buttons to ground are `activeLow`). */
export interface GpioButton extends LineSpec {
  readonly key: PhoneKey;
}

/** How {@link GpioKeys} are opened. */
export interface GpioKeysOptions extends ButtonOptions, GpioOptions {
  readonly buttons: readonly GpioButton[];
  /** How long a contact may chatter, ms. Default 15. */
  readonly debounceMs?: number;
}

/** {@link Keys} on GPIO lines. A button that is down when they are opened counts from its next press. */
export class GpioKeys extends Buttons {
  private readonly open: { readonly gpio: GpioLine; readonly contact: Debounce }[] = [];

  private constructor(options: GpioKeysOptions) {
    super(options);
  }

  /** @throws Error that says which line is wrong and why; the lines opened before are given back. */
  static async open(options: GpioKeysOptions): Promise<GpioKeys> {
    const keys = new GpioKeys(options);
    try {
      for (const button of options.buttons) await keys.take(button, options);
    } catch (error) {
      keys.close();
      throw error;
    }
    return keys;
  }

  private async take(button: GpioButton, options: GpioKeysOptions): Promise<void> {
    const { gpio } = await openLine(button, "in", options);
    const isDown = () => gpio.readSync() === 1;
    const contact = new Debounce(isDown(), options.debounceMs ?? 15, this.clock, this.timers, isDown, (down) =>
      down ? this.down(button.key) : this.up(button.key),
    );
    this.open.push({ gpio, contact });
    gpio.watch((error, value) => {
      if (!error) contact.edge(value === 1);
    });
  }

  override close(): void {
    super.close();
    for (const { gpio, contact } of this.open.splice(0)) {
      contact.close();
      gpio.unwatchAll();
      gpio.unexport();
    }
  }
}
