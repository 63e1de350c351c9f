export { type AnsweringOptions, answerPairs, type PairAnswer } from "./answers/answer-pairs.js";
export type { Cell, RunIdentity } from "./cells/cell.js";
export { CellFile } from "./cells/cell-file.js";
export { batchSize, computeCells, countCells, type RunWork } from "./cells/compute-cells.js";
export { identifyRun } from "./cells/identify-run.js";
export * from "./errors.js";
export { drawCurvePanel, type Landmark } from "./figures/curve-panel.js";
export { drawKeyPanel } from "./figures/key-panel.js";
export { composeFigure, type Figure, openPlotter, type Plotter } from "./figures/panel.js";
export { drawTradePanel } from "./figures/trade-panel.js";
export { type ApartChoice, chooseApart } from "./grid/choose-apart.js";
export { type ChoiceRule, chooseSetting } from "./grid/choose-setting.js";
export { type CurvePoint, type Curves, layOutCurves } from "./grid/curves.js";
export {
  type CurvePlan,
  keyOf,
  paperStrength,
  type Setting,
  settingsOf,
  strengthOfIterations,
} from "./grid/settings.js";
export type { JudgeServer } from "./judges/chat-client.js";
export { judgeAnswers } from "./judges/judge-answers.js";
export { defaultRubric } from "./judges/judge-prompt.js";
export { type JudgeSummary, summariseJudgements } from "./judges/summarise-judgements.js";
export { likelihoodMeasure } from "./measures/likelihood.js";
export { type Measure, readMeasures, takeMeasure } from "./measures/measure.js";
export { type Rater, rewardMeasure } from "./measures/reward.js";
export { type MeasuredRun, withMeasures } from "./measures/with-measures.js";
export { loadQuestions, type QuestionSets } from "./questions/question-source.js";
export { compareRuns, type SettingChange } from "./reports/compare-runs.js";
export { writeCsv, writeJsonLines, writeLatex } from "./reports/export.js";
export { pairAnswers } from "./reports/html/answers.js";
export { writeHtml } from "./reports/html/page.js";
export { describeRun, writeMarkdown } from "./reports/markdown.js";
export { judgeRun } from "./reports/run-cells.js";
export { spellInterval, spellP, spellWins } from "./reports/spell.js";
export { type GroupResult, type RunSummary, summariseRun } from "./reports/summarise-run.js";
export type { RunAnswer } from "./runs/answer-line.js";
export { answerRows } from "./runs/answer-rows.js";
export { parseConfig, type RunConfig, type RunConfigInput } from "./runs/config.js";
export { mergeRuns } from "./runs/merge.js";
export type { Question } from "./runs/pairs.js";
export { parseShard, type RunSource, type Shard, wholeRun } from "./runs/rows.js";
export { OpenShard, readAnswers, readStatus } from "./runs/run-folder.js";
export { hasRecord, planRun, type RunPlan, readRun } from "./runs/run-record.js";
export { computedPreferences } from "./scorers/computed/preferences.js";
export { computedScorer, qualityScorer } from "./scorers/computed/scorer.js";
export type { Instruction } from "./scorers/ifeval/instruction.js";
export { type IfevalId, ifevalInstructions } from "./scorers/ifeval/instructions.js";
export { ifevalScorer } from "./scorers/ifeval/scorer.js";
export type { Pair, Scorer, Scores } from "./scorers/scorer.js";
export {
  areApart,
  type BootstrapOptions,
  bootstrapDifference,
  bootstrapMean,
  type Interval,
  meanOf,
} from "./statistics/bootstrap.js";
export { bootstrapClusters } from "./statistics/cluster-bootstrap.js";
export { holm } from "./statistics/multiple.js";
export { signFlipTest } from "./statistics/paired.js";
export {
  agreement,
  type CellTable,
  type Comparison,
  compareSettings,
  type MeasureOf,
  type SettingSummary,
  summarise,
  tabulate,
} from "./statistics/summarise.js";
