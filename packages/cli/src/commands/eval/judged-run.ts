import {
  judgeRun,
  type MeasuredRun,
  type RunPlan,
  readAnswers,
  readMeasures,
  readRun,
  withMeasures,
} from "@amulet-ts/eval";
import { CliError } from "../../errors.js";
import { scorerOf } from "./known.js";

export interface JudgedRun extends MeasuredRun {
  readonly plan: RunPlan;
}

/** A run with its answers judged, and with what models measured of all of them. @throws CliError `unreadable-input` for one without answers, EvaluationError */
export async function readJudgedRun(folder: string): Promise<JudgedRun> {
  const plan = await readRun(folder);
  const scorer = scorerOf(plan);
  const judged = await judgeRun(plan, await readAnswers(folder), scorer);
  if (judged.length > 0) return { plan, ...withMeasures(judged, scorer, await readMeasures(folder)) };
  throw new CliError(
    "unreadable-input",
    `There is no answer in ${folder} yet: amulet eval run --out ${folder}`,
  );
}
