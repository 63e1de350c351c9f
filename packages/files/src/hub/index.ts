export { type CachedModel, cachedModelPath } from "./cache/cached-model.js";
export {
  type CachedFile,
  type CachedRepository,
  type CachedRevision,
  listCachedModels,
} from "./cache/cached-models.js";
export { type RemovedModel, removeCachedModel } from "./cache/remove-model.js";
export { formatBytes } from "./model-files.js";
export { formatModelId, type ModelId, parseModelId } from "./model-id.js";
export type { HubProgress } from "./progress.js";
export {
  type DatasetFile,
  type DatasetId,
  type ResolvedDataset,
  resolveDataset,
} from "./resolve-dataset.js";
export { type ResolvedModel, resolveModel } from "./resolve-model.js";
export { cacheFolder, type Environment, type HubOptions } from "./settings.js";
