/** An answer in text: what may be said about it, and how it grows. */
import { type Choose, createChooser, type SamplingOptions } from "../decode/choose.js";
import type { Prompts } from "../decode/prompts.js";
import type { Change, DecodeEvent, DecodeRequest, EndReason, ReportedRows } from "../decode/request.js";
import { CoreError } from "../errors.js";
import type { ExplainOptions, Explanation } from "../explain/explain.js";
import type { Method } from "../methods/method.js";
import { callback, checkFields, text as givenText, listOf, optional } from "../port/given.js";
import type { SeenMass } from "../port/log-probabilities.js";
import type { PrefillOptions } from "../port/reading.js";
import type { TextUntilStop } from "./text-until-stop.js";

/** @public */
export interface CommonOptions extends SamplingOptions, PrefillOptions {
  /** Default 128, as in the paper's evaluation. */
  readonly maxNewTokens?: number;
  /** Texts that end an answer; they are not part of it. */
  readonly stop?: readonly string[];
  /** Explains every token: what the preference changed, and what would have been said otherwise. */
  readonly explain?: boolean | ExplainOptions;
  /** Tells both prompts' log-policies at every token. */
  readonly reportRows?: boolean;
}

export interface AnswerOptions extends CommonOptions {
  /** Asked before every token of each answer; what it changes holds from this token on. */
  readonly beforeToken?: (generated: readonly number[], index: number) => Change | undefined;
}

/** One answer, complete. */
export interface Answer {
  readonly text: string;
  /** Token ids, without the end token. */
  readonly ids: readonly number[];
  readonly finishReason: "stop" | "length";
  /** One for each id, where they were asked for. */
  readonly explanations?: readonly Explanation[];
}

/** A piece of an answer. `text` is empty while a token has completed no character yet. */
export interface AnswerPiece {
  /** Which of the methods it belongs to. */
  readonly index: number;
  readonly text: string;
  readonly id?: number;
  readonly logProbability?: number;
  readonly gamma?: number;
  /** Where the engine gives only the most probable tokens: how much of each policy it gave. */
  readonly seen?: SeenMass;
  readonly explanation?: Explanation;
  readonly rows?: ReportedRows;
  /** With the last piece of an answer: all of it. */
  readonly answer?: Answer;
}

/** @throws CoreError `bad-request` */
export function checkAnswerOptions(options: AnswerOptions): void {
  checkFields(options, { stop: optional(listOf(givenText)), beforeToken: optional(callback) }, "the options");
  if (!options.stop?.includes("")) return;
  throw new CoreError(
    "bad-request",
    "A text that ends the answer is empty, and would end every answer: leave it out.",
  );
}

/** @param choose by which the sampling options are replaced */
export function createRequest(
  prompts: Prompts,
  method: Method,
  index: number,
  options: AnswerOptions,
  choose: Choose = createChooser(options),
): DecodeRequest {
  const { maxNewTokens = 128, explain = false, reportRows = false, beforeToken } = options;
  return {
    ...prompts,
    method,
    choose,
    maxNewTokens,
    explain,
    reportRows,
    ...(beforeToken && { beforeToken: (generated) => beforeToken(generated, index) }),
  };
}

/** An answer's text as it comes. */
export class GrowingAnswer {
  /** Whether a stop text is complete: what the model would have gone on to say is not part of the answer. */
  hasStopped = false;
  private readonly explanations: Explanation[] = [];

  constructor(
    private readonly index: number,
    private readonly text: TextUntilStop,
    private readonly isExplained: boolean,
  ) {}

  *take(event: DecodeEvent): Generator<AnswerPiece> {
    if (event.type === "end") return yield this.end(event.reason);
    const { type: _, request: index, drift: __, ...token } = event;
    if (event.explanation) this.explanations.push(event.explanation);
    this.hasStopped = this.text.push(event.id);
    yield { index, text: this.text.take(), ...token };
    if (this.hasStopped) yield this.end("stop");
  }

  private end(reason: EndReason): AnswerPiece {
    const text = this.text.finish();
    const explanations = this.isExplained && { explanations: this.explanations };
    return { index: this.index, text, answer: { ...this.text.answer(reason), ...explanations } };
  }
}
