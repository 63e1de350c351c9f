/** Fills the table of a study, settings by pairs, batch by batch. */
import type { ChatModel } from "@amulet-ts/core";
import type { AnsweringOptions, Pair } from "./answer-pairs.js";
import { answerInTree } from "./answer-tree.js";
import type { AnswerScores, Cell } from "./cell.js";
import { keyOf, type Setting } from "./settings.js";

/** Pairs of a batch; part of a run's identity, since sums depend on it in their last bits. */
export const batchSize = 16;

export interface CurveWork {
  readonly pairs: readonly Pair[];
  readonly settings: readonly Setting[];
  /** @param pair its number in the list */
  readonly score: (answer: string, pair: number) => AnswerScores;
  readonly answering: AnsweringOptions;
}

/** How many cells the whole table has. */
export function countCells({ pairs, settings }: CurveWork): number {
  return pairs.length * settings.length;
}

/**
 * Computes what is not yet there, batch by batch, each under all settings: wherever it is stopped, every curve is as
 * long as the others. A batch is computed whole or not at all, so that a run which was interrupted and taken up again
 * gives the very same numbers.
 *
 * @param isDone tells of batches that an earlier run has computed, by their first pair
 * @yields the cells of a batch as it is done
 * @throws CoreError `aborted` where the signal came, between two tokens
 */
export async function* computeCells(
  model: ChatModel,
  work: CurveWork,
  isDone: (firstPair: number) => boolean = () => false,
): AsyncGenerator<Cell[], void, void> {
  for (let first = 0; first < work.pairs.length; first += batchSize) {
    if (!isDone(first)) yield await computeBatch(model, work, first);
  }
}

async function computeBatch(model: ChatModel, work: CurveWork, first: number): Promise<Cell[]> {
  const { pairs, settings, answering, score } = work;
  const batch = pairs.slice(first, first + batchSize);
  const answers = await answerInTree(model, batch, settings, answering, first);
  return settings.flatMap((setting, s) =>
    answers[s]!.map((answer, i) => ({
      setting: keyOf(setting),
      pair: first + i,
      ...answer,
      ...score(answer.text, first + i),
    })),
  );
}
