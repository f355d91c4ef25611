// Two handset processes that call each other: what call benchmarks measure on.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HandsetStatus } from "../../firmware/control/index.js";
import { between, type TraceEntry } from "../../firmware/runtime/index.js";
import { ensureIdentities } from "../demo-call/identities.js";
import { freePort, Phone, phoneFiles, readLines } from "../demo-call/phone.js";

/** How keys are agreed on. */
export type PairKeying = "none" | "psk" | "dh";

/** Set-up delays of one call, ms. */
export interface CallSample {
  /** From dialling to 180 Ringing received. */
  readonly callingMs: number;
  /** From picking up to ACK received and SRTP keys ready. */
  readonly answeringMs: number;
}

const uris = { alice: "sip:alice@127.0.0.1", bob: "sip:bob@127.0.0.1" };
/** How long Bob's phone rings before it answers by itself: long enough that the calling phase is over. */
const RING_MS = 40;

/** A caller and an automatic answerer in a process each, on loopback. */
export class HandsetPair {
  private constructor(
    readonly alice: Phone,
    readonly bob: Phone,
    private readonly bobUri: string,
    private readonly keying: PairKeying,
    private readonly folder: string,
    private readonly traces: { readonly alice: string; readonly bob: string },
  ) {}

  /**
   * Starts both. @throws Error when one does not come up.
   * @param execArgv further options of Node.
   */
  static async start(keying: PairKeying, execArgv: readonly string[] = []): Promise<HandsetPair> {
    const top = process.env["SOTTO_TOP"] ?? process.cwd();
    const folder = mkdtempSync(join(tmpdir(), `sotto-bench-${keying}-`));
    const { identities } = await ensureIdentities(join(folder, "identities"), uris);
    const program = join(top, "out", "js", "firmware", "cli", "entry.js");
    const start = async (name: "alice" | "bob", port: number) => {
      const other = name === "alice" ? "bob" : "alice";
      const own = join(folder, name);
      mkdirSync(own);
      const files = phoneFiles(own, own, name);
      const phone = await Phone.start(
        name,
        program,
        files,
        {
          board: "host",
          sip: { address: "127.0.0.1", port },
          control: files.socket,
          log: { level: "warn", file: files.log },
          traceFile: files.trace,
          accounts: [
            {
              uri: uris[name],
              security: keying === "none" ? "off" : "required",
              keying: {
                offer: keying === "psk" ? "psk" : "dh",
                certificate: identities.certificateFile(name),
                privateKey: identities.privateKeyFile(name),
                trustAnchors: [identities.authorityFile],
                sharedKeys: keying === "psk" ? [{ peer: uris[other], file: identities.pskFile }] : [],
              },
              ...(name === "bob" ? { autoAnswerMs: RING_MS } : {}),
            },
          ],
        },
        { node: execArgv },
      );
      return { phone, files };
    };
    const port = await freePort();
    const bob = await start("bob", port);
    const alice = await start("alice", await freePort());
    const bobUri = `sip:bob@127.0.0.1:${port}`;
    return new HandsetPair(alice.phone, bob.phone, bobUri, keying, folder, {
      alice: alice.files.trace,
      bob: bob.files.trace,
    });
  }

  /** Places one call, holds it for `talkMs`, hangs up, waits until both ends are idle. */
  async call(talkMs = 0): Promise<void> {
    const { id } = await this.alice.control.ask("dial", { uri: this.bobUri });
    await this.alice.until("answer", 10_000, (call) => call.id === id && call.state === "active");
    const there = await this.bob.until("answer", 10_000, (call) => call.state === "active");
    const secured = there.security.state === "secure";
    if (secured !== (this.keying !== "none"))
      throw new Error(`the call is ${there.security.state}, wanted ${this.keying}`);
    if (talkMs > 0) await new Promise((resolve) => setTimeout(resolve, talkMs));
    await this.alice.control.ask("hangup", {});
    await Promise.all(
      [this.alice, this.bob].map((phone) => phone.until("end", 10_000, (call) => call.state === "ended")),
    );
    for (const phone of [this.alice, this.bob]) phone.calls.clear();
  }

  /** Delays of the last call, from both phones' trace points. */
  lastDelays(): CallSample {
    const entries = (file: string) => readLines<{ entries: TraceEntry[] }>(file).at(-1)?.entries ?? [];
    const [alice, bob] = [entries(this.traces.alice), entries(this.traces.bob)];
    const callingMs = between(alice, "dialled", "ringing-received");
    const acked = between(bob, "picked-up", "ack-received");
    const keyed = this.keying === "none" ? 0 : between(bob, "picked-up", "keys-ready");
    if (callingMs === undefined || acked === undefined || keyed === undefined)
      throw new Error("a trace point is missing");
    return { callingMs, answeringMs: Math.max(acked, keyed) };
  }

  /** Sends both a signal. */
  signal(signal: NodeJS.Signals): void {
    for (const phone of [this.alice, this.bob]) phone.signal(signal);
  }

  /** What both say of themselves. */
  status(): Promise<HandsetStatus[]> {
    return Promise.all([this.alice, this.bob].map((phone) => phone.control.ask("status", {})));
  }

  async stop(): Promise<void> {
    await Promise.all([this.alice.stop(), this.bob.stop()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
