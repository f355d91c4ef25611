// A screen that remembers what it showed.

import type { Display, DisplayView } from "../contract.js";
import { remember, type Surroundings, surroundings } from "./surroundings.js";

/** {@link Display} without a panel. Its observer hears a view's title and lines. */
export class SimulatedDisplay implements Display {
  /** The latest views, oldest first. */
  readonly views: DisplayView[] = [];
  private readonly around: Required<Surroundings>;
  private closed = false;

  constructor(options: Surroundings = {}) {
    this.around = surroundings(options);
  }

  show(view: DisplayView): void {
    if (this.closed) return;
    remember(this.views, view);
    this.around.observe([view.title, ...view.lines].join(" | "), this.around.clock.now());
  }
  close(): void {
    this.closed = true;
  }
}
