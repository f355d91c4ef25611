// Figures in words: the same number looks the same everywhere on the page.

/** A thin space between thousands. */
function grouped(text: string): string {
  return text.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** Milliseconds with as many decimals as they deserve, e.g. `0.042`, `3.21`, `17.4`, `1 204`. */
export function msDigits(ms: number): string {
  const size = Math.abs(ms);
  const text = ms.toFixed(size < 0.1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0);
  const [whole, fraction] = text.split(".");
  return fraction ? `${grouped(whole)}.${fraction}` : grouped(whole);
}

/** Milliseconds with their unit; an em dash where there is none. */
export function ms(value: number | null | undefined): string {
  return value === null || value === undefined ? "—" : `${msDigits(value)}\u00a0ms`;
}

/** A duration a person thinks of in seconds above one second. */
export function duration(value: number): string {
  return value >= 995 ? `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)}\u00a0s` : ms(value);
}

/** A moment of the call in ms, precise enough that messages which follow each other differ. */
export function moment(value: number): string {
  const [whole, fraction] = value.toFixed(value < 100 ? 2 : 1).split(".");
  return `${grouped(whole)}.${fraction}`;
}

/** A count with grouped thousands. */
export function count(value: number): string {
  return grouped(String(value));
}

/** A share in percent. */
export function percent(value: number | null | undefined): string {
  if (value === null || value === undefined) return "—";
  return `${value === 0 ? "0" : value < 10 ? value.toFixed(2) : value.toFixed(0)}\u00a0%`;
}

/** Decibels. */
export function decibels(value: number | null | undefined): string {
  return value === null || value === undefined ? "—" : `${value.toFixed(1)}\u00a0dB`;
}
