// What the two directions of SRTP have in common: keys, streams, options, re-keying, closing.

import type { SrtpKeys } from "./keys.js";
import { SessionKeys } from "./session-keys.js";
import { StreamTable } from "./streams.js";

/** Bounds of a context. */
export interface SrtpOptions {
  /** SSRCs per context and protocol, 1 to 1024. Default 16. */
  readonly maxStreams?: number;
  /** Packets the replay window remembers per stream: 64, 128, 256, 512 or 1024. Default 128. */
  readonly replayWindow?: number;
}

/** Where an RTP stream stands; what key management tells a late joiner. */
export interface SrtpStreamState {
  readonly ssrc: number;
  /** Roll-over counter of the highest packet. */
  readonly roc: number;
  /** Sequence number of the highest packet (s_l in RFC 3711 section 3.3.1). */
  readonly sequence: number;
}

/** One direction of an SRTP session: {@link SrtpSender} or {@link SrtpReceiver}. */
export abstract class SrtpContext {
  /** Undefined once closed. What is secret in it sits in private members: printing a context shows none of it. */
  protected session: SessionKeys | undefined;
  protected readonly rtpStreams: StreamTable;
  protected readonly rtcpStreams: StreamTable;

  /**
   * Derives the session keys; `keys` is copied, the caller wipes its own.
   * @throws RangeError or TypeError when `keys` or `options` are out of range.
   */
  constructor(keys: SrtpKeys, options: SrtpOptions = {}) {
    const { maxStreams = 16, replayWindow = 128 } = options;
    this.rtpStreams = new StreamTable(maxStreams, replayWindow);
    this.rtcpStreams = new StreamTable(maxStreams, replayWindow);
    this.session = new SessionKeys(keys);
  }

  /** True after {@link close}. */
  get closed(): boolean {
    return this.session === undefined;
  }

  /**
   * Goes on under other keys (re-keying, RFC 3711 section 8.1). Every stream keeps its roll-over counter, indices and replay
   * window, as the RFC demands; `keys.roc` counts for streams that begin later. The same keys again (a re-INVITE that changed
   * nothing) are welcome: no index is ever used twice.
   * @throws Error when closed; RangeError or TypeError as the constructor does, and then the old keys stay.
   */
  replaceKeys(keys: SrtpKeys): void {
    const old = this.session;
    if (old === undefined) throw new Error("the SRTP context is closed");
    this.session = new SessionKeys(keys);
    old.wipe();
  }

  /** Every RTP stream's state. Allocates; not for the packet path. */
  streams(): SrtpStreamState[] {
    const states: SrtpStreamState[] = [];
    for (let slot = 0; slot < this.rtpStreams.count; slot++) {
      const highest = this.rtpStreams.highest(slot);
      const sequence = highest % 0x10000;
      states.push({ ssrc: this.rtpStreams.ssrc(slot), roc: (highest - sequence) / 0x10000, sequence });
    }
    return states;
  }

  /** Wipes keys, schedules and midstates. Packets are answered with `closed` from now on. May be called again. */
  close(): void {
    this.session?.wipe();
    this.session = undefined;
  }
}
