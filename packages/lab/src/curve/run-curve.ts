/** Fills the table of a study, settings by pairs, batch by batch. */
import type { ChatModel } from "@amulet-ts/core";
import { type AnsweringOptions, answerPairs, type Pair } from "./answer-pairs.js";
import type { AnswerScores, Cell } from "./cell.js";
import { keyOf, type Setting } from "./settings.js";

/** Pairs that are answered side by side; part of a run's identity, since sums depend on it in their last bits. */
export const batchSize = 64;

export interface CurveWork {
  readonly pairs: readonly Pair[];
  readonly settings: readonly Setting[];
  /** @param pair its number in the list */
  readonly score: (answer: string, pair: number) => AnswerScores;
  readonly answering: AnsweringOptions;
}

/** One batch under one setting: pairs `first` to `first + count − 1`. */
interface Batch {
  readonly setting: Setting;
  readonly first: number;
  readonly count: number;
}

/** How many cells the whole table has. */
export function countCells({ pairs, settings }: CurveWork): number {
  return pairs.length * settings.length;
}

/**
 * Computes what is not yet there, all settings on the first pairs before any on the next ones: whenever it is
 * stopped, every curve is as long as the others. A batch is computed whole or not at all, so that a run which was
 * interrupted and taken up again gives the very same numbers.
 *
 * @param isDone tells of batches that an earlier run has computed, by key and first pair
 * @yields the cells of a batch as it is done
 * @throws CoreError `aborted` where the signal came, between two tokens
 */
export async function* computeCells(
  model: ChatModel,
  work: CurveWork,
  isDone: (settingKey: string, firstPair: number) => boolean = () => false,
): AsyncGenerator<Cell[], void, void> {
  for (const batch of listBatches(work)) {
    if (!isDone(keyOf(batch.setting), batch.first)) yield await computeBatch(model, work, batch);
  }
}

function listBatches({ pairs, settings }: CurveWork): Batch[] {
  const firsts = Array.from({ length: Math.ceil(pairs.length / batchSize) }, (_, i) => i * batchSize);
  return firsts.flatMap((first) => {
    const count = Math.min(batchSize, pairs.length - first);
    return settings.map((setting) => ({ setting, first, count }));
  });
}

async function computeBatch(model: ChatModel, work: CurveWork, { setting, first, count }: Batch) {
  const pairs = work.pairs.slice(first, first + count);
  const answers = await answerPairs(model, pairs, setting, work.answering, first);
  return answers.map(
    (answer, i): Cell => ({
      setting: keyOf(setting),
      pair: first + i,
      ...answer,
      ...work.score(answer.text, first + i),
    }),
  );
}
