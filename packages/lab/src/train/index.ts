export { writeAtomically } from "../files/write-atomically.js";
export { learnMerges } from "../tokenizer/train-bpe.js";
export { type TokenizerFiles, trainTokenizer } from "../tokenizer/write-tokenizer.js";
export { type Batch, encodeExample, makeBatch, type TokenExample } from "./batches.js";
export { registerGradients } from "./gradients.js";
export {
  type CardSources,
  describeModel,
  readTrainingRecord,
  type TrainingRecord,
  writeModelCard,
} from "./model-card.js";
export {
  defaultShape,
  initialWeights,
  llamaConfig,
  type ModelConfig,
  type ModelShape,
} from "./model-shape.js";
export {
  type RunOptions,
  type RunResult,
  readRunRecord,
  runTraining,
  type TrainingProgress,
} from "./run-training.js";
export { readWeights, saveModel } from "./save-model.js";
export { defaultSettings, type TrainingSettings } from "./settings.js";
export { batchLoss, differentiate, meanLoss, type StepReport, Trainer } from "./trainer.js";
export { batchesOf, type Corpus, fillerOf, validationSet } from "./training-data.js";
