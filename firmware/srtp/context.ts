// What the two directions of SRTP have in common: keys, streams, options, re-keying, closing.

import type { SrtpKeys } from "./keys.js";
import { RTP_HEADER_BYTES, RTP_SSRC_AT, readWord } from "./packet.js";
import { SessionKeys, type Usage } from "./session-keys.js";
import { type PacketIndex, RTP_INDEX_LIMIT, StreamTable } from "./streams.js";

/** Master keys a context holds at a time. */
const MAX_KEYS = 8;
/** Streams for which keystream is made ahead. */
const AHEAD_STREAMS = 16;

/** A master key nears the end of its lifetime, or has reached it. */
export interface SrtpKeyEvent {
  /** `"expiring"`: 15/16 of the lifetime are used: time to re-key. `"expired"`: no further packet goes under this key. */
  readonly kind: "expiring" | "expired";
  readonly protocol: "rtp" | "rtcp";
  /** Which key: its MKI, empty when it has none. */
  readonly mki: Uint8Array;
  /** Packets so far, and how many there may be. */
  readonly used: number;
  readonly limit: number;
}

/** Bounds of a context. */
export interface SrtpOptions {
  /** SSRCs per context and protocol, 1 to 1024. Default 16. */
  readonly maxStreams?: number;
  /** Packets the replay window remembers per stream: 64, 128, 256, 512 or 1024. Default 128. */
  readonly replayWindow?: number;
  /** Hears of a master key's age; called in the middle of a packet, so it should only take note. */
  readonly onKeyAge?: (event: SrtpKeyEvent) => void;
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
  /** Newest first; empty once closed. What is secret in it sits in private members: printing a context shows none of it. */
  protected readonly keys: SessionKeys[] = [];
  protected readonly rtpStreams: StreamTable;
  protected readonly rtcpStreams: StreamTable;
  /** Room the longest trailer of RTP needs, bytes; RTCP's is 4 and perhaps the longer tag more. */
  protected rtpTrailer = 0;
  protected rtcpTrailer = 0;
  protected readonly replayWindow: number;
  readonly #maxStreams: number;
  readonly #onKeyAge: ((event: SrtpKeyEvent) => void) | undefined;
  /** A header to make keystream for. */
  readonly #header = new Uint8Array(RTP_HEADER_BYTES);
  /** Roll-over counters told for streams that have not begun, by SSRC as a signed word. */
  readonly #expected = new Map<number, number>();
  #closed = false;

  /**
   * Derives the session keys; `keys` is copied, the caller wipes its own.
   * @throws RangeError or TypeError when `keys` or `options` are out of range.
   */
  constructor(keys: SrtpKeys, options: SrtpOptions = {}) {
    const { maxStreams = 16, replayWindow = 128, onKeyAge } = options;
    this.rtpStreams = new StreamTable(maxStreams, replayWindow);
    this.rtcpStreams = new StreamTable(maxStreams, replayWindow);
    this.replayWindow = replayWindow;
    this.#maxStreams = maxStreams;
    this.#onKeyAge = onKeyAge;
    this.keys.push(new SessionKeys(keys));
    this.keysChanged();
  }

  /** True after {@link close}. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Goes on under other keys (re-keying, RFC 3711 section 8.1). Every stream keeps its roll-over counter, indices and replay
   * window, as the RFC demands; `keys.roc` counts for streams that begin later. The same keys again (a re-INVITE that changed
   * nothing) are welcome: no index is ever used twice, and their lifetime goes on.
   *
   * A sender uses the new keys from the next packet on and forgets the others. A receiver goes on taking packets under the others
   * until it has taken as many under the new ones as its replay window is wide: by then whatever was on its way is too old. See
   * {@link dropOldKeys}.
   * @throws Error when closed; RangeError or TypeError as the constructor does, and then the old keys stay.
   */
  replaceKeys(keys: SrtpKeys): void {
    const made = this.#take(keys);
    for (const other of this.keys) if (other !== made) other.retiring = true;
    if (this.keys.length > MAX_KEYS) this.keys.pop()!.wipe();
    this.replaced();
    this.keysChanged();
  }

  /**
   * Adds a master key beside those there are (several MKIs, or `<From, To>` ranges). A sender uses the newest whose range holds the
   * packet's index; a receiver takes packets under any.
   * @throws Error when closed; RangeError when there are 8 already, or as the constructor does.
   */
  addKeys(keys: SrtpKeys): void {
    if (this.keys.length >= MAX_KEYS) throw new RangeError(`an SRTP context holds at most ${MAX_KEYS} master keys`);
    this.#take(keys);
    this.keysChanged();
  }

  /** Forgets, and wipes, the master keys with this MKI (empty: those without), but never the newest. @returns how many they were */
  removeKeys(mki: Uint8Array): number {
    return this.#drop((keys) => keys.mki.length === mki.length && keys.named(mki, 0));
  }

  /** Forgets, and wipes, keys that were replaced: packets still on their way under them are refused from now on. */
  dropOldKeys(): void {
    this.#drop((keys) => keys.retiring);
  }

