/** What came in the last seconds: an older pause or hurry says little about what is to come. */
const windowSeconds = 5;
/** Below this the first piece, which comes at once, would promise too much. */
const shortestSeconds = 0.2;

/** How fast bytes come. */
export class DownloadRate {
  private samples: { readonly seconds: number; readonly bytes: number }[] = [];

  /** @param bytes all that have come so far */
  note(seconds: number, bytes: number): void {
    this.samples.push({ seconds, bytes });
    // One sample older than the window stays: the window begins somewhere after it.
    while (this.samples.length > 2 && this.samples[1]!.seconds <= seconds - windowSeconds) {
      this.samples.shift();
    }
  }

  /** Bytes a second; undefined as long as too little is known. */
  get bytesPerSecond(): number | undefined {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || !last || last.seconds - first.seconds < shortestSeconds) return undefined;
    return (last.bytes - first.bytes) / (last.seconds - first.seconds);
  }
}

/** A time for people: `42 s`, `3 min`, `2.5 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 99.5) return `${Math.ceil(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
