export type { Example, QuestionPair, Split } from "./world/example.js";
export { type PreferenceName, preferenceNames, preferenceSentenceOf } from "./world/preferences.js";
export * from "./curve/index.js";
export * from "./statistics/index.js";