  /**
   * Tells the roll-over counter of a stream, as a late joiner hears it from key management (RFC 3711 section 3.3.1). For a stream that
   * has begun it is the next packet's, and only ever leads forward.
   * @throws RangeError when a number does not fit, or for more unknown SSRCs than there may be streams.
   */
  setRollover(ssrc: number, roc: number): void {
    for (const [name, value] of Object.entries({ ssrc, roc }))
      if (!(Number.isInteger(value) && value >= 0 && value <= 0xffffffff))
        throw new RangeError(`${name} must be a whole number from 0 to 2^32 - 1, is ${value}`);
    const slot = this.rtpStreams.slotOf(ssrc);
    if (slot >= 0) this.rtpStreams.tell(slot, roc);
    else {
      if (this.#expected.size >= this.#maxStreams && !this.#expected.has(ssrc | 0))
        throw new RangeError(`roll-over counters for at most ${this.#maxStreams} streams`);
      this.#expected.set(ssrc | 0, roc);
    }
  }

  /** True when a stream of this SSRC has begun: whoever chooses a new one, or sees a collision, wants to know. */
  has(ssrc: number): boolean {
    return this.rtpStreams.slotOf(ssrc) >= 0 || this.rtcpStreams.slotOf(ssrc) >= 0;
  }

  /** Every RTP stream's state. Allocates; not for the packet path. */
  streams(): SrtpStreamState[] {
    const states: SrtpStreamState[] = [];
    for (let slot = 0; slot < this.rtpStreams.count; slot++) {
      const highest = this.rtpStreams.highest(slot);
      const sequence = highest & 0xffff;
      states.push({ ssrc: this.rtpStreams.ssrc(slot), roc: (highest - sequence) / 0x10000, sequence });
    }
    return states;
  }

  /**
   * Makes keystream for the next RTP packets of each stream that has begun, in idle time: a packet whose keystream is ready costs an XOR
   * and its tag. Packets that come otherwise (a jump, a longer payload) are as right as without. At most 16 streams; memory is 16 x
   * `packets` x `bytes`, taken at the first call, wiped on close and with the keys. The f8 and NULL profiles have nothing to make.
   * @param packets how many ahead, 1 to 64; the same in every call
   * @param bytes encrypted bytes per packet, 1 to 2048; the same in every call
   * @param most make at most so many now (idle time may be short)
   * @returns how many were made; 0: all are ready
   */
  precompute(packets: number, bytes = 160, most = Number.POSITIVE_INFINITY): number {
    if (!(Number.isInteger(packets) && packets >= 1 && packets <= 64))
      throw new RangeError(`packets must be a whole number from 1 to 64, is ${packets}`);
    if (!(Number.isInteger(bytes) && bytes >= 1 && bytes <= 2048))
      throw new RangeError(`bytes must be a whole number from 1 to 2048, is ${bytes}`);
    const rounded = (bytes + 15) & ~15;
    const streams = this.rtpStreams;
    const count = Math.min(streams.count, AHEAD_STREAMS);
    let made = 0;
    for (let ahead = 1; ahead <= packets; ahead++)
      for (let slot = 0; slot < count; slot++) {
        if (made >= most) return made;
        if (!streams.next(slot, ahead, RTP_INDEX_LIMIT)) continue;
        const { index } = streams;
        const keys = this.keysFor(index);
        if (keys?.encryptRtp !== true) continue;
        streams.writeSsrc(slot, this.#header, RTP_SSRC_AT);
        if (keys.rtp(index).precompute(slot, this.#header, index, AHEAD_STREAMS, packets, rounded)) made++;
      }
    return made;
  }

  /** Wipes keys, schedules, midstates and keystream. Packets are answered with `closed` from now on. May be called again. */
  close(): void {
    for (const keys of this.keys) keys.wipe();
    this.keys.length = 0;
    this.#expected.clear();
    this.#closed = true;
  }

  /** The newest key whose range holds an RTP index. */
  protected keysFor(index: PacketIndex): SessionKeys | undefined {
    const all = this.keys;
    for (let i = 0; i < all.length; i++) if (all[i].covers(index)) return all[i];
    return undefined;
  }

  /** Puts the index at hand of a packet that may begin a stream. */
  protected first(packet: Uint8Array, sequence: number): void {
    let { roc } = this.keys[0];
    if (this.#expected.size > 0) roc = this.#expected.get(readWord(packet, RTP_SSRC_AT)) ?? roc;
    this.rtpStreams.index[0] = roc * 0x10000 + sequence;
  }

  /** Counts a packet under a key. */
  protected count(keys: SessionKeys, usage: Usage): void {
    if (++usage.used >= usage.next) this.#tell(keys, usage);
  }

  /** Keys were replaced, `keys[0]` is new. */
  protected abstract replaced(): void;

  #tell(keys: SessionKeys, usage: Usage): void {
    const { used, limit } = usage;
    usage.next = used < limit ? limit : Number.POSITIVE_INFINITY;
    this.#onKeyAge?.({
      kind: used < limit ? "expiring" : "expired",
      protocol: usage === keys.rtpUsage ? "rtp" : "rtcp",
      mki: keys.mki.slice(),
      used,
      limit,
    });
  }

  #take(keys: SrtpKeys): SessionKeys {
    if (this.#closed) throw new Error("the SRTP context is closed");
    const made = new SessionKeys(keys);
    const at = this.keys.findIndex((one) => one.same(made));
    if (at < 0) {
      this.keys.unshift(made);
      return made;
    }
    made.wipe();
    const [known] = this.keys.splice(at, 1);
    known.roc = made.roc;
    known.retiring = false;
    this.keys.unshift(known);
    return known;
  }

  #drop(which: (keys: SessionKeys) => boolean): number {
    let dropped = 0;
    for (let i = this.keys.length - 1; i > 0; i--)
      if (which(this.keys[i])) {
        this.keys.splice(i, 1)[0].wipe();
        dropped++;
      }
    if (dropped > 0) this.keysChanged();
    return dropped;
  }

  private keysChanged(): void {
    this.rtpTrailer = Math.max(...this.keys.map((keys) => keys.mki.length + keys.rtpTagBytes));
    this.rtcpTrailer = Math.max(...this.keys.map((keys) => 4 + keys.mki.length + keys.suite.rtcpTagBytes));
  }
}
