/** How far a run of many answers is: a bar with the time that is left, judged by what was done since the start. */
import type { Io } from "../io.js";
import { formatDuration } from "./download-rate.js";
import { Progress } from "./progress.js";

export class AnswersProgress {
  private readonly line: Progress;
  private readonly started = performance.now();
  private tokens = 0;

  /** @param before how many of the `total` answers were there already */
  constructor(
    io: Io,
    private readonly before: number,
    private readonly total: number,
  ) {
    this.line = new Progress(io, "Answering");
  }

  /** @param tokens that were said since the last call, where that is known */
  update(done: number, tokens = 0): void {
    this.tokens += tokens;
    const seconds = (performance.now() - this.started) / 1000;
    const fresh = done - this.before;
    this.line.update(done, this.total, [
      `${done} of ${this.total} answers`,
      ...(this.tokens > 0 ? [`${Math.round(this.tokens / seconds)} tokens/s`] : []),
      ...(fresh > 0 ? [`${formatDuration((seconds * (this.total - done)) / fresh)} left`] : []),
    ]);
  }

  clear(): void {
    this.line.clear();
  }
}
