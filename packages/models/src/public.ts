/** What the package offers on every platform. */

export * from "./errors.js";
export type { FamilyConfig, ForwardPass } from "./family.js";
export { type FastProducts, fastProducts } from "./layers/fast-products.js";
export { emptyCache } from "./layers/kv-cache.js";
export { checkConfig, checkRewardConfig } from "./loading/check-config.js";
export type { LoadModelOptions, Model } from "./loading/load-model.js";
export type { LoadProgress } from "./loading/load-parameters.js";
export type { MemoryBudget } from "./loading/memory.js";
export { type CheckpointTensors, defineModel, type ModelDefinition } from "./loading/model-definition.js";
export type { RatedRow, Rating, RewardModel } from "./rewards/reward-model.js";
export { openTensorSession, type TensorSession } from "./session.js";
