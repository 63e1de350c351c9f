/** The small language, its scores, its model, the trainer and the study. */
export * from "./errors.js";
export * from "./scores/index.js";
export { type LabScore, labScorer } from "./scores/scorer.js";
export { choiceRule } from "./study/choice-rule.js";
export { choosePairs } from "./study/choose-pairs.js";
export { conclude, type Study } from "./study/conclude.js";
export { drawFigures } from "./study/figures.js";
export { measures } from "./study/measures.js";
export { studyPlan } from "./study/plan.js";
export { makeBatch } from "./train/batches.js";
export { readTrainingRecord, type TrainingRecord, writeModelCard } from "./train/model-card.js";
export { registerGradients } from "./train/optimiser/gradients.js";
export { type RunResult, readRunRecord, runTraining, type TrainingProgress } from "./train/run-training.js";
export { defaultSettings, type TrainingSettings } from "./train/settings.js";
export { differentiate } from "./train/trainer.js";
export { heldOutPairs, sampleExamples } from "./world/corpus.js";
export type { QuestionPair } from "./world/example.js";
export { type PreferenceName, preferenceNames, preferenceSentenceOf } from "./world/preferences.js";
