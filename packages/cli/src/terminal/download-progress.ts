import { performance } from "node:perf_hooks";
import { formatBytes, type HubProgress } from "@amulet-ts/files";
import type { Io } from "../io.js";
import { isLively } from "./colors.js";
import { DownloadRate, formatDuration } from "./download-rate.js";
import { writeAside } from "./output.js";
import { Progress } from "./progress.js";

/** How far a download is, on standard error: a line that moves on a terminal, else one for each tenth. */
export class DownloadProgress {
  private readonly isLive: boolean;
  private readonly line: Progress;
  private readonly rate = new DownloadRate();
  private lastTenth = -1;
  private lastTotal = 0;

  constructor(
    private readonly io: Io,
    private readonly id: string,
  ) {
    this.isLive = isLively(io.stderr, io.environment);
    this.line = new Progress(io, `Fetching ${id}`);
  }

  update(step: HubProgress): void {
    const { overallReceivedBytes: done, overallTotalBytes: total } = step;
    this.rate.note(performance.now() / 1000, step.fetchedBytes);
    if (this.isLive) this.line.update(done, total, this.describe(step));
    else this.writeTenth(step);
  }

  private writeTenth(step: HubProgress): void {
    const { overallReceivedBytes: done, overallTotalBytes: total } = step;
    const tenth = total > 0 ? Math.floor((10 * done) / total) : 0;
    // The weights that an index names are known once the small files are here: what was all is then a beginning.
    if (total > this.lastTotal) this.lastTenth = -1;
    this.lastTotal = total;
    if (tenth <= this.lastTenth) return;
    this.lastTenth = tenth;
    writeAside(this.io, `Fetching ${this.id}: ${tenth * 10} % · ${this.describe(step).join(" · ")}`);
  }

  /** Takes the moving line away. */
  clear(): void {
    this.line.clear();
  }

  private describe(step: HubProgress): string[] {
    const { finishedFiles, fileCount, overallReceivedBytes: done, overallTotalBytes: total } = step;
    const rate = this.rate.bytesPerSecond;
    const speed = rate ? [`${formatBytes(rate)}/s`, `${formatDuration((total - done) / rate)} left`] : [];
    return [
      `file ${Math.min(finishedFiles + 1, fileCount)} of ${fileCount}`,
      `${formatBytes(done)} of ${formatBytes(total)}`,
      ...(done < total ? speed : []),
    ];
  }
}
