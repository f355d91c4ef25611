// `npm start`: one handset on this machine with this terminal as its keys and screen; a second one in another terminal can be called.

import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { makeFolder } from "../../firmware/runtime/index.js";
import { ensureIdentities } from "../demo-call/identities.js";
import { installedOptions } from "../demo-call/phone.js";

const ports = { alice: 5060, bob: 5062 } as const;
const uris = { alice: "sip:alice@127.0.0.1", bob: "sip:bob@127.0.0.1" } as const;
type Person = keyof typeof ports;

const program = new Command("npm start --")
  .description(
    "Runs one handset interactively, with simulated sound. Start a second one in another terminal: npm start -- --as bob",
  )
  .addOption(new Option("--as <name>", "whose phone this is").choices(["alice", "bob"]).default("alice"))
  .option("--config <file>", "run this configuration instead of the ready-made one")
  .allowExcessArguments(false)
  .parse();
const options = program.opts<{ as: Person; config?: string }>();
const top = process.env["SOTTO_TOP"] ?? process.cwd();

/** Writes the ready-made configuration of a person, once: it is theirs to edit. */
async function readyMade(me: Person): Promise<string> {
  const folder = join(top, "out", "handset");
  const other: Person = me === "alice" ? "bob" : "alice";
  await makeFolder(folder);
  const { identities } = await ensureIdentities(join(folder, "identities"), uris);
  const file = join(folder, `${me}.json`);
  if (existsSync(file)) return file;
  const config = {
    board: "host",
    sip: { address: "127.0.0.1", port: ports[me] },
    control: join(folder, `${me}.sock`),
    log: { file: join(folder, `${me}.log`) },
    devices: {
      audio: {
        captureWav: join(top, "scripts", "demo-voices", `${me}.wav`),
        captureLoop: true,
        playbackWav: join(folder, `${me}-heard.wav`),
      },
    },
    contacts: [{ name: other === "bob" ? "Bob" : "Alice", uri: `${uris[other]}:${ports[other]}`, key: "1" }],
    accounts: [
      {
        uri: uris[me],
        displayName: me === "alice" ? "Alice" : "Bob",
        security: "required",
        keying: {
          offer: "dh",
          certificate: identities.certificateFile(me),
          privateKey: identities.privateKeyFile(me),
          trustAnchors: [identities.authorityFile],
        },
      },
    ],
  };
  writeFileSync(file, JSON.stringify(config, null, 2) + "\n", { mode: 0o600 });
  return file;
}

const config = options.config ?? (await readyMade(options.as));
// A real-time voice thread must not wait for the collector's helper threads.
const command = [...installedOptions, join(top, "dist", "sotto.js")];
const handset = spawn(process.execPath, [...command, "run", "--interactive", "--config", config], { stdio: "inherit" });
// The terminal sends Ctrl-C to both; the handset closes its devices first.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => handset.kill(signal));
handset.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
