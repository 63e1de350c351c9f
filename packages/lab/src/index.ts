export * from "./curve/index.js";
export { embeddedModelFolder } from "./embedded-model.js";
export {
  isKnownQuestion,
  type JudgedSentence,
  type Judgement,
  judgeAnswer,
  preferenceNamed,
} from "./scores/judge.js";
export { grammaticality, preferenceStrength, relevance, type Score, score } from "./scores/score.js";
export * from "./statistics/index.js";
export * from "./train/index.js";
export {
  heldOutPairs,
  markedForOthers,
  markedWhenAsked,
  markedWhenFree,
  sampleExamples,
} from "./world/corpus.js";
export type { Example, QuestionPair, Split } from "./world/example.js";
export type { ReadSentence } from "./world/language.js";
export {
  type PreferenceName,
  preferenceNames,
  preferenceOfSentence,
  preferenceSentenceOf,
} from "./world/preferences.js";
