// A network between this machine and an emulated one: a TAP device with an address here and one there.

import { runTool } from "./tools.js";

/** How many this process has made. */
let made = 0;

/** A TAP device. Needs root. */
export class HostNetwork {
  private constructor(
    readonly device: string,
    /** Our address. */
    readonly host: string,
    /** The emulated machine's. */
    readonly guest: string,
  ) {}

  /** Makes one with addresses of our choice. @param net the first three numbers, e.g. `10.1.2`. @throws Error in `ip`'s words. */
  static async make(device: string, net: string): Promise<HostNetwork> {
    const network = new HostNetwork(device, `${net}.1`, `${net}.2`);
    await runTool("ip", ["tuntap", "add", "dev", device, "mode", "tap"]);
    try {
      await runTool("ip", ["addr", "add", `${network.host}/24`, "dev", device]);
      await network.plug(true);
    } catch (error) {
      await network.stop();
      throw error;
    }
    return network;
  }

  /** Makes one with addresses nobody here uses. */
  static async create(): Promise<HostNetwork> {
    for (let i = 0; ; i++) {
      const part = () => 1 + Math.floor(Math.random() * 250);
      const net = `10.${part()}.${part()}`;
      const routes = (await runTool("ip", ["route"])).toString();
      if (routes.includes(`${net}.`) && i < 50) continue;
      return HostNetwork.make(`sotto${process.pid % 100_000}-${made++}`, net);
    }
  }

  /** Puts the plug in, or pulls it. */
  async plug(isIn: boolean): Promise<void> {
    await runTool("ip", ["link", "set", "dev", this.device, isIn ? "up" : "down"]);
  }

  async stop(): Promise<void> {
    await runTool("ip", ["link", "del", this.device]).catch(() => {});
  }
}
