/** Fills the table of a run, settings by pairs, batch by batch. */
import type { ChatModel } from "@amulet-ts/core";
import type { AnsweringOptions } from "../answers/answer-pairs.js";
import { answerUnderSettings } from "../answers/answer-pairs.js";
import { keyOf, type Setting } from "../grid/settings.js";
import { checkScorer, judge, type Pair, type Scorer } from "../scorers/scorer.js";
import type { Cell } from "./cell.js";

/** Pairs of a batch; part of a run's identity, since sums depend on it in their last bits. */
export const batchSize = 16;

/** What a run asks, how it answers, and who judges. */
export interface RunWork<Name extends string = string> {
  readonly pairs: readonly Pair[];
  readonly settings: readonly Setting[];
  readonly scorer: Scorer<Name>;
  readonly answering: AnsweringOptions;
}

/** How many cells the whole table has. */
export function countCells({ pairs, settings }: Pick<RunWork, "pairs" | "settings">): number {
  return pairs.length * settings.length;
}

/**
 * Computes what is not yet there, batch by batch, each under all settings: wherever it is stopped, every curve is as
 * long as the others. A batch is computed whole or not at all, so that a run which was interrupted and taken up again
 * gives the very same numbers.
 *
 * @param isDone tells of batches that an earlier run has computed, by their first pair
 * @yields the cells of a batch as it is done
 * @throws CoreError `aborted` where the signal came, between two tokens; EvaluationError `bad-score`
 */
export async function* computeCells<Name extends string>(
  model: ChatModel,
  work: RunWork<Name>,
  isDone: (firstPair: number) => boolean = () => false,
): AsyncGenerator<Cell<Name>[], void, void> {
  checkScorer(work.scorer);
  for (let first = 0; first < work.pairs.length; first += batchSize) {
    if (!isDone(first)) yield await computeBatch(model, work, first);
  }
}

async function computeBatch<Name extends string>(
  model: ChatModel,
  { pairs, settings, answering, scorer }: RunWork<Name>,
  first: number,
): Promise<Cell<Name>[]> {
  const batch = pairs.slice(first, first + batchSize);
  const answers = await answerUnderSettings(model, batch, settings, answering, first);
  const cells = settings.flatMap((setting, s) =>
    answers[s]!.map(async (answer, i): Promise<Cell<Name>> => {
      const scores = await judge(scorer, answer.text, batch[i]!);
      return { setting: keyOf(setting), pair: first + i, ...answer, scores };
    }),
  );
  return Promise.all(cells);
}
