// Other people's SRTP: libsrtp2 in a C program compiled on the spot, and werift's from npm.

import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { RtpHeader, SrtpSession } from "werift-rtp";
import type { SrtpSuiteName } from "../../../firmware/srtp/index.js";
import { benchKeys, type Contestant, PACKET_BYTES } from "./contestants.js";

/** libsrtp2 in a process of its own; it times itself. */
export class Libsrtp {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: ((line: string) => void)[] = [];

  private constructor(program: string) {
    this.#child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#waiting.shift()?.(line));
    this.#child.on("exit", () => {
      for (const done of this.#waiting.splice(0)) done("NaN");
    });
  }

  /** @throws Error when there is no compiler or no libsrtp2. */
  static start(top: string): Libsrtp {
    const folder = join(top, "out", "bench");
    mkdirSync(folder, { recursive: true });
    const program = join(folder, "libsrtp");
    const source = join(top, "scripts", "benches", "srtp", "peer.c");
    execFileSync("gcc", ["-std=c11", "-O2", "-Wall", "-o", program, source, "-lsrtp2"], { stdio: "pipe" });
    return new Libsrtp(program);
  }

  contestant(suite: SrtpSuiteName): Contestant {
    const ask = (what: string, count: number) =>
      new Promise<number>((resolve) => {
        this.#waiting.push((line) => resolve(Number(line)));
        this.#child.stdin.write(`${what} ${suite} ${count}\n`);
      });
    return {
      name: "libsrtp2",
      protect: (count) => ask("protect", count),
      unprotect: (count) => ask("unprotect", count),
    };
  }

  stop(): void {
    this.#child.stdin.end();
  }
}

/** werift's; undefined for suites it has not. */
export function werift(suite: SrtpSuiteName): Contestant | undefined {
  const profile = { AES_CM_128_HMAC_SHA1_80: 0x0001, AEAD_AES_128_GCM: 0x0007 }[suite as "AEAD_AES_128_GCM"];
  if (profile === undefined) return undefined;
  const { masterKey, masterSalt } = benchKeys(suite);
  const key = Buffer.from(masterKey);
  const salt = Buffer.from(masterSalt);
  const keys = { localMasterKey: key, localMasterSalt: salt, remoteMasterKey: key, remoteMasterSalt: salt };
  const sender = new SrtpSession({ keys, profile: profile as 1 });
  const receiver = new SrtpSession({ keys, profile: profile as 1 });
  const payload = Buffer.alloc(PACKET_BYTES - 12, 0x55);
  let sequence = 0;
  const run = (count: number, protecting: boolean): number => {
    const headers = Array.from(
      { length: count },
      () => new RtpHeader({ ssrc: 0xdeadbeef, sequenceNumber: sequence++ & 0xffff, payloadType: 0 }),
    );
    const packets: Buffer[] = new Array(count);
    let before = process.hrtime.bigint();
    for (let i = 0; i < count; i++) packets[i] = sender.encrypt(payload, headers[i]);
    if (protecting) return Number(process.hrtime.bigint() - before) / count;
    before = process.hrtime.bigint();
    for (let i = 0; i < count; i++) receiver.decrypt(packets[i]);
    return Number(process.hrtime.bigint() - before) / count;
  };
  return { name: "werift-rtp", protect: (count) => run(count, true), unprotect: (count) => run(count, false) };
}
