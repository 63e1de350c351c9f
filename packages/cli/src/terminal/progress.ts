import { performance } from "node:perf_hooks";
import type { Io } from "../io.js";
import { colorsFor, isLively } from "./colors.js";

const cells = 24;
const millisecondsBetweenFrames = 60;

/** One line on standard error that says how far a long job is; nothing unless that is a terminal. */
export class Progress {
  private readonly shows: boolean;
  private lastFrame = 0;
  private isDrawn = false;

  constructor(
    private readonly io: Io,
    private readonly label: string,
  ) {
    this.shows = isLively(io.stderr, io.environment);
  }

  update(done: number, total: number): void {
    const now = performance.now();
    if (!this.shows || now - this.lastFrame < millisecondsBetweenFrames) return;
    this.lastFrame = now;
    this.isDrawn = true;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const { green, dim } = colorsFor(this.io.stderr, this.io.environment);
    const full = Math.round(share * cells);
    const bar = green("━".repeat(full)) + dim("─".repeat(cells - full));
    this.io.stderr.write(`\r\x1b[2K${this.label} ${bar} ${Math.floor(share * 100)} %`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.isDrawn) this.io.stderr.write("\r\x1b[2K");
    this.isDrawn = false;
  }
}
