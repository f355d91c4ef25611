// Packets that were quicker than the keys: media may overtake the answer that carries what opens it (RFC 3264 section 5.1).

/** Most packets kept: one second of 20 ms packets. */
const MAX_PACKETS = 50;

/** A packet as it came. */
export interface EarlyPacket {
  readonly packet: Uint8Array;
  readonly address: string;
  readonly port: number;
  /** Arrival, monotonic ms. */
  readonly atMs: number;
}

/** Keeps the newest packets of one socket until keys are there. */
export class EarlyPackets {
  private packets: EarlyPacket[] = [];

  /** @returns false when an older packet had to go for this one. */
  keep(packet: Uint8Array, address: string, port: number, atMs: number): boolean {
    const full = this.packets.length === MAX_PACKETS;
    if (full) this.packets.shift();
    this.packets.push({ packet, address, port, atMs });
    return !full;
  }

  /** Hands everything over, oldest first, and is empty afterwards. */
  release(): readonly EarlyPacket[] {
    const packets = this.packets;
    this.packets = [];
    return packets;
  }
}
