/** What is known of a request when it is over, for a line of a log and for metrics. */
import type { ChoicePiece } from "../answering/answers.js";
import type { Steer } from "../answering/steer.js";
import type { ServerError } from "../errors.js";

export interface RequestRecord {
  readonly id: string;
  readonly endpoint: string;
  readonly status: number;
  /** What was asked for, as it was written. */
  readonly model?: string;
  readonly stream?: boolean;
  readonly method?: string;
  /** x, its mean over the tokens where it changes. */
  readonly x?: number;
  /** Nats that bound every token's drift. */
  readonly budget?: number;
  readonly promptTokens?: { readonly base: number; readonly preference: number };
  readonly tokens: number;
  /** Until its first answer began to be read. */
  readonly waitedMs?: number;
  readonly firstTokenMs?: number;
  /** Between two tokens, on average. */
  readonly tokenMs?: number;
  readonly totalMs: number;
  /** `stop`, `length`; `gone` where the client did not wait, `cut` where it did not read; absent of what was refused. */
  readonly ended?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A request while it is under way. */
export class OpenRecord {
  private readonly started = performance.now();
  private facts: Partial<RequestRecord> = {};
  private tokens = 0;
  private sumOfScales = 0;
  private scaled = 0;
  private first: number | undefined;
  private last = 0;
  private begun: number | undefined;
  private reasons: string[] = [];

  constructor(
    readonly id: string,
    private readonly endpoint: string,
  ) {}

  noteOrder(facts: Pick<RequestRecord, "model" | "stream" | "promptTokens">, { dial }: Steer): void {
    const { name, budget } = dial;
    this.facts = { ...this.facts, ...facts, method: name, ...(budget !== undefined && { budget }) };
  }

  notePlace(place: number): void {
    if (place === 0) this.begun ??= performance.now();
  }

  notePiece({ token, finishReason }: ChoicePiece): void {
    if (finishReason) this.reasons.push(finishReason);
    if (!token) return;
    this.tokens++;
    this.last = performance.now();
    this.first ??= this.last;
    if (token.guidanceScale === undefined) return;
    this.sumOfScales += token.guidanceScale;
    this.scaled++;
  }

  noteError({ code, message }: ServerError): void {
    this.facts = { ...this.facts, error: { code, message } };
  }

  noteEnd(ended: "gone" | "cut"): void {
    this.facts = { ended, ...this.facts };
  }

  close(status: number): RequestRecord {
    const { started, first, begun, tokens } = this;
    const ended = this.facts.ended ?? [...new Set(this.reasons)].join(" and ");
    return {
      id: this.id,
      endpoint: this.endpoint,
      status,
      ...this.facts,
      ...(this.scaled > 0 && { x: this.sumOfScales / this.scaled }),
      tokens,
      ...(begun !== undefined && { waitedMs: begun - started }),
      ...(first !== undefined && { firstTokenMs: first - started }),
      ...(first !== undefined && tokens > 1 && { tokenMs: (this.last - first) / (tokens - 1) }),
      totalMs: performance.now() - started,
      ...(ended !== "" && { ended }),
    };
  }
}
