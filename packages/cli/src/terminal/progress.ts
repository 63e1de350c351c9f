import { performance } from "node:perf_hooks";
import type { Io } from "../io.js";
import { colorsFor, isLively } from "./colors.js";
import { cutToWidth } from "./columns.js";
import { printableLine } from "./printable.js";

const cells = 24;
const millisecondsBetweenFrames = 60;

/** One line on standard error that says how far a long job is; nothing unless that is a terminal. */
export class Progress {
  private readonly shows: boolean;
  private lastFrame = Number.NEGATIVE_INFINITY;
  private isDrawn = false;

  constructor(
    private readonly io: Io,
    private readonly label: string,
  ) {
    this.shows = isLively(io.stderr, io.environment);
  }

  /** @param facts stand behind the bar, cut where the terminal ends */
  update(done: number, total: number, facts: readonly string[] = []): void {
    const now = performance.now();
    if (!this.shows || now - this.lastFrame < millisecondsBetweenFrames) return;
    this.lastFrame = now;
    this.isDrawn = true;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const { green, dim } = colorsFor(this.io.stderr, this.io.environment);
    const full = Math.round(share * cells);
    const bar = green("━".repeat(full)) + dim("─".repeat(cells - full));
    const line = [
      `${printableLine(this.label)} ${bar} ${Math.floor(share * 100)} %`,
      ...facts.map(printableLine),
    ].join(" · ");
    this.io.stderr.write(`\r\x1b[2K${cutToWidth(line, (this.io.stderr.columns ?? 80) - 1)}`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.isDrawn) this.io.stderr.write("\r\x1b[2K");
    this.isDrawn = false;
  }
}
