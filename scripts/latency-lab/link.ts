// A link between two network namespaces that delays every packet and loses some, in user space: netem is not in every kernel.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { existsSync } from "node:fs";
import { which } from "../../test/interop/tools.js";
import { endWithUs } from "../../test/support/started.js";
import { eventually } from "../../test/support/wait.js";
import type { Launch } from "../demo-call/phone.js";
import { type Side, sides } from "./people.js";

/** What a link does to packets. */
export interface Impairment {
  /** Each way, ms. */
  readonly delayMs: number;
  /** Share of the packets that are lost, 0 to 1, each way. */
  readonly loss: number;
}

/** Why there can be no such link here; undefined: there can. */
export function linkMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "the right to make network namespaces (root)";
  if (!existsSync("/dev/net/tun")) return "/dev/net/tun";
  for (const [program, debian] of [
    ["ip", "iproute2"],
    ["socat", "socat"],
  ])
    if (!which(program)) return `${program} (Debian: ${debian})`;
  return undefined;
}

let count = 0;

/** Two namespaces with an address each; what one sends reaches the other through this process. */
export class Link {
  private readonly timers = new Set<NodeJS.Timeout>();
  /** Packets carried and dropped. */
  readonly packets = { carried: 0, lost: 0 };

  private constructor(
    private readonly impairment: Impairment,
    private readonly names: Readonly<Record<Side, string>>,
    readonly addresses: Readonly<Record<Side, string>>,
    private readonly carriers: readonly ChildProcess[],
    private readonly sockets: Readonly<Record<Side, Socket>>,
    private readonly random: () => number,
  ) {}

  /**
   * Makes it. Each namespace has a TUN device whose packets socat hands to us as datagrams on loopback, and takes back.
   * @param random decides what is lost, 0 to 1.
   */
  static async open(impairment: Impairment, random: () => number = Math.random): Promise<Link> {
    const number = count++;
    const names = { alice: `sl${process.pid}a${number}`, bob: `sl${process.pid}b${number}` };
    const net = `10.${100 + (process.pid % 100)}.${number}`;
    const addresses = { alice: `${net}.1`, bob: `${net}.2` };
    const sockets = {} as Record<Side, Socket>;
    const carriers: ChildProcess[] = [];
    const link = new Link(impairment, names, addresses, carriers, sockets, random);
    try {
      for (const side of sides) {
        const socket = createSocket({ type: "udp4", recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
        sockets[side] = socket;
        await new Promise<void>((resolve, reject) => {
          socket.once("error", reject);
          socket.bind(0, "127.0.0.1", resolve);
        });
        const device = names[side];
        const ours = `UDP4-DATAGRAM:127.0.0.1:${socket.address().port},bind=127.0.0.1:0`;
        const child = spawn("socat", ["-b", "65536", `TUN,tun-name=${device},tun-type=tun,iff-no-pi`, ours], {
          detached: true,
          stdio: "ignore",
        });
        carriers.push(child);
        if (child.pid !== undefined) endWithUs(child.pid, new Promise((resolve) => child.once("exit", resolve)));
        await eventually(`the device ${device}`, 5000, () => existsSync(`/sys/class/net/${device}`));
        ip("netns", "add", device);
        ip("link", "set", device, "netns", device);
        for (const args of [
          ["addr", "add", `${addresses[side]}/24`, "dev", device],
          ["link", "set", device, "mtu", "1500", "up"],
          ["link", "set", "lo", "up"],
        ])
          ip("-n", device, ...args);
        // Where socat is, its first packet says; a new device asks for routers at once.
        await link.peerOf(side);
      }
    } catch (error) {
      await link.stop();
      throw error;
    }
    return link;
  }

  /** How a side's process gets into its namespace. */
  get launch(): Readonly<Record<Side, Launch>> {
    const inside = (side: Side): Launch => ({
      command: ["ip", "netns", "exec", this.names[side], process.execPath],
      limitMs: 20_000,
    });
    return { alice: inside("alice"), bob: inside("bob") };
  }

  async stop(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    for (const child of this.carriers) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    }
    for (const side of sides) {
      this.sockets[side]?.close();
      try {
        ip("netns", "del", this.names[side]);
      } catch {
        // It was not made.
      }
    }
  }

  private readonly ports: Partial<Record<Side, number>> = {};

  private async peerOf(side: Side): Promise<void> {
    const other: Side = side === "alice" ? "bob" : "alice";
    this.sockets[side].on("message", (packet, from) => {
      this.ports[side] = from.port;
      this.carry(packet, other);
    });
    // Something to send: a packet to the other end, which nobody answers yet.
    await eventually(`${side}'s end of the link`, 5000, () => {
      if (this.ports[side] !== undefined) return true;
      const probe = `ping -c1 -W1 ${this.addresses[other]} >/dev/null 2>&1 || echo x > /dev/udp/${this.addresses[other]}/9`;
      spawn("ip", ["netns", "exec", this.names[side], "bash", "-c", probe], { stdio: "ignore" }).on("error", () => {});
      return undefined;
    });
  }

  private carry(packet: Buffer, to: Side): void {
    if (this.random() < this.impairment.loss) {
      this.packets.lost++;
      return;
    }
    this.packets.carried++;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      const port = this.ports[to];
      if (port !== undefined) this.sockets[to]?.send(packet, port, "127.0.0.1");
    }, this.impairment.delayMs);
    this.timers.add(timer);
  }
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
