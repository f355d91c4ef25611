// Which of the two makers of packet ciphers works: the kernel where there is one, unless measuring says otherwise.

import { ArrayCipher } from "./array-cipher.js";
import { Kernel } from "./kernel.js";
import { KernelCipher } from "./kernel-cipher.js";
import { type PacketCipher, type PacketKeys, PacketLayout } from "./packet-cipher.js";

/** `"kernel"`: WebAssembly with vectors, constant time. `"arrays"`: typed arrays. */
export type PacketCipherMaker = "kernel" | "arrays";

let kernel: Kernel | undefined;
let looked = false;
let maker: PacketCipherMaker | undefined;

/** Makers that work here; the first is what one gets unasked. */
export function packetCipherMakers(): PacketCipherMaker[] {
  if (!looked) {
    kernel = Kernel.load();
    looked = true;
  }
  return kernel ? ["kernel", "arrays"] : ["arrays"];
}

/** The maker in use. */
export function packetCipherMaker(): PacketCipherMaker {
  return (maker ??= packetCipherMakers()[0]);
}

/**
 * Has ciphers made from now on be of this kind; those there are stay what they are.
 * @throws RangeError when it does not work here.
 */
export function usePacketCipherMaker(choice: PacketCipherMaker): void {
  if (!packetCipherMakers().includes(choice)) throw new RangeError(`packet ciphers of kind ${choice} do not work here`);
  maker = choice;
}

/** A cipher for packets under `keys`, which are copied. @throws RangeError when a key has an impossible length. */
export function createPacketCipher(keys: PacketKeys, by: PacketCipherMaker = packetCipherMaker()): PacketCipher {
  if (by === "arrays") return new ArrayCipher(keys);
  if (!packetCipherMakers().includes(by)) throw new RangeError(`packet ciphers of kind ${by} do not work here`);
  return new KernelCipher(kernel!, keys);
}

/**
 * Measures both makers on voice packets and uses the faster from now on. Some tens of milliseconds on a desktop; for a thread that
 * starts, before its first packet. The kernel stays while the arrays are not at least a tenth faster: it works in constant time.
 * @param now a clock in milliseconds with fractions
 * @param budgetMs how long each may run
 */
export function choosePacketCipherMaker(now: () => number, budgetMs = 20): PacketCipherMaker {
  const makers = packetCipherMakers();
  if (makers.length === 1) return (maker = makers[0]);
  const rate = (by: PacketCipherMaker) => {
    const cipher = createPacketCipher({ mode: "counter", key: new Uint8Array(16), authKey: new Uint8Array(20) }, by);
    const packet = new Uint8Array(182);
    const layout = Object.assign(new PacketLayout(), { from: 12, to: 172, signed: 172, tagAt: 172, tagBytes: 10 });
    layout.suffixed = true;
    let best = Number.POSITIVE_INFINITY;
    // The best of many short stretches: compilers and caches get warm on the way, other programs get in between.
    for (const end = now() + budgetMs; now() < end; ) {
      const before = now();
      for (let i = 0; i < 50; i++) cipher.seal(packet, layout);
      best = Math.min(best, now() - before);
    }
    cipher.wipe();
    return best;
  };
  return (maker = rate("arrays") < 0.9 * rate("kernel") ? "arrays" : "kernel");
}
