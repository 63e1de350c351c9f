export * from "./curve/index.js";
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
export { type PreferenceName, preferenceNames, preferenceSentenceOf } from "./world/preferences.js";
