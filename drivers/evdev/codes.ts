// Numbers of linux/input-event-codes.h a telephone meets, and which of its keys they are.

import type { PhoneKey } from "../contract.js";

export const EV_SYN = 0x00;
export const EV_KEY = 0x01;
export const EV_SW = 0x05;
export const EV_FF = 0x15;
export const SYN_REPORT = 0;
/** The kernel's buffer overflowed: events were lost. */
export const SYN_DROPPED = 3;
export const FF_RUMBLE = 0x50;

/** Jack switches. */
export const SW_HEADPHONE_INSERT = 0x02;
export const SW_MICROPHONE_INSERT = 0x04;
export const SW_LINEOUT_INSERT = 0x06;
export const SW_JACK_PHYSICAL_INSERT = 0x07;

/** Keys by the kernel's names. */
export const keyCodes: Readonly<Record<string, number>> = {
  KEY_ESC: 1,
  KEY_1: 2,
  KEY_2: 3,
  KEY_3: 4,
  KEY_4: 5,
  KEY_5: 6,
  KEY_6: 7,
  KEY_7: 8,
  KEY_8: 9,
  KEY_9: 10,
  KEY_0: 11,
  KEY_BACKSPACE: 14,
  KEY_ENTER: 28,
  KEY_KPASTERISK: 55,
  KEY_SPACE: 57,
  KEY_F1: 59,
  KEY_F2: 60,
  KEY_F3: 61,
  KEY_F4: 62,
  KEY_KP7: 71,
  KEY_KP8: 72,
  KEY_KP9: 73,
  KEY_KP4: 75,
  KEY_KP5: 76,
  KEY_KP6: 77,
  KEY_KP1: 79,
  KEY_KP2: 80,
  KEY_KP3: 81,
  KEY_KP0: 82,
  KEY_KPENTER: 96,
  KEY_HOME: 102,
  KEY_UP: 103,
  KEY_LEFT: 105,
  KEY_RIGHT: 106,
  KEY_END: 107,
  KEY_DOWN: 108,
  KEY_MUTE: 113,
  KEY_VOLUMEDOWN: 114,
  KEY_VOLUMEUP: 115,
  KEY_POWER: 116,
  KEY_MENU: 139,
  KEY_BACK: 158,
  KEY_NEXTSONG: 163,
  KEY_PLAYPAUSE: 164,
  KEY_PREVIOUSSONG: 165,
  KEY_PHONE: 169,
  KEY_CANCEL: 223,
  KEY_MEDIA: 226,
  KEY_SEND: 231,
  KEY_MICMUTE: 248,
  BTN_0: 0x100,
  KEY_OK: 0x160,
  KEY_SELECT: 0x161,
  KEY_NUMERIC_0: 0x200,
  KEY_NUMERIC_1: 0x201,
  KEY_NUMERIC_2: 0x202,
  KEY_NUMERIC_3: 0x203,
  KEY_NUMERIC_4: 0x204,
  KEY_NUMERIC_5: 0x205,
  KEY_NUMERIC_6: 0x206,
  KEY_NUMERIC_7: 0x207,
  KEY_NUMERIC_8: 0x208,
  KEY_NUMERIC_9: 0x209,
  KEY_NUMERIC_STAR: 0x20a,
  KEY_NUMERIC_POUND: 0x20b,
  KEY_PICKUP_PHONE: 0x1bd,
  KEY_HANGUP_PHONE: 0x1be,
  KEY_TAB: 15,
  KEY_Q: 16,
  KEY_W: 17,
  KEY_E: 18,
  KEY_R: 19,
  KEY_T: 20,
  KEY_Y: 21,
  KEY_U: 22,
  KEY_I: 23,
  KEY_O: 24,
  KEY_P: 25,
  KEY_LEFTCTRL: 29,
  KEY_A: 30,
  KEY_S: 31,
  KEY_D: 32,
  KEY_F: 33,
  KEY_G: 34,
  KEY_H: 35,
  KEY_J: 36,
  KEY_K: 37,
  KEY_L: 38,
  KEY_LEFTSHIFT: 42,
  KEY_Z: 44,
  KEY_X: 45,
  KEY_C: 46,
  KEY_V: 47,
  KEY_B: 48,
  KEY_N: 49,
  KEY_M: 50,
  KEY_COMMA: 51,
  KEY_DOT: 52,
  KEY_SLASH: 53,
  KEY_LEFTALT: 56,
  KEY_F5: 63,
  KEY_F6: 64,
  KEY_F7: 65,
  KEY_F8: 66,
  KEY_F9: 67,
  KEY_F10: 68,
  KEY_F11: 87,
  KEY_F12: 88,
  KEY_PAGEUP: 104,
  KEY_PAGEDOWN: 109,
  KEY_DELETE: 111,
  KEY_PAUSE: 119,
  KEY_SLEEP: 142,
  KEY_WAKEUP: 143,
  KEY_PROG1: 148,
  KEY_PROG2: 149,
  KEY_COFFEE: 152,
  KEY_REFRESH: 173,
  KEY_CAMERA: 212,
  KEY_SEARCH: 217,
  KEY_CONNECT: 218,
  KEY_BLUETOOTH: 237,
  KEY_NUMERIC_A: 0x20c,
  KEY_NUMERIC_B: 0x20d,
  KEY_NUMERIC_C: 0x20e,
  KEY_NUMERIC_D: 0x20f,
  KEY_CAMERA_FOCUS: 0x210,
  KEY_VOICECOMMAND: 0x246,
  KEY_ASSISTANT: 0x247,
};

