export { EngineError, type EngineErrorCode } from "./errors.js";
export { findModel } from "./find-model.js";
export { openEngine } from "./open-engine.js";
export type { FindModelOptions, OpenEngineOptions } from "./options.js";
