// Notices that the device has another address: another network, a new lease, a cable put in.

import { networkInterfaces } from "node:os";
import type { Clock } from "../../runtime/clock.js";
import { every, type Timer, type Timers } from "../../runtime/timers.js";

/** One address of an interface, as node:os lists it. */
export interface InterfaceAddress {
  readonly address: string;
  readonly family: string;
  readonly internal: boolean;
}

/** Lists what the device has now, interface by interface. */
export type AddressProvider = () => Readonly<Record<string, readonly InterfaceAddress[] | undefined>>;

/** How often the list is read, ms. Reading it is one netlink dump in the kernel. */
const PERIOD_MS = 2000;

/** The address others reach the device at: the first outside one of the family; link-local ones only where there is no other. */
export function outsideAddress(list: ReturnType<AddressProvider>, family: 4 | 6): string | undefined {
  const all = Object.values(list)
    .flatMap((each) => each ?? [])
    .filter((each) => !each.internal && each.family === `IPv${family}`);
  const local = /^(?:169\.254\.|fe80:)/i;
  return (all.find((each) => !local.test(each.address)) ?? (family === 4 ? all[0] : undefined))?.address;
}

/** Every address the device has now. */
export function addressesHere(addresses = networkInterfaces as AddressProvider): readonly string[] {
  return Object.values(addresses()).flatMap((each) => (each ?? []).map(({ address }) => address));
}

export interface AddressWatchOptions {
  readonly family: 4 | 6;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly addresses?: AddressProvider;
  /** Another address than before; not called while the device has none. */
  readonly changed: (address: string) => void;
}

/** Watches until the returned timer is cancelled. `current` is what the phone announces now. */
export function watchAddress(current: string, options: AddressWatchOptions): Timer {
  const { family, timers, clock, addresses = networkInterfaces as AddressProvider, changed } = options;
  let known = current;
  return every(timers, clock, PERIOD_MS, () => {
    const list = addresses();
    // As long as the announced address is there, others that come and go (a VPN, a second network) do not move the phone.
    const stays = Object.values(list).some((each) => each?.some(({ address }) => address === known));
    const now = stays ? known : outsideAddress(list, family);
    if (now === undefined || now === known) return;
    known = now;
    changed(now);
  });
}
