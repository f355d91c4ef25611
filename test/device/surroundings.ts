// What emulated devices share: an image, a registrar on this machine, an authority that everybody believes, and a host handset that calls.

import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HostNetwork } from "../../toolchain/device/host-network.js";
import { type MadeImage, makeImage } from "../../toolchain/device/image.js";
import { type Domain, kamailioMissing } from "../interop/kamailio.js";
import { needPeer, requireOrSkip } from "../interop/tools.js";
import { HandsetProcess } from "../support/handset-process.js";
import { TestAuthority } from "../support/identities.js";
import type { Started } from "../support/started.js";
import { writeTone } from "../support/tones.js";
import { startRegistrar } from "./registrar.js";

export const HOST_SAYS_HZ = 500;

/** True when everything an emulated handset needs is here; a skip, or a failure, otherwise. */
export function canEmulate(): boolean {
  const missing = kamailioMissing();
  return (
    requireOrSkip(missing ?? "kamailio", missing === undefined) &&
    needPeer(
      "an emulator of devices",
      ...["qemu-system-aarch64", "mmdebstrap", "dtc", "mcopy", "mformat", "mksquashfs", "sfdisk", "depmod", "ip", "xz"],
      ...["mke2fs", "arm-linux-gnueabihf-gcc", "arm-linux-gnueabihf-g++"],
    ) &&
    requireOrSkip("EFI firmware for arm64 (Debian: qemu-efi-aarch64)", existsSync("/usr/share/AAVMF/AAVMF_CODE.fd")) &&
    requireOrSkip("/dev/net/tun, and root to use it", existsSync("/dev/net/tun") && process.getuid?.() === 0)
  );
}

const users = { alice: "alicepw", bob: "bobpw", carol: "carolpw", dave: "davepw", erin: "erinpw" };
/** Who has a telephone here; alice's runs on this machine. */
export type User = keyof typeof users;

/** The registrar has a network of its own: a device that is unplugged takes nobody else along. */
export class Surroundings {
  private constructor(
    readonly folder: string,
    private readonly started: Started,
    readonly image: MadeImage,
    private readonly home: HostNetwork,
    readonly registrar: Domain,
    private readonly authority: TestAuthority,
  ) {}

  /** Makes the image and starts the registrar. */
  static async make(folder: string, started: Started): Promise<Surroundings> {
    const image = await makeImage("qemu-virt", { out: join(folder, "image") });
    const home = await started.keep(HostNetwork.create());
    const registrar = await started.keep(startRegistrar(join(folder, "kam"), home.host, users));
    return new Surroundings(folder, started, image, home, registrar, await TestAuthority.create(folder, "authority"));
  }

  /** The part of an account's configuration that says where it registers. */
  account(user: User, passwordFile: string) {
    return {
      uri: `sip:${user}@a.test`,
      outboundProxies: [{ host: this.home.host, port: 5060, transport: "udp" }],
      auth: { user, passwordFile },
    };
  }

  /** Puts somebody's keys and password into a folder: `user.crt`, `user.key`, `authority.crt`, `password`. */
  async giveKeys(user: User, folder: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    const own = await this.authority.keyingFor(`sip:${user}@a.test`);
    cpSync(own.certificate, join(folder, "user.crt"));
    cpSync(own.privateKey, join(folder, "user.key"));
    cpSync(this.authority.file, join(folder, "authority.crt"));
    writeFileSync(join(folder, "password"), users[user], { mode: 0o600 });
  }

  /** A handset on this machine, with a voice of its own. */
  async alice(): Promise<HandsetProcess> {
    const password = join(this.folder, "alice.pw");
    writeFileSync(password, users.alice, { mode: 0o600 });
    const says = join(this.folder, "alice-says.wav");
    writeTone(says, HOST_SAYS_HZ, 2);
    return this.started.keep(
      HandsetProcess.start({
        folder: join(this.folder, "alice"),
        user: "alice",
        security: "required",
        keying: await this.authority.keyingFor("sip:alice@a.test"),
        codecs: ["PCMU"],
        says,
        sip: { address: this.home.host },
        account: this.account("alice", password),
      }),
    );
  }
}

/** Steps that go on beside the tests, one after the other; a test waits for its own. Who comes after one that failed fails with it. */
export class Steps {
  private last: Promise<unknown> = Promise.resolve();

  /** Adds a step. @returns its end. */
  add(step: () => unknown): Promise<unknown> {
    const next = this.last.then(step);
    // Whoever waits for it is told; nobody may wait yet.
    next.catch(() => {});
    this.last = next;
    return next;
  }
}
