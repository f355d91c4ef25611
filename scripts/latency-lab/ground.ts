// What has to stand around two phones before they can call: proxies, a network, another processor. Started once, shared by sites.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { kamailioMissing, Trapezoid } from "../../test/interop/kamailio.js";
import type { Site, Transport } from "./cases.js";
import { Emulation, emulationMissing } from "./emulation.js";
import { Link, linkMissing } from "./link.js";
import { type People, passwords } from "./people.js";
import type { Ground } from "./phones.js";
import type { LeftOut } from "./result.js";

const LOOPBACK = "127.0.0.1";
/** Impairment of each network: one way, ms; packets lost, share. */
const links = { delay: { delayMs: 20, loss: 0 }, loss: { delayMs: 20, loss: 0.02 } } as const;

/** Something that is stopped at the end. */
interface Standing {
  stop(): Promise<unknown>;
}

/** Provides grounds, says once why one cannot be had. */
export class Grounds {
  /** What could not be had. */
  readonly leftOut: LeftOut[] = [];
  private readonly made = new Map<string, Promise<Standing | undefined>>();

  /**
   * @param folder where proxies keep their files.
   * @param program the translated `sotto`.
   */
  constructor(
    private readonly folder: string,
    private readonly program: string,
    private readonly people: People,
    private readonly say: (text: string) => void,
  ) {}

  /** The ground of a site; undefined when it cannot be had here, which {@link leftOut} tells. */
  async of(site: Site): Promise<Ground | undefined> {
    const plain = {
      ...{ domain: both(LOOPBACK), address: both(LOOPBACK), program: this.program },
      ...{ ringMs: 40, talkMs: 45, patienceMs: 10_000 },
    };
    if (site.processor === "armv7") {
      const emulation = await this.keep("calls of an emulated ARM processor", emulationMissing, () => {
        this.say("building for armv7");
        return Emulation.prepare(join(this.folder, "armv7"));
      });
      if (!emulation) return undefined;
      const { program, launch } = emulation;
      return {
        ...plain,
        ...{ program, launch: both(launch), ringMs: 1500, talkMs: 600, patienceMs: 90_000 },
        // An emulated processor has no time for short periods.
        more: { devices: { audio: { periods: 16 } } },
      };
    }
    if (site.network !== "loopback") {
      const { network } = site;
      const link = await this.keep(`calls over a network with ${network}`, linkMissing, () =>
        Link.open(links[network]),
      );
      if (!link) return undefined;
      const { addresses, launch } = link;
      return {
        ...plain,
        ...{ domain: addresses, address: addresses, launch },
        ringMs: 400,
        talkMs: 150,
        patienceMs: 40_000,
      };
    }
    if (site.path === "proxies") {
      const net = await this.keep(
        "calls through two domains' proxies",
        kamailioMissing,
        () => this.trapezoid(site.transport),
        site.transport,
      );
      return net && { ...plain, domain: { alice: "a.test", bob: "b.test" }, dns: net.dns };
    }
    return plain;
  }

  async stop(): Promise<void> {
    for (const one of [...this.made.values()].reverse()) await (await one.catch(() => undefined))?.stop();
    this.made.clear();
  }

  private trapezoid(transport: Transport): Promise<Trapezoid> {
    this.say(`starting the proxies of a.test and b.test (${transport})`);
    const folder = join(this.folder, `net-${transport}`);
    mkdirSync(folder, { recursive: true });
    return Trapezoid.start({
      ...{ folder, transports: [transport], users: passwords(), authority: this.people.authority },
    });
  }

  private async keep<T extends Standing>(
    what: string,
    missing: () => string | undefined,
    start: () => Promise<T>,
    which = "",
  ): Promise<T | undefined> {
    const key = what + which;
    const known = this.made.get(key);
    if (known) return (await known) as T | undefined;
    const why = missing();
    const starting = why === undefined ? start() : Promise.resolve(undefined);
    const kept = starting.catch((error: unknown) => {
      this.leave(what, error instanceof Error ? error.message : String(error));
      return undefined;
    });
    if (why !== undefined) this.leave(what, `${why} is not here`);
    this.made.set(key, kept);
    return kept;
  }

  private leave(what: string, why: string): void {
    if (!this.leftOut.some((one) => one.what === what)) this.leftOut.push({ what, why });
  }
}

function both<T>(value: T): { readonly alice: T; readonly bob: T } {
  return { alice: value, bob: value };
}
