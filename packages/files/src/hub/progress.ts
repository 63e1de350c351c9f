/** How far a download is. The overall figures count the files that are not in the
 * cache yet and known to be needed: first those that describe the model, then its weights too. */
export interface HubProgress {
  /** The file that moved, with its folders inside the repository. */
  readonly file: string;
  /** Bytes of the file that lie on this disk, those of an earlier attempt included. */
  readonly receivedBytes: number;
  readonly totalBytes: number;
  readonly overallReceivedBytes: number;
  readonly overallTotalBytes: number;
  /** Files of which every byte is here, and all that were missing. */
  readonly finishedFiles: number;
  readonly fileCount: number;
  /** Bytes that came over the network in this call: what a rate is computed from. */
  readonly fetchedBytes: number;
}

/** Adds up what several downloads running at once report. */
export class ProgressTally {
  private readonly received = new Map<string, number>();
  private readonly totals = new Map<string, number>();
  private readonly report: (progress: HubProgress) => void;
  private readonly finished = new Set<string>();
  private overallTotal = 0;
  private overallReceived = 0;
  private fetched = 0;

  constructor(report: (progress: HubProgress) => void) {
    this.report = report;
  }

  /** What is to come, more than what was known before. */
  expect(files: readonly { readonly path: string; readonly size: number }[]): void {
    for (const { path, size } of files) {
      this.totals.set(path, size);
      this.overallTotal += size;
    }
  }

  /** Bytes that came over the network so far. */
  get fetchedBytes(): number {
    return this.fetched;
  }

  /** `receivedBytes` of `file` are on disk; `fetchedBytes` of them have just arrived. */
  move(file: string, receivedBytes: number, fetchedBytes: number): void {
    this.overallReceived += receivedBytes - (this.received.get(file) ?? 0);
    this.received.set(file, receivedBytes);
    this.fetched += fetchedBytes;
    const totalBytes = this.totals.get(file) ?? receivedBytes;
    // A content whose hash is wrong is fetched again: a file can become unfinished.
    if (receivedBytes === totalBytes) this.finished.add(file);
    else this.finished.delete(file);
    this.report({
      file,
      receivedBytes,
      totalBytes,
      overallReceivedBytes: this.overallReceived,
      overallTotalBytes: this.overallTotal,
      finishedFiles: this.finished.size,
      fileCount: this.totals.size,
      fetchedBytes: this.fetched,
    });
  }
}
