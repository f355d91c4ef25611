// A hand on a simulated sound card that runs in another thread: speak now, unplug, plug in again, fail.

import { BroadcastChannel } from "node:worker_threads";

/** What can be done to a simulated sound card from outside. */
export interface SoundControl {
  /** The person at the microphone begins the recording (again, from its start). */
  speak(): void;
  /** Pulls the plug. */
  unplug(reason?: string): void;
  replug(): void;
  /** Loses `frames` frames in one direction: silence is delivered or heard in their place. */
  xrun(direction: "capture" | "playback", frames: number): void;
  /** Keeps the card's thread from being served for `ms`, as a busy machine would. */
  stall(ms: number): void;
}

const actions = ["speak", "unplug", "replug", "xrun", "stall"] as const;
type Message = { readonly action: (typeof actions)[number]; readonly arguments: readonly unknown[] };

const channelName = (name: string) => `sotto.simulated-sound.${name}`;

/**
 * Controls the card opened with `control: name` in any thread of this process. What is said while no such card is open is lost.
 */
export function remoteSoundControl(name: string): SoundControl & { close(): void } {
  const channel = new BroadcastChannel(channelName(name));
  channel.unref();
  const send = (action: Message["action"], ...rest: unknown[]) => channel.postMessage({ action, arguments: rest });
  return {
    speak: () => send("speak"),
    unplug: (reason) => send("unplug", reason),
    replug: () => send("replug"),
    xrun: (direction, frames) => send("xrun", direction, frames),
    stall: (ms) => send("stall", ms),
    close: () => channel.close(),
  };
}

/** The card's end: passes on what {@link remoteSoundControl} asks for, until the returned function is called. */
export function serveSoundControl(name: string, card: SoundControl): () => void {
  const channel = new BroadcastChannel(channelName(name));
  channel.onmessage = (event) => {
    const message = (event as { data: Message }).data;
    if (!actions.includes(message.action)) return;
    (card[message.action] as (...args: readonly unknown[]) => void).apply(card, [...message.arguments]);
  };
  channel.unref();
  return () => channel.close();
}
