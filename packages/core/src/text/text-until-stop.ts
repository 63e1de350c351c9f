import type { TextStream } from "./chat.js";

/** The text of an answer as it may be shown: nothing of a stop text, even where that spans tokens. */
export class TextUntilStop {
  private readonly ids: number[] = [];
  private shown = "";
  /** Decoded, not yet handed out. */
  private pending = "";
  private stopped = false;

  constructor(
    private readonly stream: TextStream,
    private readonly stops: readonly string[],
  ) {}

  /** Takes the next token. @returns whether a stop text is now complete */
  push(id: number): boolean {
    this.ids.push(id);
    this.pending += this.stream.push(id);
    const found = this.stops.map((stop) => this.pending.indexOf(stop)).filter((at) => at >= 0);
    if (found.length === 0) return false;
    this.pending = this.pending.slice(0, Math.min(...found));
    this.stopped = true;
    return true;
  }

  /** The text that can be shown now: all but what may yet become a stop text. */
  take(): string {
    const keep = this.stopped ? 0 : Math.max(0, ...this.stops.map((stop) => overlap(this.pending, stop)));
    return this.show(this.pending.length - keep);
  }

  /** What is left when the answer has ended. */
  finish(): string {
    if (!this.stopped) this.pending += this.stream.flush();
    return this.show(this.pending.length);
  }

  answer(finishReason: "stop" | "length") {
    return { text: this.shown, ids: this.ids, finishReason };
  }

  private show(length: number): string {
    const text = this.pending.slice(0, length);
    this.pending = this.pending.slice(length);
    this.shown += text;
    return text;
  }
}

/** Length of the longest end of `text` that begins `stop`. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (stop.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
