/** Two ways to show a comparison while it grows: columns on a wide terminal, blocks anywhere. */

import type { Io } from "../../io.js";
import { isLively } from "../../terminal/colors.js";
import { frameRows, layOutColumns } from "../../terminal/columns.js";
import { LiveArea } from "../../terminal/live-area.js";
import { writeLines } from "../../terminal/output.js";
import { Progress } from "../../terminal/progress.js";
import type { Comparison } from "./comparison.js";

export interface CompareView {
  /** Something was added. */
  update(): void;
  /** All has come that will come; also after an interruption. */
  finish(): void;
}

const leastWidth = 100;
const mostWidth = 200;

/** Columns where a terminal has room for them, otherwise blocks. */
export function chooseView(comparison: Comparison, longest: number, io: Io): CompareView {
  const isWide = (io.stdout.columns ?? 0) >= leastWidth;
  if (isLively(io.stdout, io.environment) && isWide) return new ColumnView(comparison, io);
  return new BlockView(comparison, longest, io);
}

class ColumnView implements CompareView {
  private readonly area: LiveArea;

  constructor(
    private readonly comparison: Comparison,
    private readonly io: Io,
  ) {
    this.area = new LiveArea(io.stdout);
  }

  update(): void {
    this.area.draw(() => this.lines(Math.max(1, this.area.height - frameRows - this.comparison.footerRows)));
  }

  finish(): void {
    this.area.finish([...this.lines(), ""]);
  }

  private lines(mostRows?: number): string[] {
    const columns = this.comparison.entries.map((_, index) => this.comparison.column(index));
    return layOutColumns(columns, Math.min(mostWidth, (this.io.stdout.columns ?? leastWidth) - 1), mostRows);
  }
}

/** One answer below the other, each when it and those before it are whole. */
class BlockView implements CompareView {
  private printed = 0;
  private readonly progress: Progress;

  constructor(
    private readonly comparison: Comparison,
    private readonly longest: number,
    private readonly io: Io,
  ) {
    this.progress = new Progress(io, "Answering");
  }

  update(): void {
    const { entries } = this.comparison;
    const done = entries.map(({ tokens, answer }) => (answer ? this.longest : tokens));
    this.progress.update(
      done.reduce((sum, count) => sum + count, 0),
      this.longest * entries.length,
    );
    while (entries[this.printed]?.answer !== undefined) this.printBlock();
  }

  finish(): void {
    this.progress.clear();
    while (this.printed < this.comparison.entries.length) this.printBlock();
  }

  private printBlock(): void {
    const { heading, body, footer } = this.comparison.column(this.printed++);
    this.progress.clear();
    writeLines(this.io, [`── ${heading}`, body, footer.join(" · "), ""]);
  }
}
