export { type AnsweringOptions, answerPairs, type Pair, type PairAnswer } from "./answer-pairs.js";
export { answerInTree } from "./answer-tree.js";
export { type AnswerScores, type Cell, cellLine, headerLine, type RunIdentity } from "./cell.js";
export { CellFile } from "./cell-file.js";
export { choosePairs } from "./choose-pairs.js";
export { choiceRule, chooseStrength } from "./choose-strength.js";
export { drawFigures, type Figure } from "./figures.js";
export { batchSize, type CurveWork, computeCells, countCells } from "./run-curve.js";
export {
  type CurvePlan,
  keyOf,
  methodOf,
  paperStrength,
  type Setting,
  settingsOf,
  strengthOfIterations,
  studyPlan,
} from "./settings.js";
export {
  type Claim,
  type Comparison,
  type CurvePoint,
  type Curves,
  conclude,
  type PreferenceRow,
  type Study,
} from "./study.js";
export { type Measure, measures, type SettingSummary } from "./summarise.js";
