export {
  type BackendFacts,
  type BackendMemory,
  type BackendName,
  type Precision,
  precisions,
  type RunningBackend,
  type StartOptions,
} from "./backend.js";
export { type Candidates, candidateBackends } from "./choose.js";
export * from "./errors.js";
export type { FastProducts } from "./fast-products.js";
export * from "./setup-libtensorflow.js";
export * from "./start.js";
