export type { BackendFacts, BackendMemory, BackendName, RunningBackend } from "./backend.js";
export { candidateBackends } from "./choose.js";
export * from "./errors.js";
export * from "./setup-libtensorflow.js";
export * from "./start.js";
