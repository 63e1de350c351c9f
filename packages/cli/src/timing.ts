import { performance } from "node:perf_hooks";

/** Times of a run, in milliseconds; rates leave out the first token of each answer, which is part of the prefill. */
export interface Timing {
  readonly loadMs: number;
  /** From the start of the prefill to the first token. */
  readonly prefillMs: number;
  /** From the first token to the end of the last answer. */
  readonly decodeMs: number;
  readonly newTokens: number;
  /** Over all answers; 0 when no answer has a second token. */
  readonly tokensPerSecond: number;
}

/** Notes when tokens come. Answers are numbered from 0. */
export class Stopwatch {
  private readonly started = performance.now();
  private readonly counts: number[] = [];
  private readonly lastMs: number[] = [];
  private firstMs: number | undefined;
  private endMs = this.started;

  constructor(private readonly loadMs: number) {}

  /** A piece of an answer has come; the last one, after the end token, is none. */
  note(index: number, isToken: boolean): void {
    const now = performance.now();
    this.firstMs ??= now;
    this.endMs = now;
    if (!isToken) return;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.lastMs[index] = now;
  }

  /** Of one answer. */
  tokensPerSecond(index: number): number {
    const count = this.counts[index] ?? 0;
    return rate(count - 1, (this.lastMs[index] ?? 0) - (this.firstMs ?? 0));
  }

  get timing(): Timing {
    const newTokens = this.counts.reduce((sum, count) => sum + count, 0);
    const decodeMs = this.endMs - (this.firstMs ?? this.started);
    return {
      loadMs: round(this.loadMs),
      prefillMs: round((this.firstMs ?? this.endMs) - this.started),
      decodeMs: round(decodeMs),
      newTokens,
      tokensPerSecond: rate(newTokens - Object.keys(this.counts).length, decodeMs),
    };
  }
}

function rate(tokens: number, milliseconds: number): number {
  return tokens > 0 && milliseconds > 0 ? round((1000 * tokens) / milliseconds) : 0;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
