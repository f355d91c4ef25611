// struct input_event (linux/input.h): 24 bytes where a long has 64 bits, 16 where it has 32. Read from and written to /dev/input/event*.

/** Bits of a long in this process; also the width of the words in sysfs' capability files. */
export function wordBits(arch: string = process.arch): 32 | 64 {
  return ["arm", "ia32", "mips", "mipsel", "ppc", "s390"].includes(arch) ? 32 : 64;
}

/** Bytes of one event. */
export function eventBytes(bits: 32 | 64 = wordBits()): 16 | 24 {
  return bits === 64 ? 24 : 16;
}

/** Told an event: EV_*, code, value. */
export type OnInputEvent = (type: number, code: number, value: number) => void;

/** Cuts what a device file gives into events. The kernel gives whole ones; a pipe may not. */
export class EventReader {
  private readonly rest: Buffer;
  private have = 0;

  constructor(
    private readonly onEvent: OnInputEvent,
    private readonly size: 16 | 24 = eventBytes(),
  ) {
    this.rest = Buffer.alloc(size);
  }

  /** Takes `length` bytes. */
  take(bytes: Buffer, length = bytes.length): void {
    let at = 0;
    if (this.have > 0) {
      at = Math.min(length, this.size - this.have);
      bytes.copy(this.rest, this.have, 0, at);
      this.have += at;
      if (this.have < this.size) return;
      this.have = 0;
      this.tell(this.rest, 0);
    }
    for (; at + this.size <= length; at += this.size) this.tell(bytes, at);
    if (at < length) this.have = bytes.copy(this.rest, 0, at, length);
  }

  private tell(bytes: Buffer, at: number): void {
    // The time before them (two longs, native order like the rest) is the kernel's; ours is taken when we see the event.
    const body = at + this.size - 8;
    if (LITTLE) this.onEvent(bytes.readUInt16LE(body), bytes.readUInt16LE(body + 2), bytes.readInt32LE(body + 4));
    else this.onEvent(bytes.readUInt16BE(body), bytes.readUInt16BE(body + 2), bytes.readInt32BE(body + 4));
  }
}

const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** An event with time 0 (the kernel fills it in, or does not care). */
export function writeEvent(type: number, code: number, value: number, size: 16 | 24 = eventBytes()): Buffer {
  const bytes = Buffer.alloc(size);
  const body = size - 8;
  if (LITTLE) {
    bytes.writeUInt16LE(type, body);
    bytes.writeUInt16LE(code, body + 2);
    bytes.writeInt32LE(value, body + 4);
  } else {
    bytes.writeUInt16BE(type, body);
    bytes.writeUInt16BE(code, body + 2);
    bytes.writeInt32BE(value, body + 4);
  }
  return bytes;
}
