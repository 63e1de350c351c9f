import { judgeRun, type RunPlan, readAnswers, readRun, type Scorer } from "@amulet-ts/eval";
import { CliError } from "../../errors.js";
import { scorerOf } from "./known.js";

export interface JudgedRun {
  readonly plan: RunPlan;
  readonly scorer: Scorer;
  readonly judged: Awaited<ReturnType<typeof judgeRun<string>>>;
}

/** A run with its answers judged. @throws CliError `unreadable-input` for one without answers, EvaluationError */
export async function readJudgedRun(folder: string): Promise<JudgedRun> {
  const plan = await readRun(folder);
  const scorer = scorerOf(plan);
  const judged = await judgeRun(plan, await readAnswers(folder), scorer);
  if (judged.length > 0) return { plan, scorer, judged };
  throw new CliError(
    "unreadable-input",
    `There is no answer in ${folder} yet: amulet eval run --out ${folder}`,
  );
}
