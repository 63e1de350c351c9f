export * from "./algorithm.js";
export { roundoffOfDifferences } from "./differentiate.js";
export * from "./forward.js";
export * from "./optimiser.js";
export { createSubject, type Seams } from "./reference.js";
