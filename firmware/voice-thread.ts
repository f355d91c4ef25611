// Entry of the voice thread: opens the sound driver by its name and serves the voice to the thread that started it.

import { parentPort, workerData } from "node:worker_threads";
import { openAudio } from "../platform/audio.js";
import { choosePacketCipherMaker } from "./crypto/packet-ciphers.js";
import { LocalVoice, serveVoice } from "./media/index.js";
import { keepCode } from "./runtime/code-cache.js";
import type { VoiceThreadOptions } from "./voice-client.js";
import { raiseThreadPriority } from "./voice-priority.js";

if (!parentPort) throw new Error("voice-thread is started by voice-client, not by itself");
const port = parentPort;
const { audio, voice } = workerData as VoiceThreadOptions;

raiseThreadPriority();
serveVoice(
  port,
  (events) =>
    new LocalVoice(
      voice,
      {
        openAudio: openAudio(audio.driver, audio.options),
        openCard: ({ driver, options }) => openAudio(driver, options),
      },
      events,
    ),
  () => port.close(),
);
port.postMessage({ type: "ready" });
// Which of two ways of encrypting is faster depends on the processor. Measured while nobody calls yet.
choosePacketCipherMaker(() => performance.now());
// A cache that cannot be written costs time at the next start and nothing else; the main thread says so of its own.
void keepCode().catch(() => {});
