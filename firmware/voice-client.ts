// Starts the voice thread and gives signalling its Voice. Stands at the firmware's top because it knows where the thread's entry is.

import { Worker } from "node:worker_threads";
import { RemoteVoice, type VoiceEvents, type VoiceOptions } from "./media/index.js";

/** What the voice thread is started with: plain data. */
export interface VoiceThreadOptions {
  /** Driver of the sound card and its options, as `platform/` names them. */
  readonly audio: { readonly driver: string; readonly options: unknown };
  readonly voice: VoiceOptions;
}

/** How long the thread may take to load, ms. */
const START_LIMIT_MS = 10_000;

/** A voice in a thread of its own, which keeps the process alive until it is closed. */
export interface VoiceThread {
  readonly voice: RemoteVoice;
  /** Resolves when the thread is up; what is asked of it before waits. Rejects when it does not start: unknown driver, wrong options. */
  readonly ready: Promise<void>;
  /** @internal The thread, for tests that end it. */
  readonly worker: Worker;
  /** Ends streams and card in good order, then the thread, whether or not it still answers. */
  close(): Promise<void>;
}

/** Starts the voice thread. */
export function startVoiceThread(options: VoiceThreadOptions, events: VoiceEvents): VoiceThread {
  const worker = new Worker(new URL("./voice-thread.js", import.meta.url), { workerData: options, name: "voice" });
  const voice = new RemoteVoice(worker, events);
  const close = async (): Promise<void> => {
    await voice.close();
    await worker.terminate();
  };
  const ready = new Promise<void>((resolve, reject) => {
    const limit = setTimeout(
      () => ended(`the voice thread was not ready within ${START_LIMIT_MS / 1000} s`),
      START_LIMIT_MS,
    );
    let isUp = false;
    const ended = (text: string): void => {
      clearTimeout(limit);
      reject(new Error(text));
      // Who waits for it to be ready is told by that.
      if (!isUp) void close();
      voice.failed(text);
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
  ready.catch(() => {});
  return { voice, ready, worker, close };
}
