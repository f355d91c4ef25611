// Starts the voice thread and gives signalling its Voice. Stands at the firmware's top because it knows where the thread's entry is.

import { Worker } from "node:worker_threads";
import { RemoteVoice, type Voice, type VoiceEvents, type VoiceOptions, type VoiceRouting } from "./media/index.js";

/** What the voice thread is started with: plain data. */
export interface VoiceThreadOptions {
  /** Driver of the sound card and its options, as `platform/` names them. */
  readonly audio: { readonly driver: string; readonly options: unknown };
  readonly voice: VoiceOptions;
}

/** How long the thread may take to load, ms. */
const START_LIMIT_MS = 10_000;

/** A voice in a thread of its own. */
export interface VoiceThread extends Voice, VoiceRouting {
  /** @internal The thread, for tests that end it. */
  readonly worker: Worker;
}

class ThreadVoice extends RemoteVoice implements VoiceThread {
  constructor(
    readonly worker: Worker,
    events: VoiceEvents,
  ) {
    super(worker, events);
  }
  /** Ends streams and card in good order, then the thread, whether or not it still answers. */
  override async close(): Promise<void> {
    await super.close();
    await this.worker.terminate();
  }
}

/**
 * Starts the voice thread.
 * @returns when it can be used. The thread keeps the process alive until `close()`.
 * @throws Error when it does not start: unknown driver, wrong options.
 */
export function startVoiceThread(options: VoiceThreadOptions, events: VoiceEvents): Promise<VoiceThread> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./voice-thread.js", import.meta.url), { workerData: options, name: "voice" });
    let voice: ThreadVoice | undefined;
    const ended = (text: string): void => {
      clearTimeout(timer);
      if (voice) voice.failed(text);
      else {
        reject(new Error(text));
        void worker.terminate();
      }
    };
    const timer = setTimeout(
      () => ended(`the voice thread was not ready within ${START_LIMIT_MS / 1000} s`),
      START_LIMIT_MS,
    );
    worker.once("message", () => {
      clearTimeout(timer);
      voice = new ThreadVoice(worker, events);
      resolve(voice);
    });
    worker.on("error", (error) => ended(`the voice thread failed: ${error.message}`));
    worker.on("messageerror", (error) => ended(`the voice thread sent something unreadable: ${error.message}`));
    worker.on("exit", (code) => ended(`the voice thread ended (code ${code})`));
  });
}
