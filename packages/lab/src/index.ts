export type { Example, QuestionPair, Split } from "./world/example.js";
export { type PreferenceName, preferenceNames, preferenceSentenceOf } from "./world/preferences.js";
