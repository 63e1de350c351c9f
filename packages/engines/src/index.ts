export { engineKind, engineNames } from "./engine-kind.js";
export { EngineError, type EngineErrorCode } from "./errors.js";
export { findModel } from "./find-model.js";
export { openEngine } from "./open-engine.js";
export {
  type OpenRewardModel,
  type OpenRewardModelOptions,
  openRewardModel,
} from "./open-reward-model.js";
export {
  type FindModelOptions,
  type GpuKind,
  gpuKinds,
  mostThreads,
  type OpenEngineOptions,
} from "./options.js";
