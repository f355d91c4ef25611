// Records sound to a WAV file while it is heard: bounded memory, no waiting for the disk, a good file even if the process dies.

import { writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { WAV_HEADER_BYTES, writeWavHeaderInto, writeWavSamplesInto } from "../../firmware/audio/wav.js";
import { makeFolder } from "../../firmware/runtime/folder.js";

const BLOCK_BYTES = 16_384;
const BLOCKS = 4;
/** How much sound may be in the file before its header tells of it, seconds. */
const HEADER_EVERY_S = 1;
/** A WAV file ends at 4 GiB. */
const MAX_FRAMES = Math.floor((0xffffffff - 36) / 2);

interface Block {
  readonly bytes: Uint8Array;
  /** Frame of the file its first sample belongs to. */
  first: number;
  frames: number;
}

/** Writes one WAV file. {@link write} copies and returns; the file follows within about a second. */
export class WavRecorder {
  private readonly free: Block[] = [];
  private readonly full: Block[] = [];
  private current: Block;
  private readonly header = new Uint8Array(WAV_HEADER_BYTES);
  private headerFrames = 0;
  private draining: Promise<void> | undefined;
  private failure: Error | undefined;
  private closing: Promise<void> | undefined;
  /** Frames recorded so far, silence that was skipped included. */
  frames = 0;

  private constructor(
    private readonly path: string,
    private readonly rate: number,
    private readonly file: FileHandle,
  ) {
    for (let i = 0; i < BLOCKS; i++) this.free.push({ bytes: new Uint8Array(BLOCK_BYTES), first: 0, frames: 0 });
    this.current = this.free.pop()!;
  }

  /**
   * Creates the file (mode 0600, replacing one of that name) and its folder.
   * @throws Error that names the path and what is wrong.
   */
  static async open(path: string, rate: number): Promise<WavRecorder> {
    try {
      await makeFolder(dirname(path));
      const recorder = new WavRecorder(path, rate, await open(path, "w", 0o600));
      await recorder.writeHeader(0);
      return recorder;
    } catch (error) {
      throw new Error(`the recording ${path} cannot be written: ${reason(error)}`);
    }
  }

  /** Adds the first `samples` of `pcm`. Never throws; what the disk refuses is told by {@link close}. */
  write(pcm: Int16Array, samples: number): void {
    if (this.closing || this.failure) return;
    samples = Math.min(samples, MAX_FRAMES - this.frames);
    const capacity = BLOCK_BYTES / 2;
    for (let at = 0; at < samples; ) {
      const { current } = this;
      const count = Math.min(samples - at, capacity - current.frames);
      if (current.frames === 0) current.first = this.frames;
      writeWavSamplesInto(current.bytes.subarray(current.frames * 2), pcm.subarray(at, at + count), count);
      current.frames += count;
      this.frames += count;
      at += count;
      if (current.frames === capacity) this.handOver();
    }
  }

  /** Goes on at frame `frame` of the file; what lies between is silence (a hole, which takes no room on most file systems). */
  skipTo(frame: number): void {
    if (frame <= this.frames || this.closing || this.failure) return;
    if (this.current.frames) this.handOver();
    this.frames = Math.min(frame, MAX_FRAMES);
  }

  /** Writes what is left and the final header. @throws Error that names the path when something could not be written. */
  close(): Promise<void> {
    this.closing ??= (async () => {
      if (this.current.frames) this.handOver();
      await this.draining;
      try {
        if (!this.failure) {
          // Silence at the very end is a hole too: the file has to reach as far as its header says.
          await this.file.truncate(WAV_HEADER_BYTES + this.frames * 2);
          await this.writeHeader(this.frames);
        }
      } catch (error) {
        this.failure = error as Error;
      } finally {
        await this.file.close();
      }
      if (this.failure) throw new Error(`the recording ${this.path} is incomplete: ${reason(this.failure)}`);
    })();
    return this.closing;
  }

  private handOver(): void {
    const next = this.free.pop();
    if (next) {
      this.full.push(this.current);
      this.current = next;
      this.draining ??= this.drain();
      return;
    }
    // The disk is a whole pool behind: rather hold up this period than lose sound or grow.
    const { bytes, first, frames } = this.current;
    try {
      for (let at = 0; at < frames * 2; )
        at += writeSync(this.file.fd, bytes, at, frames * 2 - at, WAV_HEADER_BYTES + first * 2 + at);
    } catch (error) {
      this.failure = error as Error;
    }
    this.current.frames = 0;
  }

  private async drain(): Promise<void> {
    try {
      for (let block = this.full.shift(); block; block = this.full.shift()) {
        const end = block.first + block.frames;
        await this.writeAll(block.bytes, block.frames * 2, WAV_HEADER_BYTES + block.first * 2);
        block.frames = 0;
        this.free.push(block);
        if (end - this.headerFrames >= this.rate * HEADER_EVERY_S) await this.writeHeader(end);
      }
    } catch (error) {
      this.failure = error as Error;
    } finally {
      this.draining = undefined;
    }
  }

  private async writeHeader(frames: number): Promise<void> {
    writeWavHeaderInto(this.header, this.rate, frames);
    await this.writeAll(this.header, WAV_HEADER_BYTES, 0);
    this.headerFrames = frames;
  }

  private async writeAll(bytes: Uint8Array, length: number, position: number): Promise<void> {
    for (let at = 0; at < length; ) at += (await this.file.write(bytes, at, length - at, position + at)).bytesWritten;
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
