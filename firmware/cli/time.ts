// `sotto network-time`: what a device's own scripts ask before the telephone starts. The clock is root's to set, this is not.

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { type Command, InvalidArgumentError } from "commander";
import { middle, readTime, timeRequest } from "../runtime/sntp.js";

const NTP_PORT = 123;
/** How often a server is asked, and how long an answer may take, ms. */
const TRIES = 3;
const ANSWER_MS = 1500;
/** How long others are waited for once one has answered, ms. */
const OTHERS_MS = 500;

/** How {@link networkTime} asks. */
export interface NetworkTimeOptions {
  /** A moment that is over, ms since 1970. */
  readonly notBeforeMs: number;
  /** Default 123. */
  readonly port?: number;
}

/**
 * Asks time servers side by side, by name or address.
 * @returns how far this machine's clock is behind, ms: the middle of what those say that answer in time.
 * @throws Error with each one's reason when none answers.
 */
export async function networkTime(servers: readonly string[], options: NetworkTimeOptions): Promise<number> {
  const answers: number[] = [];
  let first = () => {};
  const someAnswer = new Promise<void>((resolve) => {
    first = resolve;
  });
  const closing = new AbortController();
  const all = Promise.all(
    servers.map(async (server) => {
      try {
        answers.push(await ask(server, options, closing.signal));
        first();
        return "";
      } catch (error) {
        return `${server}: ${error instanceof Error ? error.message : String(error)}`;
      }
    }),
  );
  let timer: NodeJS.Timeout | undefined;
  const enough = someAnswer.then(
    () =>
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, OTHERS_MS);
      }),
  );
  await Promise.race([all, enough]);
  clearTimeout(timer);
  closing.abort();
  if (answers.length === 0) throw new Error((await all).join("; "));
  return middle(answers);
}

/** Asks one until it answers. @returns how far our clock is behind its, ms. */
async function ask(server: string, { notBeforeMs, port = NTP_PORT }: NetworkTimeOptions, closing: AbortSignal) {
  const { address, family } = await lookup(server);
  let reason = "no answer";
  for (let tries = 0; tries < TRIES && !closing.aborted; tries++) {
    // Another port each time: who cannot see the request cannot answer it.
    const socket = createSocket(family === 6 ? "udp6" : "udp4");
    try {
      const mark = randomBytes(8).readBigUInt64BE();
      const answer = await new Promise<number | string>((resolve, reject) => {
        const timer = setTimeout(resolve, ANSWER_MS, "no answer");
        closing.addEventListener("abort", () => resolve("given up"), { once: true });
        socket.once("close", () => clearTimeout(timer));
        socket.once("error", reject);
        // Connected: what others send does not come in.
        socket.connect(port, address, () => {
          const askedAt = performance.now();
          socket.on("message", (packet) => {
            const atMs = Date.now();
            const tookMs = performance.now() - askedAt;
            const found = readTime(packet, mark, notBeforeMs);
            if (typeof found === "string") return void (found.startsWith("not an answer") || resolve(found));
            const onTheWay = Math.max(0, tookMs - (found.sentMs - found.receivedMs));
            resolve(found.sentMs + onTheWay / 2 - atMs);
          });
          socket.send(timeRequest(mark));
        });
      });
      if (typeof answer === "number") return answer;
      reason = answer;
    } catch (error) {
      // e.g. the network is unreachable, or nobody listens there: it may be about to come up.
      reason = error instanceof Error ? error.message : String(error);
      await new Promise((resolve) => setTimeout(resolve, OTHERS_MS));
    } finally {
      socket.close();
    }
  }
  throw new Error(reason);
}

/** Adds the command to the `sotto` program. */
export function addTimeCommand(program: Command): void {
  const seconds = (text: string) => {
    if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError("seconds since 1970");
    return Number(text);
  };
  program
    .command("network-time", { hidden: true })
    .description("asks time servers; prints the seconds since 1970 when the clock is off by more than a second")
    .argument("<server...>")
    .requiredOption("--not-before <seconds>", "a moment that is over, seconds since 1970", seconds)
    .action(async (servers: string[], { notBefore }: { notBefore: number }) => {
      const behindMs = await networkTime(servers, { notBeforeMs: notBefore * 1000 });
      if (Math.abs(behindMs) > 1000) console.log(Math.round((Date.now() + behindMs) / 1000));
    });
}
