export type { BackendFacts, BackendMemory, BackendName, RunningBackend } from "./backend.js";
export * from "./errors.js";
export * from "./start.js";
