// The drivers on devices of a real kernel, by the product's own commands in an emulated device: keys, jack, vibrator, light, GPIO lines, sound.

import * as assert from "uvu/assert";
import { lines } from "../../toolchain/device/device-tree.js";
import { eventually } from "../support/wait.js";
import { type EmulatedDevice, PATIENCE_MS } from "./emulated-device.js";

const gpioChip = "9030000.pl061";
/** Waits for all that run; the telephone itself stays a zombie, for its supervisor is stopped. */
const NODE_ENDS =
  'while for p in $(pidof node); do grep -q "State:.*Z" /proc/$p/status || break; p=; done; [ -n "$p" ]; do sleep 1; p=; done';
const CARDS = "--rate 48000 --period 960 --periods 8 --json";

/** What is looked at of `sotto doctor audio --json`. */
interface Findings {
  readonly linked: boolean;
  readonly periods: number;
  readonly likeness: number;
  readonly roundTripMs?: number;
  readonly told: readonly string[];
}

/** A device whose telephone is switched off, so that its devices are free; `release` switches it on again. */
export class DeviceChecks {
  private constructor(private readonly device: EmulatedDevice) {}

  static async open(device: EmulatedDevice): Promise<DeviceChecks> {
    await device.machine.shell(
      `cd /tmp; for p in $(pidof supervise); do kill -STOP $p; done; killall node; ${NODE_ENDS}`,
      PATIENCE_MS,
    );
    return new DeviceChecks(device);
  }

  async release(): Promise<void> {
    await this.device.machine.shell("killall node; for p in $(pidof supervise); do kill -CONT $p; done");
  }

  private run(command: string): Promise<string> {
    return this.device.machine.shell(command, PATIENCE_MS);
  }

  /** Runs a command beside the shell, until it says `mark`. */
  private async begin(command: string, mark: string): Promise<void> {
    await this.run(`(${command} >/tmp/said 2>&1 &)`);
    await eventually(`${command} says ${mark}`, PATIENCE_MS, async () => (await this.said()).includes(mark));
  }

  private said(): Promise<string> {
    return this.run("cat /tmp/said");
  }

