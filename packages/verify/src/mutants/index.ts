export * from "./algorithm.js";
export { createSubject, type Seams } from "./reference.js";
