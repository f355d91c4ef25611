// Keys of the kernel's input devices: gpio-keys, keypads, keyboards, HID headsets.

import { type ButtonOptions, Buttons } from "../buttons.js";
import type { PhoneKey } from "../contract.js";
import { EV_KEY, keyMap } from "./codes.js";
import type { InputDevice } from "./device.js";
import { InputDevices, type InputDevicesOptions } from "./devices.js";

/** How {@link EvdevKeys} are opened. */
export interface EvdevKeysOptions extends ButtonOptions, InputDevicesOptions {
  /** Keys by the kernel's names; default: what their names say (`KEY_PHONE` calls, `KEY_CANCEL` hangs up, digits are digits, …). */
  readonly map?: Readonly<Record<string, PhoneKey>>;
}

/** {@link Keys} on input devices that may come and go; a device that goes lets go of the keys that were down on it. */
export class EvdevKeys extends Buttons {
  private devices: InputDevices | undefined;
  private readonly down_ = new Map<InputDevice, Set<PhoneKey>>();

  /** @throws Error for a key's name nobody knows, or when a native part is missing. That there is no device yet is no error. */
  static async open(options: EvdevKeysOptions = {}): Promise<EvdevKeys> {
    const keys = new EvdevKeys(options);
    const map = keyMap(options.map);
    const codes = [...map.keys()];
    keys.devices = await InputDevices.open(options, {
      fits: (info) => codes.some((code) => info.keys.has(code)),
      event: (device, _info, type, code, value) => {
        const key = type === EV_KEY ? map.get(code) : undefined;
        // Value 2 is the kernel's repeat; ours is the same for every kind of key.
        if (key !== undefined && value !== 2) keys.change(device, key, value === 1);
      },
      reset: (device, _info, gone) => keys.letGo(device, gone),
    });
    return keys;
  }

  /** Input devices open now. */
  get count(): number {
    return this.devices?.count ?? 0;
  }

  override close(): void {
    super.close();
    this.devices?.close();
    this.down_.clear();
  }

  private change(device: InputDevice, key: PhoneKey, isDown: boolean): void {
    let held = this.down_.get(device);
    if (!held) this.down_.set(device, (held = new Set()));
    if (isDown) {
      held.add(key);
      this.down(key);
    } else if (held.delete(key)) this.up(key);
  }

  private letGo(device: InputDevice, gone: boolean): void {
    const held = this.down_.get(device);
    if (gone) this.down_.delete(device);
    for (const key of held ?? []) this.up(key);
    held?.clear();
  }
}
