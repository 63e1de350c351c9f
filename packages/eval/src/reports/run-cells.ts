/** The table of a run: its answers, judged anew. */
import type { Cell } from "../cells/cell.js";
import type { RunAnswer } from "../runs/answer-line.js";
import { toCell } from "../runs/answer-line.js";
import type { RunPair } from "../runs/pairs.js";
import type { RunPlan } from "../runs/run-record.js";
import { checkScorer, judge, type Scorer } from "../scorers/scorer.js";

/** An answer with its place and its scores. `cell.pair` counts samples as well: they are things asked anew. */
export interface JudgedAnswer<Name extends string = string> {
  readonly cell: Cell<Name>;
  readonly answer: RunAnswer;
  readonly pair: RunPair;
}

/** In the order of the run; what is not answered yet is left out. @throws EvaluationError `bad-score` */
export async function judgeRun<Name extends string>(
  { rows, pairs, config }: RunPlan,
  answers: ReadonlyMap<string, RunAnswer>,
  scorer: Scorer<Name>,
): Promise<JudgedAnswer<Name>[]> {
  checkScorer(scorer);
  const judged: JudgedAnswer<Name>[] = [];
  for (const row of rows) {
    const answer = answers.get(row.key);
    if (!answer) continue;
    const pair = pairs[row.pair]!;
    const asked = row.pair * config.answers.samples + row.sample;
    const scores = await judge(scorer, answer.text, pair);
    judged.push({ cell: toCell(row, asked, answer, scores), answer, pair });
  }
  return judged;
}
