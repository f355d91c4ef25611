// Telephones that answer by themselves, for sipp to call: a handset of ours, and baresip.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wavFile } from "../../../firmware/audio/index.js";
import { freePort, Phone, phoneFiles } from "../../demo-call/phone.js";
import { cpuSeconds } from "../process.js";

/** Calls at once that both are set up for: far more than there are at any rate they hold. */
const MAX_CALLS = 1000;
/** First port of the voice of ours and of baresip's: two for each call, out of the way of the ports the system gives out. */
const VOICE_PORTS = { sotto: 20_000, baresip: 24_000 } as const;

/** Somebody who answers. */
export interface Answerer {
  readonly name: string;
  readonly port: number;
  /** CPU time its process has used so far, s. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/** Our handset, one process, open calls answered at once. */
export async function startSotto(folder: string, program: string): Promise<Answerer> {
  mkdirSync(folder, { recursive: true });
  const files = phoneFiles(folder, folder, "sotto");
  const port = await freePort();
  const phone = await Phone.start("sotto", program, files, {
    board: "host",
    sip: {
      address: "127.0.0.1",
      port,
      transports: ["udp"],
      // All calls come from one address here.
      limits: { messagesPerSource: 100_000, requestsPerSource: 10_000, requestsTotal: 10_000 },
    },
    rtp: { portMin: VOICE_PORTS.sotto, portMax: VOICE_PORTS.sotto + 2 * MAX_CALLS - 1 },
    control: files.socket,
    log: { level: "warn", file: files.log },
    accounts: [{ uri: "sip:service@127.0.0.1", security: "off", autoAnswerMs: 0, codecs: ["PCMU"] }],
    maxCalls: MAX_CALLS,
  });
  const { pid } = await phone.control.ask("status", {});
  return { name: "Sotto", port, cpuSeconds: () => cpuSeconds(pid), stop: async () => void (await phone.stop()) };
}

/** baresip (Debian: baresip-core) with the codec sipp offers and no sound device. @throws Error when it is not here or does not come up. */
export async function startBaresip(folder: string): Promise<Answerer> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const says = join(folder, "silence.wav");
  writeFileSync(says, wavFile(8000, new Int16Array(80_000)));
  const settings: Record<string, string | number> = {
    poll_method: "epoll",
    sip_listen: `127.0.0.1:${port}`,
    net_interface: "127.0.0.1",
    call_local_timeout: 60,
    call_max_calls: 2 * MAX_CALLS,
    audio_source: `aufile,${says}`,
    audio_player: "aubridge,ear",
    audio_alert: "aubridge,bell",
    ausrc_srate: 8000,
    auplay_srate: 8000,
    ausrc_channels: 1,
    auplay_channels: 1,
    audio_buffer: "20-160",
    rtp_ports: `${VOICE_PORTS.baresip}-${VOICE_PORTS.baresip + 4 * MAX_CALLS}`,
    jitter_buffer_delay: "1-10",
    module_path: moduleFolder(),
    ringback_disabled: "yes",
    menu_bell: "no",
    statmode_default: "off",
  };
  const modules = ["g711", "aufile", "aubridge"].map((name) => `module ${name}.so\n`).join("");
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(join(folder, "config"), `${lines.join("")}${modules}module_tmp account.so\nmodule_app menu.so\n`);
  writeFileSync(join(folder, "contacts"), "");
  writeFileSync(
    join(folder, "accounts"),
    `<sip:service@127.0.0.1:${port};transport=udp>;regint=0;mediaenc=none;answermode=auto;audio_codecs=PCMU/8000/1\n`,
  );
  const child = spawn("baresip", ["-f", folder], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let words = "";
  await new Promise<void>((resolve, reject) => {
    const failed = (why: string): void => reject(new Error(`baresip: ${why}\n${words.slice(-500)}`));
    child.once("error", (error) => failed(error.message));
    child.once("exit", (code) => failed(`ended with ${code}`));
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data) => {
        words = (words + data).slice(-4000);
        if (words.includes("baresip is ready")) resolve();
      });
  });
  child.removeAllListeners("exit");
  return { name: "baresip", port, cpuSeconds: () => cpuSeconds(child.pid ?? 0), stop: () => end(child) };
}

function moduleFolder(): string {
  const folders = [
    "/usr/lib/baresip/modules",
    "/usr/local/lib/baresip/modules",
    `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/baresip/modules`,
  ];
  return folders.find((folder) => existsSync(folder)) ?? folders[0];
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  return gone;
}
