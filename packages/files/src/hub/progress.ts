/** How far a download is. The overall figures count every file of the model that is not in the cache yet. */
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
  readonly #received = new Map<string, number>();
  readonly #totals: ReadonlyMap<string, number>;
  readonly #overallTotal: number;
  readonly #report: (progress: HubProgress) => void;
  readonly #finished = new Set<string>();
  #overallReceived = 0;
  #fetched = 0;

  constructor(
    files: readonly { readonly path: string; readonly size: number }[],
    report: (progress: HubProgress) => void,
  ) {
    this.#totals = new Map(files.map(({ path, size }) => [path, size]));
    this.#overallTotal = files.reduce((sum, { size }) => sum + size, 0);
    this.#report = report;
  }

  /** Bytes that came over the network so far. */
  get fetchedBytes(): number {
    return this.#fetched;
  }

  /** `receivedBytes` of `file` are on disk; `fetchedBytes` of them have just arrived. */
  move(file: string, receivedBytes: number, fetchedBytes: number): void {
    this.#overallReceived += receivedBytes - (this.#received.get(file) ?? 0);
    this.#received.set(file, receivedBytes);
    this.#fetched += fetchedBytes;
    const totalBytes = this.#totals.get(file) ?? receivedBytes;
    // A content whose hash is wrong is fetched again: a file can become unfinished.
    if (receivedBytes === totalBytes) this.#finished.add(file);
    else this.#finished.delete(file);
    this.#report({
      file,
      receivedBytes,
      totalBytes,
      overallReceivedBytes: this.#overallReceived,
      overallTotalBytes: this.#overallTotal,
      finishedFiles: this.#finished.size,
      fileCount: this.#totals.size,
      fetchedBytes: this.#fetched,
    });
  }
}
