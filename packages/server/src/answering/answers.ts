/** The answers of one request: several may be asked for at once, and come side by side. */
import {
  type AnswerPiece,
  answerScheduled,
  type ChatModel,
  type Explanation,
  type ReportedRows,
  type Scheduler,
} from "@amulet-ts/core";
import type { FinishReason } from "../protocol/fields.js";
import { type Candidate, NotingChooser, samplingOf } from "./choosing.js";
import type { Order } from "./order.js";
import type { Dial } from "./steer.js";

export interface SaidToken extends Candidate {
  /** Which of its answer's tokens it is, from 0. */
  readonly index: number;
  /** The most probable tokens where it was chosen, where they were asked for. */
  readonly candidates: readonly Candidate[];
  /** x, where the method is one number at this token. */
  readonly guidanceScale?: number;
  readonly explanation?: Explanation;
  /** Both prompts' policies, where they were asked for. */
  readonly rows?: ReportedRows;
}

/** A piece of one of the answers. */
export interface ChoicePiece {
  readonly choice: number;
  readonly text: string;
  readonly token?: SaidToken;
  readonly finishReason?: FinishReason;
}

/**
 * Asks for all of them at once.
 *
 * @param leaving aborted when nobody waits for them any more, and here as soon as one of them fails
 * @throws CoreError `queue-full`, `bad-request`, `context-overflow`, `not-covered`, at once
 */
export function startAnswers(
  scheduler: Scheduler,
  model: ChatModel,
  order: Order,
  leaving: AbortController,
  onPlace: (place: number) => void,
): AsyncGenerator<ChoicePiece, void, void> {
  try {
    const answers = order.prompts.flatMap((prompts, p) =>
      Array.from({ length: order.samples }, (_, sample) => {
        const choice = p * order.samples + sample;
        return startAnswer(
          scheduler,
          model,
          { ...order, prompts: [prompts] },
          { choice, sample, leaving, onPlace },
        );
      }),
    );
    return merge(answers, leaving);
  } catch (error) {
    leaving.abort();
    throw error;
  }
}

interface Place {
  readonly choice: number;
  readonly sample: number;
  readonly leaving: AbortController;
  readonly onPlace: (place: number) => void;
}

function startAnswer(
  scheduler: Scheduler,
  model: ChatModel,
  { prompts: [prompts], steer: { dial, explain, policies }, sampling, stop, maxNewTokens, candidates }: Order,
  { choice, sample, leaving, onPlace }: Place,
): AsyncGenerator<ChoicePiece, void, void> {
  const own = samplingOf(sampling, sample);
  const chooser = candidates > 0 ? new NotingChooser(own, candidates) : undefined;
  const { beforeToken } = dial;
  const pieces = answerScheduled(scheduler, model, prompts!, dial.method, {
    ...own,
    ...(chooser && { choose: chooser.choose }),
    ...(beforeToken && { beforeToken }),
    maxNewTokens,
    stop,
    explain,
    reportRows: policies,
    signal: leaving.signal,
    onPlace,
  });
  return describe(pieces, choice, dial, chooser);
}

async function* describe(
  pieces: AsyncGenerator<AnswerPiece, void, void>,
  choice: number,
  dial: Dial,
  chooser: NotingChooser | undefined,
): AsyncGenerator<ChoicePiece, void, void> {
  const said: number[] = [];
  for await (const { text, id, logProbability, gamma, explanation, rows, answer } of pieces) {
    const guidanceScale = gamma === undefined ? scaleAt(dial, said) : gamma + 1;
    yield {
      choice,
      text,
      ...(id !== undefined && {
        token: {
          id,
          index: said.length,
          logProbability: logProbability!,
          candidates: chooser?.next() ?? [],
          ...(guidanceScale !== undefined && { guidanceScale }),
          ...(explanation && { explanation }),
          ...(rows && { rows }),
        },
      }),
      ...(answer && { finishReason: answer.finishReason }),
    };
    if (id !== undefined) said.push(id);
  }
}

function scaleAt({ method, beforeToken }: Dial, said: readonly number[]): number | undefined {
  return (beforeToken?.(said).method ?? method).guidanceScale;
}

/** Pieces as they come. */
async function* merge(
  answers: readonly AsyncGenerator<ChoicePiece, void, void>[],
  leaving: AbortController,
): AsyncGenerator<ChoicePiece, void, void> {
  const step = (i: number) => {
    const next = answers[i]!.next().then((result) => ({ i, result }));
    // It may fail while nobody asks for the next piece, and is then told to whoever does.
    next.catch(() => {});
    return next;
  };
  const pending = new Map(answers.map((_, i) => [i, step(i)]));
  try {
    while (pending.size > 0) {
      const { i, result } = await Promise.race(pending.values());
      pending.delete(i);
      if (result.done) continue;
      pending.set(i, step(i));
      yield result.value;
    }
  } finally {
    leaving.abort();
  }
}
