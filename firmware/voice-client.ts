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
  /** Resolves when the thread is up; what is asked of it before waits. Rejects when it does not start: unknown driver, wrong options. */
  readonly ready: Promise<void>;
  /** @internal The thread, for tests that end it. */
  readonly worker: Worker;
}

class ThreadVoice extends RemoteVoice implements VoiceThread {
  readonly ready: Promise<void>;

  constructor(
    readonly worker: Worker,
    events: VoiceEvents,
  ) {
    super(worker, events);
    this.ready = new Promise((resolve, reject) => {
      const limit = setTimeout(
        () => ended(`the voice thread was not ready within ${START_LIMIT_MS / 1000} s`),
        START_LIMIT_MS,
      );
      let isUp = false;
      const ended = (text: string): void => {
        clearTimeout(limit);
        reject(new Error(text));
        // Who waits for it to be ready is told by that.
        if (!isUp) void this.close();
        this.failed(text);
      };
      worker.once("message", () => {
        isUp = true;
        clearTimeout(limit);
        resolve();
      });
      worker.on("error", (error) => ended(`the voice thread failed: ${error.message}`));
      worker.on("messageerror", (error) => ended(`the voice thread sent something unreadable: ${error.message}`));
      worker.on("exit", (code) => ended(`the voice thread ended (code ${code})`));
    });
    // Also seen by whoever asks for a stream.
    this.ready.catch(() => {});
  }

  /** Ends streams and card in good order, then the thread, whether or not it still answers. */
  override async close(): Promise<void> {
    await super.close();
    await this.worker.terminate();
  }
}

/** Starts the voice thread. The thread keeps the process alive until `close()`. */
export function startVoiceThread(options: VoiceThreadOptions, events: VoiceEvents): VoiceThread {
  const worker = new Worker(new URL("./voice-thread.js", import.meta.url), { workerData: options, name: "voice" });
  return new ThreadVoice(worker, events);
}