/** Largest code there is. */
export const KEY_MAX = 0x2ff;

/** Which key of the phone a key of the kernel is, unless the board says otherwise. */
export const defaultKeyMap: Readonly<Record<string, PhoneKey>> = {
  KEY_PHONE: "call",
  KEY_SEND: "call",
  KEY_PICKUP_PHONE: "call",
  KEY_CANCEL: "hangup",
  KEY_END: "hangup",
  KEY_HANGUP_PHONE: "hangup",
  KEY_ESC: "hangup",
  KEY_UP: "up",
  KEY_DOWN: "down",
  KEY_LEFT: "left",
  KEY_RIGHT: "right",
  KEY_ENTER: "select",
  KEY_KPENTER: "select",
  KEY_OK: "select",
  KEY_SELECT: "select",
  KEY_BACK: "back",
  KEY_BACKSPACE: "back",
  KEY_VOLUMEUP: "volumeUp",
  KEY_VOLUMEDOWN: "volumeDown",
  KEY_MUTE: "mute",
  KEY_MICMUTE: "mute",
  KEY_KPASTERISK: "*",
  KEY_NUMERIC_STAR: "*",
  KEY_NUMERIC_POUND: "#",
  ...Object.fromEntries(
    "0123456789"
      .split("")
      .flatMap((digit) => ["KEY_", "KEY_KP", "KEY_NUMERIC_"].map((prefix) => [prefix + digit, digit as PhoneKey])),
  ),
};

/**
 * @param map names of keys (`KEY_PHONE`, or a code in decimal) to keys of the phone; undefined: {@link defaultKeyMap}.
 * @returns keys of the phone by code. @throws Error for a name we do not know.
 */
export function keyMap(map: Readonly<Record<string, PhoneKey>> = defaultKeyMap): ReadonlyMap<number, PhoneKey> {
  return new Map(Object.entries(map).map(([name, key]) => [keyCode(name), key]));
}

/** @throws Error for a name we do not know. */
export function keyCode(name: string): number {
  const code = /^\d+$/.test(name) ? Number(name) : Object.hasOwn(keyCodes, name) ? keyCodes[name] : -1;
  if (code >= 0 && code <= KEY_MAX) return code;
  throw new Error(
    `there is no key "${name}" (names as in linux/input-event-codes.h that a phone has, or the code as a number)`,
  );
}

/** A code in words, for `sotto keys`. */
export function keyName(code: number): string {
  return Object.keys(keyCodes).find((name) => keyCodes[name] === code) ?? `key ${code}`;
}
