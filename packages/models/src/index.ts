export * from "./errors.js";
export { type LoadModelOptions, loadModel, type Model } from "./load-model.js";
export type { LoadProgress } from "./load-parameters.js";
export type { MemoryBudget } from "./memory.js";
export type { EncodeOptions, Tokenizer } from "./tokenizer/index.js";
