// A GPIO line that switches a vibrator or a light.

import { guardOff, type OffGuard } from "../off-guard.js";
import type { SwitchOutput } from "../switched.js";
import type { LineSpec } from "./lines.js";
import { type GpioLine, type GpioOptions, openLine } from "./onoff.js";

/** {@link SwitchOutput} on a GPIO line. */
export class GpioOutput implements SwitchOutput {
  private constructor(
    private gpio: GpioLine | undefined,
    private readonly guard: OffGuard | undefined,
  ) {}

  /**
   * Takes the line, switched off.
   * @param options `guarded`: switch it off when this process dies.
   * @throws Error that says which line is wrong and why.
   */
  static async open(spec: LineSpec, options: GpioOptions & { readonly guarded?: boolean } = {}): Promise<GpioOutput> {
    const { gpio, valueFile } = await openLine(spec, "out", options);
    // The file's 0 is "off" whichever level that is: the kernel inverts lines that are active low.
    return new GpioOutput(gpio, options.guarded ? guardOff(valueFile, "0") : undefined);
  }

  set(on: boolean): void {
    this.gpio?.writeSync(on ? 1 : 0);
  }

  close(): void {
    const gpio = this.gpio;
    if (!gpio) return;
    this.gpio = undefined;
    try {
      gpio.writeSync(0);
    } finally {
      gpio.unexport();
      this.guard?.release();
    }
  }
}
