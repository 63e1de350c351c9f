import { performance } from "node:perf_hooks";
import stringWidth from "string-width";
import type { TextOutput } from "../io.js";
import { printableInColor } from "./printable.js";

const millisecondsBetweenFrames = 50;
// A terminal that knows them shows a frame at once (synchronised output); the others ignore them.
const [beginFrame, endFrame] = ["\x1b[?2026h", "\x1b[?2026l"];
const [hideCursor, showCursor] = ["\x1b[?25l", "\x1b[?25h"];

/** The last lines of a terminal, redrawn in place. Never higher than the terminal. */
export class LiveArea {
  private shown: readonly string[] = [];
  private lastFrame = Number.NEGATIVE_INFINITY;

  constructor(private readonly output: TextOutput) {}

  /** Rows that a frame may have. */
  get height(): number {
    return Math.max(1, (this.output.rows ?? 24) - 1);
  }

  /** Draws a frame, unless the last one is too fresh for an eye to have seen it. */
  draw(makeLines: () => readonly string[]): void {
    const now = performance.now();
    if (now - this.lastFrame < millisecondsBetweenFrames) return;
    this.lastFrame = now;
    this.output.cursorHides?.(true);
    this.replace(makeLines().slice(0, this.height).map(printableInColor), hideCursor);
  }

  /** Replaces the frame by lines that stay, however many. */
  finish(lines: readonly string[]): void {
    this.replace(lines.map(printableInColor), showCursor);
    this.output.cursorHides?.(false);
    this.shown = [];
  }

  private replace(lines: readonly string[], cursor: string): void {
    const up = this.shown.reduce((sum, line) => sum + this.rowsOf(line), 0);
    const back = up > 0 ? `\x1b[${up}A` : "";
    const text = lines.map((line) => `${line}\x1b[K\n`).join("");
    this.output.write(`${beginFrame}${cursor}\r${back}${text}\x1b[J${endFrame}`);
    this.shown = lines;
  }

  /** A window made narrower has broken lines that were whole; one that does not say how wide it is has 0 columns. */
  private rowsOf(line: string): number {
    return Math.max(1, Math.ceil(stringWidth(line) / (this.output.columns || 80)));
  }
}
