// The messages between signalling thread and voice thread: what `voice.ts` offers, as data. Never samples.

import type { SrtpKeys } from "../srtp/index.js";
import type { CardChoice, PortNumbers, StreamOptions, StreamParameters, StreamStatistics, Tone } from "./voice.js";

/** Signalling to voice, one or more in a message ({@link WirePort}). `stream` is a number the signalling side chose; `request` asks for one {@link Reply}. */
export type Command =
  | { readonly type: "open"; readonly request: number; readonly stream: number; readonly options: StreamOptions }
  | {
      readonly type: "openAt";
      readonly request: number;
      readonly rtpPort: number;
      readonly stream: number;
      readonly options: StreamOptions;
    }
  | { readonly type: "keys"; readonly stream: number; readonly tx: SrtpKeys; readonly rx: SrtpKeys }
  | {
      readonly type: "rekey";
      readonly request: number;
      readonly stream: number;
      readonly tx: SrtpKeys;
      readonly rx: SrtpKeys;
      readonly sending: "now" | "confirmed";
    }
  | { readonly type: "confirmKeys"; readonly stream: number }
  | { readonly type: "start"; readonly stream: number; readonly parameters: StreamParameters }
  | { readonly type: "digit"; readonly stream: number; readonly digit: string; readonly durationMs: number }
  | { readonly type: "mute"; readonly stream: number; readonly on: boolean }
  | { readonly type: "statistics"; readonly request: number; readonly stream: number }
  | { readonly type: "close"; readonly request: number; readonly stream: number }
  | { readonly type: "tone"; readonly tone: Tone | undefined }
  | { readonly type: "volume"; readonly level: number }
  | { readonly type: "card"; readonly card: CardChoice | undefined }
  | { readonly type: "shutdown"; readonly request: number };

/** Voice to signalling: answers to requests. */
export type Reply =
  | { readonly type: "done"; readonly request: number; readonly value: PortNumbers | StreamStatistics | undefined }
  | { readonly type: "error"; readonly request: number; readonly text: string };

/** Voice to signalling: things that happen. */
export type Notice =
  | {
      readonly type: "firstPacket";
      readonly stream: number;
      readonly direction: "sent" | "received";
      readonly atMs: number;
    }
  /** Ports for an `openAt`. */
  | ({ readonly type: "ports" } & PortNumbers)
  | { readonly type: "digit"; readonly stream: number; readonly digit: string; readonly durationMs: number }
  | { readonly type: "silent"; readonly stream: number; readonly silentMs: number }
  | { readonly type: "keyAge"; readonly stream: number; readonly kind: "expiring" | "expired" }
  | { readonly type: "device"; readonly event: "lost" | "back" | "xrun"; readonly text: string }
  | { readonly type: "failed"; readonly text: string };

/**
 * One end of the line between the threads: `MessagePort`, `Worker` and `parentPort` all fit. Commands go as an array of those that were given in
 * one turn of the event loop: each message wakes the other thread, which costs more than what is in it.
 */
export interface WirePort {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: "message", listener: (message: unknown) => void): unknown;
}

/** Copies keys into memory of their own, which can be moved to another thread instead of being copied once more. */
export function copyKeys(keys: SrtpKeys): SrtpKeys {
  return {
    ...keys,
    masterKey: new Uint8Array(keys.masterKey),
    masterSalt: new Uint8Array(keys.masterSalt),
    ...(keys.mki ? { mki: new Uint8Array(keys.mki) } : {}),
  };
}

/** Zeroes the secret parts. */
export function wipeKeys(keys: SrtpKeys): void {
  keys.masterKey.fill(0);
  keys.masterSalt.fill(0);
}