  private async saidAll(patterns: readonly RegExp[]): Promise<void> {
    let text = "";
    await eventually(`what was pressed is said`, PATIENCE_MS, async () => {
      text = await this.said();
      return patterns.every((pattern) => pattern.test(text));
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${patterns.filter((pattern) => !pattern.test(text)).join(", ")}\n${text}`);
    });
  }

  private end(): Promise<string> {
    return this.run(`killall -9 node; ${NODE_ENDS}`);
  }

  /** Writes a configuration with these devices. @returns its file. */
  private async config(devices: object): Promise<string> {
    const config = { board: "qemu-virt", accounts: [{ uri: "sip:x@a.test", security: "off" }], devices };
    await this.run(`printf '%s' '${JSON.stringify(config)}' >/tmp/checks.json`);
    return "/tmp/checks.json";
  }

  /** Waits for an output to rise and fall after change number `from`. */
  private async risesAndFalls(line: number, from: number): Promise<void> {
    const { outputs } = this.device.machine;
    const changes = () => outputs.slice(from).filter(([output]) => output === line);
    await eventually(`line ${line} rises`, PATIENCE_MS, () => changes().some(([, level]) => level));
    await eventually(`line ${line} falls`, PATIENCE_MS, () => changes().at(-1)?.[1] === false);
  }

  /** Every input device's events, as the kernel names them. */
  async inputEvents(): Promise<void> {
    await this.begin("sotto keys --raw", "Ctrl-C");
    for (const line of [lines.call, lines.hangup, lines.jack, lines.button]) await this.device.press(line);
    await this.saidAll([
      /sotto-keys: KEY_PHONE \(169\) down/,
      /sotto-keys: KEY_PHONE \(169\) up/,
      /sotto-keys: KEY_CANCEL \(223\) down/,
      /sotto-jack: switch 2 on/,
      /sotto-jack: switch 2 off/,
      /sotto-jack: KEY_MEDIA \(226\) down/,
    ]);
    await this.end();
  }

  /** The board's keys; their device goes and comes back. */
  async hotPlug(): Promise<void> {
    const driver = "/sys/bus/platform/drivers/gpio-keys";
    await this.begin("sotto keys --board qemu-virt", "Ctrl-C");
    await this.run(`echo sotto-keys >${driver}/unbind`);
    await this.saidAll([/sotto-keys is gone/]);
    await this.run(`echo sotto-keys >${driver}/bind`);
    await this.saidAll([/sotto-keys is gone[\s\S]*sotto-keys \(.*\) is open/]);
    await this.device.press(lines.call);
    await this.device.machine.setKey("up", true);
    await this.device.machine.setKey("up", false);
    await this.saidAll([/press call/, /release call/, /press up/]);
    await this.end();
  }

  /** Vibrator by force feedback and light by the LED class: seen from outside, and by the doctor. */
  async outputs(): Promise<void> {
    const from = this.device.machine.outputs.length;
    const said = await this.run("sotto doctor vibrator indicator keys --board qemu-virt --try; echo exit $?");
    for (const ok of [/ok +keys/, /ok +vibrator \(rumble\)/, /ok +indicator \(led\)/, /exit 0/]) assert.match(said, ok);
    await this.risesAndFalls(lines.vibrator, from);
    await this.risesAndFalls(lines.light, from);
  }

  /** A vibrator whose program is killed falls silent by itself. */
  async crash(): Promise<void> {
    const { machine } = this.device;
    const from = machine.outputs.length;
    await this.run("(sotto doctor vibrator --board qemu-virt --try 20 >/tmp/said 2>&1 &)");
    await eventually("the vibrator shakes", PATIENCE_MS, () =>
      machine.outputs.slice(from).some(([line, level]) => line === lines.vibrator && level),
    );
    await this.end();
    await this.risesAndFalls(lines.vibrator, from);
  }

  /** onoff on a line of the chip, through sysfs: interrupts as keys, then an output. */
  async gpio(): Promise<void> {
    const at = { chip: gpioChip, line: lines.free };
    const keys = await this.config({ keys: { driver: "gpio", buttons: [{ key: "call", ...at }] } });
    await this.begin(`sotto keys --config ${keys}`, "Ctrl-C");
    await this.device.press(lines.free);
    await this.saidAll([/press call/, /release call/]);
    assert.match(await this.run("cat /proc/interrupts"), /pl061 +6 +Edge +gpiolib/);
    await this.end();
    const held = { key: "call", chip: gpioChip, line: lines.call };
    const config = await this.config({
      vibrator: { driver: "gpio", ...at },
      keys: { driver: "gpio", buttons: [held] },
    });
    const from = this.device.machine.outputs.length;
    const said = await this.run(`sotto doctor vibrator keys --try --config ${config}`);
    assert.match(said, /ok +vibrator \(gpio\)/);
    assert.match(said, /a driver of the kernel holds it/);
    await this.risesAndFalls(lines.free, from);
  }

  /** Sound both ways. A machine that is busy may stop it for longer than it can bear: what was disturbed is tried again. */
  private async audio(options: string): Promise<Findings> {
    for (let tries = 3; ; tries--) {
      const said = await this.run(`sotto doctor audio ${options} ${CARDS}`);
      const json = /^\{.*\}$/m.exec(said)?.[0];
      assert.ok(json, said);
      const { findings } = JSON.parse(json!) as { findings: Findings };
      if (tries === 1 || findings.told.length === 0) return findings;
    }
  }

  /** Both directions, started in step by `snd_pcm_link`, on the loopback card: what is played is heard. */
  async loopback(): Promise<void> {
    await this.run("modprobe snd-aloop index=5 id=Loopback");
    const found = await this.audio("--playback hw:Loopback,0 --capture hw:Loopback,1 --seconds 3");
    assert.ok(found.linked, "linked");
    assert.ok(found.periods > 75, JSON.stringify(found));
    assert.ok(found.likeness > 0.9 && found.roundTripMs !== undefined, JSON.stringify(found));
    await this.run("modprobe -r snd-aloop");
  }

  /** Both directions on HDA, with a controller for each. */
  async hda(): Promise<void> {
    const found = await this.audio("--playback hw:0,0 --capture hw:1,0 --seconds 2");
    assert.ok(found.linked, "linked");
    assert.ok(found.periods > 50, JSON.stringify(found));
    assert.equal(found.told, []);
  }

  /** The same, for longer; the microphone's controller is pulled out of the bus meanwhile, and put back. */
  async pulledCard(): Promise<void> {
    await this.run(`(sotto doctor audio --playback hw:0,0 --capture hw:1,0 --seconds 14 ${CARDS} >/tmp/said 2>&1 &)`);
    await eventually("sound runs", PATIENCE_MS, async () =>
      /RUNNING/.test(await this.run("cat /proc/asound/card1/pcm0c/sub0/status")),
    );
    // The kernel waits until the program has let go of the card.
    await this.run(
      "sleep 2; (echo 1 >/sys/bus/pci/devices/0000:00:11.0/remove &); sleep 3; echo 1 >/sys/bus/pci/rescan",
    );
    let json: string | undefined;
    await eventually("the doctor is done", PATIENCE_MS, async () => {
      json = /^\{.*\}$/m.exec(await this.said())?.[0];
      return json !== undefined;
    });
    const found = JSON.parse(json!).findings as Findings;
    assert.ok(found.linked, "linked");
    assert.ok(found.periods > 50, json);
    assert.match(found.told.join(" "), /lost[\s\S]*back/);
  }
}
