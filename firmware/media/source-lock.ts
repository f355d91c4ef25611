// Which synchronisation source a clear stream listens to: another SSRC is believed when it sends two packets in a row (RFC 3550 appendix A.1).

/** Remembers the source and judges newcomers. */
export class SourceLock {
  /** The packet last taken is the first of its source. */
  changed = false;
  private ssrc = -1;
  private candidate = -1;
  private candidateNext = -1;

  /**
   * A packet with a good payload type came from the right address.
   * @param trusted it was authenticated: a new source needs no probation.
   * @returns whether it may be used.
   */
  take(ssrc: number, sequence: number, trusted: boolean): boolean {
    this.changed = false;
    if (ssrc === this.ssrc) return true;
    if (trusted || this.ssrc < 0 || (ssrc === this.candidate && sequence === this.candidateNext)) {
      this.ssrc = ssrc;
      this.candidate = -1;
      this.changed = true;
      return true;
    }
    this.candidate = ssrc;
    this.candidateNext = (sequence + 1) & 0xffff;
    return false;
  }

  /** The next packet's source is taken as it comes: signalling named another peer. */
  release(): void {
    this.ssrc = this.candidate = -1;
  }
}
