// What an emulated handset starts with: its disk, with keys and a configuration that know a handset on this computer, and that one's configuration.

import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readWav } from "../../firmware/audio/index.js";
import { recordingRate } from "../../platform/images.js";
import { copySparse } from "../../toolchain/device/disk.js";
import { dataStart, makeData } from "../../toolchain/device/image.js";
import { runTool } from "../../toolchain/device/tools.js";
import { top } from "../../toolchain/top.js";
import { ensureIdentities } from "../demo-call/identities.js";

/** The two ends of the network between this computer and the handset. */
export interface Addresses {
  readonly host: string;
  readonly guest: string;
}

/** What is prepared. */
export interface PrepareOptions {
  /** Where everything goes: out/emulate. */
  readonly folder: string;
  /** Image the disk is made of. */
  readonly image: string;
  readonly addresses: Addresses;
  /** The network is QEMU's own: the device asks it for an address. */
  readonly isAlone: boolean;
  /** A recording speaks in the microphone's place. */
  readonly speaks: boolean;
  /** File of a public key: who has the private one may update the handset. */
  readonly updateKey?: string;
}

/** How long the handset speaks in a call, seconds: its recording plays once. */
const SPEAKS_S = 120;

function speech(): Buffer {
  const wav = readWav(readFileSync(join(top, "scripts", "demo-voices", "bob.wav")));
  if (!wav.ok) throw new Error(wav.error.text);
  const { samples, rate } = wav.value;
  const out = Buffer.alloc(SPEAKS_S * recordingRate * 4);
  for (let i = 0; i < out.length / 4; i++) {
    const sample = samples[Math.floor((i * rate) / recordingRate) % samples.length];
    out.writeInt16LE(sample, 4 * i);
    out.writeInt16LE(sample, 4 * i + 2);
  }
  return out;
}

/** Makes disk and configurations. @returns the disk and the computer's configuration. */
export async function prepare(
  options: PrepareOptions,
): Promise<{ readonly disk: string; readonly hostConfig: string }> {
  const { folder, image, addresses, isAlone, speaks, updateKey } = options;
  mkdirSync(folder, { recursive: true });
  const people = { handset: `sip:handset@${addresses.guest}`, computer: `sip:computer@${addresses.host}` };
  const { identities } = await ensureIdentities(join(folder, "identities"), people);
  const keying = (certificate: string, privateKey: string, anchor: string) => ({
    ...{ offer: "dh", certificate, privateKey, trustAnchors: [anchor] },
  });

  const hostConfig = join(folder, "computer.json");
  const computer = {
    board: "host",
    sip: { address: addresses.host, port: 5060 },
    control: join(folder, "computer.sock"),
    log: { file: join(folder, "computer.log") },
    devices: {
      audio: {
        captureWav: join(top, "scripts", "demo-voices", "alice.wav"),
        captureLoop: true,
        playbackWav: join(folder, "computer-heard.wav"),
      },
    },
    contacts: [{ name: "Handset", uri: people.handset, key: "1" }],
    accounts: [
      {
        uri: people.computer,
        displayName: "Computer",
        security: "required",
        keying: keying(
          identities.certificateFile("computer"),
          identities.privateKeyFile("computer"),
          identities.authorityFile,
        ),
      },
    ],
  };
  writeFileSync(hostConfig, `${JSON.stringify(computer, null, 2)}\n`, { mode: 0o600 });

  const work = mkdtempSync(join(tmpdir(), "sotto-emulate-"));
  try {
    const data = join(work, "data");
    const keys = join(data, "sotto", "keys");
    mkdirSync(keys, { recursive: true });
    for (const [from, to] of [
      [identities.certificateFile("handset"), "handset.crt"],
      [identities.privateKeyFile("handset"), "handset.key"],
      [identities.authorityFile, "authority.crt"],
    ])
      cpSync(from, join(keys, to));
    const on = (name: string) => `/data/sotto/keys/${name}`;
    const handset = {
      board: "qemu-virt",
      sip: { address: isAlone ? "0.0.0.0" : addresses.guest, instanceFile: "/data/state/instance-id" },
      control: "/run/sotto/control.sock",
      devices: speaks ? { audio: { capture: "recording" } } : {},
      contacts: [{ name: "Computer", uri: people.computer, key: "1" }],
      accounts: [
        {
          uri: people.handset,
          displayName: "Handset",
          security: "required",
          keying: keying(on("handset.crt"), on("handset.key"), on("authority.crt")),
        },
      ],
    };
    writeFileSync(join(data, "sotto", "sotto.json"), `${JSON.stringify(handset, null, 2)}\n`);
    writeFileSync(
      join(data, "network.conf"),
      isAlone ? "address=dhcp\n" : `address=${addresses.guest}/24\ngateway=${addresses.host}\n`,
    );
    if (updateKey !== undefined) cpSync(updateKey, join(data, "update.pub"));
    if (speaks) writeFileSync(join(data, "recording.raw"), speech());
    await makeData(join(work, "data.ext4"), data);
    const disk = join(folder, "disk.img");
    rmSync(disk, { force: true });
    await runTool("cp", ["--sparse=always", image, disk]);
    copySparse(join(work, "data.ext4"), openSync(disk, "r+"), dataStart);
    return { disk, hostConfig };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What is there of an earlier time. */
export function prepared(folder: string): { readonly disk: string; readonly hostConfig: string } | undefined {
  const found = { disk: join(folder, "disk.img"), hostConfig: join(folder, "computer.json") };
  return existsSync(found.disk) && existsSync(found.hostConfig) ? found : undefined;
}
