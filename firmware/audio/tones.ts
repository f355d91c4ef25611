// Tones the phone makes itself: ringback, busy and the like (ITU-T E.180 supplement 2), DTMF (ITU-T Q.23), a key's click.

/** Call-progress tones by meaning. `error` is E.180's congestion tone. */
export type ToneName = "ringback" | "busy" | "error" | "call-waiting" | "key";

/** A stretch of a tone's cadence. */
export interface ToneStep {
  /** Frequencies that sound together, Hz: none (silence), one or two. */
  readonly hertz: readonly number[];
  /** `Infinity`: until told otherwise. */
  readonly ms: number;
}

/** A tone: what sounds, how loud, in which rhythm. */
export interface ToneDefinition {
  readonly steps: readonly ToneStep[];
  /** After the last step the first follows again. */
  readonly repeat: boolean;
  /** Peak of each frequency, dB below full scale (0 dBm0 is about -3 of these). */
  readonly levelDb: number;
}

/** A region's tones. */
export type ToneTable = Readonly<Record<ToneName, ToneDefinition>>;

const on = (ms: number, ...hertz: number[]): ToneStep => ({ hertz, ms });
const off = (ms: number): ToneStep => ({ hertz: [], ms });
const click: ToneDefinition = { steps: [on(25, 1000)], repeat: false, levelDb: -24 };

/** 425 Hz, as most of Europe has it. */
export const europeanTones: ToneTable = {
  ringback: { steps: [on(1000, 425), off(4000)], repeat: true, levelDb: -16 },
  busy: { steps: [on(500, 425), off(500)], repeat: true, levelDb: -16 },
  error: { steps: [on(250, 425), off(250)], repeat: true, levelDb: -16 },
  "call-waiting": { steps: [on(200, 425), off(200), on(200, 425), off(5000)], repeat: true, levelDb: -22 },
  key: click,
};

/** The precise tone plan of North America. */
export const northAmericanTones: ToneTable = {
  ringback: { steps: [on(2000, 440, 480), off(4000)], repeat: true, levelDb: -19 },
  busy: { steps: [on(500, 480, 620), off(500)], repeat: true, levelDb: -22 },
  error: { steps: [on(250, 480, 620), off(250)], repeat: true, levelDb: -22 },
  "call-waiting": { steps: [on(300, 440), off(9700)], repeat: true, levelDb: -22 },
  key: click,
};

/** The United Kingdom's (ITU-T E.180 supplement 2): the double ring, 400 and 450 Hz; 400 Hz for busy and congestion. */
export const britishTones: ToneTable = {
  ringback: {
    steps: [on(400, 400, 450), off(200), on(400, 400, 450), off(2000)],
    repeat: true,
    levelDb: -19,
  },
  busy: { steps: [on(375, 400), off(375)], repeat: true, levelDb: -16 },
  error: { steps: [on(400, 400), off(350), on(225, 400), off(525)], repeat: true, levelDb: -16 },
  "call-waiting": { steps: [on(100, 400), off(2500)], repeat: true, levelDb: -22 },
  key: click,
};

/** Tones by region, as a configuration names them. */
export const toneTables = { eu: europeanTones, us: northAmericanTones, uk: britishTones } as const;
export type ToneRegion = keyof typeof toneTables;

const dtmfRows = [697, 770, 852, 941];
const dtmfColumns = [1209, 1336, 1477, 1633];

/** DTMF by digit (`0-9 * # A-D`), each sounding until told otherwise. */
export const dtmfTones: Readonly<Record<string, ToneDefinition>> = Object.fromEntries(
  "123A456B789C*0#D".split("").map((digit, i) => [
    digit,
    {
      steps: [on(Number.POSITIVE_INFINITY, dtmfRows[i >> 2], dtmfColumns[i & 3])],
      repeat: false,
      levelDb: -16,
    } satisfies ToneDefinition,
  ]),
);

/** Rise and fall of every sound, so that it begins and ends without a click, ms. */
const EDGE_MS = 5;

const silence: readonly number[] = [];

function sameSound(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a[0] === b[0] && a[1] === b[1];
}

/**
 * Writes tones as samples. Allocates nothing after construction. Sounds fade in and out over 5 ms; between rounds of a cadence the
 * oscillators run on in phase.
 */
export class ToneGenerator {
  private tone: ToneDefinition | undefined;
  private step = 0;
  /** Samples until the next step. */
  private left = 0;
  /** What the oscillators are set to; audible while gain is above 0. */
  private sound: readonly number[] = silence;
  private levelDb = 0;
  private amplitude = 0;
  private phase1 = 0;
  private phase2 = 0;
  private advance1 = 0;
  private advance2 = 0;
  private gain = 0;
  private readonly slope: number;

  /** @param rate sampling rate, Hz. */
  constructor(readonly rate: number) {
    if (!(rate >= 1000)) throw new RangeError(`rate must be 1000 Hz or more, got ${rate}`);
    this.slope = 1000 / (EDGE_MS * rate);
  }

  /** Whether there is anything to hear, now or after a pause of the cadence. */
  get playing(): boolean {
    return this.tone !== undefined || this.gain > 0;
  }

  /** Begins a tone in place of what sounds; undefined: silence after a short fade. */
  play(tone: ToneDefinition | undefined): void {
    this.tone = tone;
    this.step = -1;
    this.left = 0;
  }

  /**
   * Writes the next `samples` into `out`, all of them.
   * @returns false: nothing plays, and nothing was written.
   */
  playInto(out: Int16Array, samples: number): boolean {
    if (!this.playing) return false;
    for (let i = 0; i < samples; i++) {
      if (this.left === 0 && this.tone) this.nextStep();
      const wanted = this.tone ? this.tone.steps[this.step].hertz : silence;
      // What sounded before fades out before something else is tuned in.
      if (this.gain === 0 && wanted.length > 0) this.tune(wanted, this.tone!.levelDb);
      const up = wanted.length > 0 && this.tone!.levelDb === this.levelDb && sameSound(wanted, this.sound);
      this.gain = up ? Math.min(1, this.gain + this.slope) : Math.max(0, this.gain - this.slope);
      out[i] = this.gain > 0 ? Math.round(this.next() * this.gain) : 0;
      this.left--;
    }
    return true;
  }

  private nextStep(): void {
    const { steps, repeat } = this.tone!;
    this.step++;
    if (this.step === steps.length) {
      if (!repeat) {
        this.tone = undefined;
        return;
      }
      this.step = 0;
    }
    this.left = Math.max(1, Math.round((steps[this.step].ms * this.rate) / 1000));
  }

  private tune(hertz: readonly number[], levelDb: number): void {
    if (sameSound(hertz, this.sound) && levelDb === this.levelDb) return;
    this.sound = hertz;
    this.levelDb = levelDb;
    this.amplitude = 32767 * 10 ** (levelDb / 20);
    this.phase1 = this.phase2 = 0;
    this.advance1 = (2 * Math.PI * hertz[0]) / this.rate;
    this.advance2 = hertz.length > 1 ? (2 * Math.PI * hertz[1]) / this.rate : 0;
  }

  private next(): number {
    let sample = Math.sin(this.phase1);
    this.phase1 += this.advance1;
    if (this.phase1 > 2 * Math.PI) this.phase1 -= 2 * Math.PI;
    if (this.advance2) {
      sample += Math.sin(this.phase2);
      this.phase2 += this.advance2;
      if (this.phase2 > 2 * Math.PI) this.phase2 -= 2 * Math.PI;
    }
    return sample * this.amplitude;
  }
}
