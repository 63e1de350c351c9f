export * from "./algorithm.js";
export * from "./forward.js";
export { createSubject, type Seams } from "./reference.js";
